"""`gateway status`: how a running server does, asked of the server itself."""

from __future__ import annotations

import json
import sys
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import typer

from gateway.cli.setting import ConfigOption, EnvOption, JsonOption, configured, explained
from gateway.cli.table import table

if TYPE_CHECKING:
    from gateway.config import Config

PATH = "/readyz?verbose"
TIMEOUT_S = 10.0
KEY_VARIABLE = "GATEWAY_KEY"
MAX_BYTES = 16 << 20
UNREADY = 2
_PORTS = {"http": 80, "https": 443}
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1", "[::]": "::1"}
_COLUMNS = ("upstream", "platform", "region", "in flight", "attempts", "failures", "last failure")


class Unanswered(Exception):
    """The server was not reached, or what answered is none."""


_NO_ADDRESS = "The address of a server is written http://HOST:PORT."


def status(
    url: Annotated[
        str | None,
        typer.Option("--url", metavar="URL", help="The server; else that of the configuration."),
    ] = None,
    key_file: Annotated[
        Path | None,
        typer.Option(
            "--key-file",
            metavar="FILE",
            help=f"A file with a gateway key; else {KEY_VARIABLE}, or a key of the configuration.",
        ),
    ] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    env: EnvOption = None,
) -> None:
    """Ask a running server how it does. Exit code 1: no answer; 2: it is not ready."""
    with explained():
        found = configured(config, env, serving=True) if url is None else None
    try:
        report = ask(url or _address(found), _key(key_file, found))
    except Unanswered as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    if as_json:
        typer.echo(json.dumps(report, indent=2))
    else:
        _show(report)
    if report["status"] != "ready":
        raise typer.Exit(UNREADY)


def ask(url: str, key: str | None) -> dict[str, Any]:
    """Return what a server says of itself; raises Unanswered."""
    connection = _connection(url)
    headers = {} if key is None else {"x-api-key": key}
    try:
        connection.request("GET", PATH, headers=headers)
        answer = connection.getresponse()
        body = answer.read(MAX_BYTES)
    except HTTPException:
        raise Unanswered(f"{url}: what answers there speaks no HTTP.") from None
    except OSError as error:
        reason = error.strerror or str(error) or type(error).__name__
        raise Unanswered(f"{url}: no server answers: {reason}.") from None
    except ValueError:
        raise Unanswered("The gateway key has characters that no key has.") from None
    finally:
        connection.close()
    return _read(url, answer, body, with_key=key is not None)


def _read(url: str, answer: HTTPResponse, body: bytes, *, with_key: bool) -> dict[str, Any]:
    if answer.status in (401, 403):
        what = "does not take this gateway key" if with_key else "wants a gateway key"
        raise Unanswered(f"{url}: the server {what}; name one with --key-file or {KEY_VARIABLE}.")
    try:
        report = json.loads(body)
    except ValueError:
        report = None
    if not isinstance(report, dict) or not {"status", "version", "upstreams"} <= report.keys():
        raise Unanswered(f"{url}: what answers there (status {answer.status}) is no Tidegate.")
    return report


def _connection(url: str) -> HTTPConnection:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
    except (KeyError, ValueError):
        raise Unanswered(_NO_ADDRESS) from None
    if not host or parts.username is not None:
        raise Unanswered(_NO_ADDRESS)
    made = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    return made(host, port, timeout=TIMEOUT_S)


def _address(config: Config | None) -> str:
    if config is None:
        raise RuntimeError("without an address there is a configuration")
    if not config.server.port:
        raise Unanswered("The configuration lets the server take any port: name it with --url.")
    host = _EVERYWHERE.get(config.server.host, config.server.host)
    shown = f"[{host}]" if ":" in host and not host.startswith("[") else host
    return f"http://{shown}:{config.server.port}"


def _key(file: Path | None, config: Config | None) -> str | None:
    if file is not None:
        try:
            return file.read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError):
            raise Unanswered(f"{file}: this file cannot be read.") from None
    from gateway.config import process_environ  # noqa: PLC0415 - pydantic is slow to import

    if named := process_environ().get(KEY_VARIABLE, "").strip():
        return named
    if config is None:
        return None
    keys = [*config.server.keys, *(caller.key for caller in config.callers.values())]
    return keys[0].reveal() if keys else None


def _show(report: dict[str, Any]) -> None:
    """Print a report for people; a table on a terminal, else one line for each upstream."""
    left = report["retry_budget_left"]
    typer.echo(f"status: {report['status']}")
    typer.echo(f"version: {report['version']}, up for {_span(report['uptime_s'])}")
    typer.echo(f"policy: {report['policy']}, journal: {report['journal']}")
    if (ledger := report.get("ledger")) is not None:
        typer.echo(f"ledger: {_behind(ledger)}")
    typer.echo(
        f"in flight: {report['in_flight']}, read on for nobody: {report['draining']}, "
        f"tasks: {report['tasks']}, "
        f"retry budget left: {'no bound' if left is None else left}"
    )
    rows = [_row(upstream) for upstream in report["upstreams"]]
    if sys.stdout.isatty():
        table(_COLUMNS, rows)
    else:
        for row in rows:
            pairs = zip(_COLUMNS[1:], row[1:], strict=True)
            typer.echo(f"{row[0]}: " + ", ".join(f"{name} {cell}" for name, cell in pairs))
    for upstream in report["upstreams"]:
        for model in upstream["models"]:
            _show_model(upstream["name"], model)
    for trouble in report["troubles"]:
        typer.echo(f"trouble: {trouble}")


def _behind(ledger: dict[str, Any]) -> str:
    if ledger["error"] is not None:
        return f"not folded: {ledger['error']}"
    if ledger["lag_s"] is None:
        return "not looked at yet"
    return f"{ledger['records_behind']} records behind, {_span(ledger['lag_s'])} old"


def _show_model(upstream: str, model: dict[str, Any]) -> None:
    if model["state"] == "closed" and not model["failures_in_a_row"]:
        return
    until = "" if model["for_s"] is None else f" for {_span(model['for_s'])}"
    failed = model["failures_in_a_row"]
    typer.echo(
        f"{upstream}: {model['model']} is {model['state']}{until}, {failed} failures in a row"
    )


def _row(upstream: dict[str, Any]) -> list[str]:
    last = upstream["last_failure"]
    shown = "none" if last is None else f"{last['kind']} {_span(last['age_s'])} ago"
    amounts = [str(upstream[name]) for name in ("in_flight", "attempts", "failures")]
    return [upstream["name"], upstream["platform"], upstream["region"] or "-", *amounts, shown]


def _span(seconds: float) -> str:
    """Return a time span as people write it."""
    for size_s, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size_s:
            return f"{seconds / size_s:.0f} {unit}"
    return f"{seconds:.0f} s"
