"""`gateway check`: what this configuration amounts to, or what is wrong with it."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.setting import ConfigOption, EnvOption, configured, endpoint
from gateway.cli.table import table

if TYPE_CHECKING:
    from gateway.config import Caller, Config, ConfigError, Upstream
    from gateway.prices.pricing import PriceBook

_CREDENTIALS = {
    "aws_chain": "found by boto3's chain when first used",
    "azure_default": "what the environment names, or the machine's identity in Azure",
    "azure_managed": "the machine's identity in Azure",
    "google_adc": "Google's application default credentials",
}
_COLUMNS = ("order", "name", "provider", "where", "base_url", "credential")


def check(
    config: ConfigOption = None,
    env: EnvOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Check the configuration and print what it amounts to; no request is sent."""
    from gateway.config import ConfigError  # noqa: PLC0415 - pydantic is slow to import

    try:
        report = summary(configured(config, env, serving=True))
    except ConfigError as error:
        _give_up(error, as_json=as_json)
        raise typer.Exit(1) from None
    if as_json:
        typer.echo(json.dumps(report, indent=2))
    else:
        _show(report)


def summary(config: Config) -> dict[str, Any]:
    """Return what a configuration amounts to, as JSON values and without any secret.

    Raises ConfigError when a policy, an attestation or a price file has a mistake.
    """
    from gateway.boundary import load  # noqa: PLC0415 - pydantic is slow to import
    from gateway.config import NO_POLICY_WARNING  # noqa: PLC0415 - the same
    from gateway.memory import unread_note  # noqa: PLC0415 - the same
    from gateway.prices import load as load_prices  # noqa: PLC0415 - the same

    in_force = load(config)
    prices, at_s = load_prices(config), time.time()
    upstreams = [_upstream(upstream, config) for upstream in _by_order(config)]
    warning = [NO_POLICY_WARNING] if config.no_file else []
    return {
        "ok": True,
        "environment": config.environment,
        "directory": None if config.directory is None else str(config.directory),
        "policy": "none" if in_force is None else in_force.compiled.digest,
        "policies": [] if in_force is None else [each.policy.name for each in in_force.files],
        "facts": None if in_force is None else in_force.facts.digest,
        "journal": None if config.journal.dir is None else str(config.path(config.journal.dir)),
        "pins": None if config.journal.dir is None else str(_pins(config)),
        "prices": _prices(prices, at_s),
        "upstreams": upstreams,
        "server": {
            "address": f"{config.server.host}:{config.server.port}",
            "keys": [str(key) for key in config.server.keys],
            "callers": {name: _caller(each) for name, each in config.callers.items()},
        },
        "notes": [
            *warning,
            *config.notes,
            *unread_note(config.server.memory_mb),
            *_idle(upstreams),
            *_idle_policies(config),
            *_idle_contracts(prices, at_s),
        ],
        "mistakes": [],
    }


def _prices(book: PriceBook, at_s: float) -> dict[str, Any]:
    """Return which prices are in force: the book, and the contracts that hold today."""
    contracts = [each for each in book.contracts if each.holds_at(at_s)]
    return {
        "digest": book.digest,
        "file": book.own_file,
        "contracts": [each.told() for each in contracts],
    }


def _pins(config: Config) -> Path:
    """Return the file that says which upstream has a batch or a file."""
    from gateway.stateful.store import FILE_NAME  # noqa: PLC0415 - only for its name

    return config.path(config.journal.dir or "") / FILE_NAME


def _idle(upstreams: list[dict[str, Any]]) -> list[str]:
    """Return a note on each upstream in use that no request can go to."""
    return [
        f"{found['name']} is used but serves no model as it is: it may need a profile or models"
        for found in upstreams
        if found["order"] is not None and not found["models"]
    ]


def _caller(caller: Caller) -> dict[str, Any]:
    return {
        "key": str(caller.key),
        "classes": list(caller.classes),
        "layers": list(caller.layers),
    }


def _idle_policies(config: Config) -> list[str]:
    """Return a note on each policy file that lies with the others and is not in force."""
    found = sorted(config.path("policies").absolute().glob("*.toml"))
    return [
        f"{file.name} is not in force: [policy] files does not name it"
        for file in found
        if str(file) not in config.policy.files
        and not file.name.endswith("_test.toml")
        and not (config.policy.files and file.name == "blocks.toml")
    ]


def _idle_contracts(book: PriceBook, at_s: float) -> list[str]:
    """Return a note on each contract that does not hold today."""
    return [
        f"contract {each.name} does not hold today: it is from {each.effective_from}"
        + (f" until {each.effective_until}" if each.effective_until else "")
        for each in book.contracts
        if not each.holds_at(at_s)
    ]


