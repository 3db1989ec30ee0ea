"""What `gateway prices explain` does."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import typer

from gateway.cli.setting import configured, endpoint
from gateway.config import Config, ConfigError, Mistake
from gateway.config.mistakes import nearest
from gateway.config.text import text_of
from gateway.money import usd
from gateway.prices import load
from gateway.prices.cost import Context, Cost, Line
from gateway.prices.scopes import scope_of
from gateway.usage import Usage
from providers import catalog

_WHAT = "give a message, or the `usage` of one, as a JSON object"
_ENDS = frozenset({"low", "high"})
"""Sums that are told only where they are not the net sum."""
_UNITS = {"web_search": "USD each"}
_PER_TOKEN = "USD/MTok"  # noqa: S105 - a unit


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be explained."""

    target: str
    model: str
    usage: str
    at: datetime


def run(asked: Question, *, config: Path | None, env: str | None, as_json: bool) -> None:
    """Print the lines of a cost; raises ConfigError for what cannot be asked."""
    read = configured(config, env, serving=False)
    answer = _answer(asked.usage)
    context = _context(read, asked, answer)
    cost = load(read).cost(Usage.of(answer), context)
    if as_json:
        typer.echo(json.dumps(_told(context, cost, asked.at), indent=2))
    else:
        for line in _shown(context, cost, asked.at):
            typer.echo(line)
    raise typer.Exit(int(cost.net_pico is None))


def _context(config: Config, asked: Question, answer: Mapping[str, Any]) -> Context:
    section = config.upstreams.get(asked.target)
    if section is None:
        raise _wrong(
            "--target",
            f"there is no upstream {asked.target}",
            nearest(asked.target, config.upstreams),
        )
    try:
        model = catalog.resolve(asked.model).canonical
    except catalog.UnknownModel as error:
        raise _wrong("--model", str(error)) from None
    place = endpoint(section.provider, section.place())
    if model not in place.models:
        raise _wrong(
            "--model", f"{asked.target} does not serve {model}", nearest(model, place.models)
        )
    details = answer.get("stop_details")
    return Context(
        platform=section.provider,
        scope=scope_of(section.provider, place, model),
        model=model,
        served=_served(answer.get("model"), model, place.models[model].id),
        upstream=asked.target,
        at_s=asked.at.timestamp(),
        stop_reason=_text(answer.get("stop_reason")),
        refusal_category=_text(details.get("category")) if isinstance(details, dict) else None,
    )


def _served(named: object, model: str, wire_id: str) -> str | None:
    """Return the model that a message names; its id on the platform is the one asked for."""
    return model if named == wire_id else _text(named)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _answer(named: str) -> dict[str, Any]:
    """Return the message or usage in a file; raises ConfigError where there is none."""
    file = "standard input" if named == "-" else named
    text = sys.stdin.read() if named == "-" else text_of(Path(named))
    try:
        answer = json.loads(text)
    except ValueError as error:
        line = getattr(error, "lineno", None)
        what = f"is no JSON: {getattr(error, 'msg', error)}"
        raise ConfigError([Mistake(file, line, "", what, _WHAT)]) from None
    except RecursionError:
        raise ConfigError([Mistake(file, None, "", "is nested too deeply", _WHAT)]) from None
    if not isinstance(answer, dict):
        raise ConfigError([Mistake(file, None, "", "is no JSON object", _WHAT)])
    used = Usage.of(answer)
    runs = used.iterations or (used,)
    if all(run.input_tokens is None and run.output_tokens is None for run in runs):
        flags = f": {', '.join(used.flags)}" if used.flags else ""
        raise ConfigError([Mistake(file, None, "", f"tells no tokens{flags}", _WHAT)])
    return answer


def _wrong(option: str, message: str, suggestion: str = "") -> ConfigError:
    return ConfigError([Mistake(None, None, option, message, suggestion)])


def _shown(context: Context, cost: Cost, at: datetime) -> Iterator[str]:
    where = f"{context.upstream} ({context.platform}, {context.scope or 'scope unknown'})"
    yield f"{where}: {context.model}, prices of {at:%Y-%m-%d}"
    for line in cost.lines:
        yield _line(line)
    for row, source in {line.row: line.source for line in cost.lines}.items():
        yield f"row {row}: {' '.join(source.split())}"
    for reason in cost.unpriced:
        yield f"no price: {reason}"
    exact = cost.low_pico == cost.high_pico
    for name, amount in _sums(cost).items():
        if amount is not None and not (exact and name in _ENDS):
            yield f"{name.replace('_', ' ')}: {amount} USD"
    if cost.flags:
        yield f"flags: {', '.join(cost.flags)}"
    if cost.digest:
        yield f"prices: {cost.digest}"


def _line(line: Line) -> str:
    unit = _UNITS.get(line.category, _PER_TOKEN)
    text = f"{line.run} {line.model} {line.category}: {line.quantity} at {line.rate:f} {unit}"
    text += f" = {usd(line.list_pico)}" if line.billable else ", not billed"
    if line.billable and line.contract is not None:
        text += f", {usd(line.net_pico)} by contract {line.contract}"
    return f"{text} (row {line.row})"


def _sums(cost: Cost) -> dict[str, str | None]:
    """Return the sums of a cost as decimal text."""
    sums = {
        "list": cost.list_pico,
        "net": cost.net_pico,
        "low": cost.low_pico,
        "high": cost.high_pico,
        "without_caching": cost.uncached_pico,
        "totals_beside_iterations": cost.top_level_pico,
    }
    return {name: None if pico is None else usd(pico) for name, pico in sums.items()}


def _told(context: Context, cost: Cost, at: datetime) -> dict[str, Any]:
    """Return an explanation as JSON values; every amount is decimal text in USD."""
    lines = [
        {
            **{
                name: value
                for name, value in msgspec.to_builtins(line).items()
                if "pico" not in name
            },
            "list": usd(line.list_pico),
            "net": usd(line.net_pico),
        }
        for line in cost.lines
    ]
    return {
        "upstream": context.upstream,
        "platform": context.platform,
        "scope": context.scope,
        "model": context.model,
        "at": at.isoformat(),
        "lines": lines,
        **_sums(cost),
        "unpriced": list(cost.unpriced),
        "flags": list(cost.flags),
        "digest": cost.digest,
    }
