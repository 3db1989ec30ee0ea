"""`gateway capabilities`: what a model is on every platform, and at the configured upstreams."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.setting import ConfigOption, EnvOption, JsonOption, configured, explained

if TYPE_CHECKING:
    from gateway.config import Config
    from gateway.support.model import Standing, Takes
    from providers.catalog import Model

USAGE = 2
"""The exit code for a model that nobody knows."""

ModelArgument = Annotated[str, typer.Argument(metavar="MODEL", help="A model, by any of its ids.")]
DayOption = Annotated[
    dt.datetime | None,
    typer.Option("--on", formats=["%Y-%m-%d"], metavar="DAY", help="Not today: on this day."),
]


def capabilities(
    model: ModelArgument,
    *,
    on: DayOption = None,
    config: ConfigOption = None,
    env: EnvOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what a model is on each platform: ids, limits, betas, features, its end, prices.

    The configured upstreams are told of too, where there is a configuration. Nobody is asked
    anything. Exits 2 for a model that is not known.
    """
    from providers import catalog  # noqa: PLC0415 - read when used

    with explained(as_json=as_json):
        try:
            known = catalog.model(catalog.resolve(model).canonical)
        except catalog.UnknownModel as error:
            _unknown(str(error), as_json=as_json)
            raise typer.Exit(USAGE) from None
        today = (on or dt.datetime.now(dt.UTC)).date()
        found = _standings(known, config, env, today)
    if as_json:
        typer.echo(json.dumps(told(known, found), indent=2))
    else:
        for line in lines(known, found):
            typer.echo(line)


def _unknown(what: str, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"ok": False, "mistakes": [{"message": what}]}, indent=2))
    else:
        typer.echo(what, err=True)


def _standings(
    model: Model, directory: Path | None, env: str | None, today: dt.date
) -> list[Standing]:
    """Return what a model is everywhere; raises ConfigError for a configuration with mistakes."""
    from gateway import compose, prices  # noqa: PLC0415 - pydantic is slow to import
    from gateway.prices.files import shipped_files  # noqa: PLC0415 - the same
    from gateway.support.model import at_upstreams, on_platforms  # noqa: PLC0415 - the same

    found = on_platforms(model, shipped_files(), today)
    config = _config(directory, env)
    if config is None:
        return found
    upstreams = [compose.upstream(section) for section in config.upstreams.values()]
    return [*found, *at_upstreams(model, upstreams, prices.load(config), today)]


def _config(directory: Path | None, env: str | None) -> Config | None:
    """Return the configuration; None: nothing names one, and no variable names an upstream."""
    from gateway.config import ConfigError, process_environ  # noqa: PLC0415 - pydantic is slow

    try:
        return configured(directory, env, serving=False)
    except ConfigError:
        named = directory is not None or env is not None or Path("config").exists()
        if named or not process_environ().keys().isdisjoint({"GATEWAY_CONFIG", "GATEWAY_ENV"}):
            raise
        return None


def told(model: Model, found: list[Standing]) -> dict[str, Any]:
    """Return it as JSON values."""
    import msgspec  # noqa: PLC0415 - only here

    rows: list[dict[str, Any]] = msgspec.to_builtins(found)
    return {
        "model": model.id,
        "name": model.display_name,
        "lifecycle": model.lifecycle,
        "platforms": [row for row in rows if row["upstream"] is None],
        "upstreams": [row for row in rows if row["upstream"] is not None],
    }


def lines(model: Model, found: list[Standing]) -> Iterator[str]:
    """Return it in words: a paragraph for each platform and each upstream."""
    yield f"{model.id} ({model.display_name}), {model.lifecycle} on the Claude API"
    for each in found:
        yield ""
        if each.upstream is None:
            yield f"{each.platform} ({each.title}): {_served(each)}"
        else:
            yield f"upstream {each.upstream} ({each.platform}): {_served(each)}"
        if each.served:
            yield from (f"  {line}" for line in _details(each))


def _served(each: Standing) -> str:
    if not each.served:
        return f"not served: {each.why_not}"
    return f"served as {', '.join(each.ids)}"


def _details(each: Standing) -> Iterator[str]:
    yield f"API version: {each.version}"
    window, output = _count(each.max_input_tokens), _count(each.max_output_tokens)
    yield f"context: {window} tokens; output: {output}; body: {_count(each.body_bytes)} bytes"
    yield f"lifecycle: {_lifecycle(each)}"
    if each.upstream is None:
        if each.regions:
            yield f"in the regions {', '.join(each.regions)} without a profile"
        if each.geos:
            yield f"inference_geo: {', '.join(each.geos)}"
        yield from _takes(each.takes)
        yield "does: " + ", ".join(name for name, cell in each.does.items() if cell == "yes")
        yield from (f"{name}: {cell}" for name, cell in each.does.items() if cell != "yes")
    scopes = f"known ({', '.join(each.prices)})"
    yield f"price: {f'not known: {each.unpriced}' if each.unpriced else scopes}"


def _count(number: int | None) -> str:
    return "not known" if number is None else f"{number:,}"


def _lifecycle(each: Standing) -> str:
    if each.retires_on is not None:
        return f"served until {each.retires_on}"
    if each.no_sooner_than is not None:
        return f"its end is not known; not before {each.no_sooner_than}"
    return "no end is known"


def _takes(takes: Takes) -> Iterator[str]:
    if takes.all_but:
        refused = [*takes.refused_fields, *takes.refused_betas]
        yield "takes: everything" + (f" but {', '.join(refused)}" if refused else "")
        return
    yield f"betas: {', '.join(takes.betas)}"
    yield f"fields: {', '.join(takes.fields)}"
    yield f"tools: {', '.join(takes.tools)}"
    if takes.refused_parts:
        yield f"not taken: {', '.join(takes.refused_parts)}"