def _by_order(config: Config) -> list[Upstream]:
    unused = [found for found in config.upstreams.values() if found not in config.used]
    return [*config.used, *unused]


def _upstream(upstream: Upstream, config: Config) -> dict[str, Any]:
    order = config.routing.order
    place = upstream.place()
    complete = endpoint(upstream.provider, place)
    return {
        "order": order.index(upstream.name) + 1 if upstream.name in order else None,
        "name": upstream.name,
        "provider": upstream.provider,
        "region": complete.region,
        "profile": complete.profile,
        "project": complete.project,
        "base_url": complete.base_url,
        "credential": _credential(upstream),
        "proxy": None if upstream.proxy is None else str(upstream.proxy),
        "fidelity": upstream.fidelity,
        "models": {name: model.id for name, model in complete.models.items()},
    }


def _credential(upstream: Upstream) -> str:
    from gateway.config import (  # noqa: PLC0415 - pydantic is slow to import
        AwsUpstreamSection,
        FoundryUpstream,
        GoogleUpstreamSection,
    )

    kind = upstream.credential_kind
    if upstream.token is not None:
        return str(upstream.token)
    if isinstance(upstream, AwsUpstreamSection) and kind == "aws_keys":
        return str(upstream.aws_secret_access_key)
    if isinstance(upstream, AwsUpstreamSection) and kind == "aws_profile":
        return f"AWS profile {upstream.aws_profile}"
    if isinstance(upstream, GoogleUpstreamSection) and kind == "google_file":
        return f"file {upstream.credentials_file}"
    if isinstance(upstream, FoundryUpstream) and kind == "azure_secret":
        return str(upstream.client_secret)
    if isinstance(upstream, FoundryUpstream) and kind in ("azure_certificate", "azure_workload"):
        return f"file {upstream.certificate_file or upstream.federated_token_file}"
    return _CREDENTIALS[kind]


def _give_up(error: ConfigError, *, as_json: bool) -> None:
    if as_json:
        mistakes = [asdict(mistake) for mistake in error.mistakes]
        typer.echo(json.dumps({"ok": False, "mistakes": mistakes}, indent=2))
    else:
        typer.echo(str(error), err=True)


def _show(report: dict[str, Any]) -> None:
    """Print a report for people; a table on a terminal, else one line for each upstream."""
    where = report["directory"] or "no file"
    typer.echo(f"configuration: {where}")
    typer.echo(f"environment: {report['environment'] or 'none'}")
    names = ", ".join(report["policies"])
    typer.echo(f"policy: {report['policy'][:16]}" + (f" ({names})" if names else ""))
    rows = [_row(upstream) for upstream in report["upstreams"]]
    if sys.stdout.isatty():
        table((*_COLUMNS, "models"), rows)
    else:
        for row in rows:
            typer.echo("upstream: " + ", ".join(cell for cell in row if cell))
    server = report["server"]
    named = [f"{each['key']} ({name})" for name, each in server["callers"].items()]
    keys = ", ".join([*server["keys"], *named]) or "none, loopback only"
    typer.echo(f"server: {server['address']}, keys: {keys}")
    typer.echo(f"journal: {report['journal'] or 'none'}")
    in_memory = "in memory: a restart forgets which upstream has a batch or a file"
    typer.echo(f"pins: {report['pins'] or in_memory}")
    prices = report["prices"]
    typer.echo(
        f"prices: {prices['digest'][:16]}" + (f" ({prices['file']})" if prices["file"] else "")
    )
    for each in prices["contracts"]:
        typer.echo(_contract(each))
    for note in report["notes"]:
        typer.echo(f"note: {note}")


def _contract(told: dict[str, Any]) -> str:
    whom = ", ".join([*told["upstreams"], *told["platforms"]])
    what = f" for {', '.join(told['models'])}" if told["models"] else ""
    until = f", until {told['effective_until']}" if told["effective_until"] else ""
    return f"contract: {told['name']}, {told['multiplier']} of list on {whom}{what}{until}"


def _row(upstream: dict[str, Any]) -> list[str]:
    order = "not used" if upstream["order"] is None else str(upstream["order"])
    where = "/".join(upstream[key] for key in ("project", "region", "profile") if upstream[key])
    models = f"{len(upstream['models'])} models"
    return [
        order,
        upstream["name"],
        upstream["provider"],
        where,
        upstream["base_url"],
        upstream["credential"],
        models,
    ]
