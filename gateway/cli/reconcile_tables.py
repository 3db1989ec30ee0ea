"""A comparison for people: a table for each class, and what the rest is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import typer

from gateway.cli.table import table

_SAYS = {
    "missing_here": "only the statement has",
    "missing_there": "only the ledger has",
    "we_low": "the ledger has less than the statement",
    "we_high": "the ledger has more than the statement",
    "match": "match",
}
_COLUMNS = (
    "when",
    "model",
    "scope",
    "what",
    "notes",
    "ledger",
    "bounds",
    "statement",
    "more there",
)
_TEXTS = 5


def show(found: Mapping[str, Any]) -> None:
    """Print what came of one statement."""
    files = ", ".join(file["name"] for file in found["files"])
    typer.echo(f"{found['format']} ({found['platform']}): {files}")
    spans = ", ".join(_when(span) for span in found["compared"]) or "nothing"
    typer.echo(f"compared: {spans}")
    for name, says in _SAYS.items():
        _class(says, [group for group in found["groups"] if group["class"] == name], name)
    _class("in total", found["totals"], "")
    for residual in found["residuals"]:
        typer.echo(f"beside: {_when(residual['period'])} {residual['usd']} USD, {residual['says']}")
    for left in found["not_compared"]:
        typer.echo(f"not compared: {_left(left)}")
    for note in found["notes"]:
        typer.echo(f"note: {note}")
    _adjusted(found)
    typer.echo(_verdict(found))


def _verdict(found: Mapping[str, Any]) -> str:
    if found["ok"]:
        return "all of it matches" if found["groups"] else "there is nothing to compare"
    return "DIFFERENT" if found["groups"] else "NOTHING COMPARED"


def _class(says: str, groups: Sequence[Mapping[str, Any]], name: str) -> None:
    if not groups:
        return
    exact = [group for group in groups if name == "match" and not group["within_bounds"]]
    typer.echo(f"{says}: {len(groups)}" if name else f"{says}:")
    shown = [group for group in groups if group not in exact]
    if shown:
        table(_COLUMNS, [_row(group) for group in shown], texts=_TEXTS)


def _row(group: Mapping[str, Any]) -> tuple[str, ...]:
    unit = "USD" if group["measure"] == "usd" else "tokens"
    what = unit if group["kind"] in {"tokens", "all"} else f"{group['kind']} {unit}"
    notes = [*group["notes"]]
    if group["adjusted_before"] != "0":
        notes.append(f"adjusted before by {group['adjusted_before']}")
    bounded = group["low"] != group["ours"] or group["high"] != group["ours"]
    bounds = f"{group['low']}..{group['high'] or 'unknown'}" if bounded else ""
    return (
        _when(group["period"]),
        group["model"] or "all",
        group["scope"] or "all",
        what,
        "; ".join(notes),
        group["ours"] or "none",
        bounds,
        group["theirs"] or "none",
        group["difference"],
    )


def _when(period: Mapping[str, str]) -> str:
    start, end = (period[name].removesuffix("T00:00:00Z") for name in ("from", "to"))
    return f"{start}..{end}"


def _left(left: Mapping[str, Any]) -> str:
    amount = "" if left["usd"] is None else f", {left['usd']} USD"
    what = f"{left['lines']} lines{amount}" if left["lines"] else f"{left['attempts']} attempts"
    return f"{_when(left['period'])}, {what}: {left['why']}"


def _adjusted(found: Mapping[str, Any]) -> None:
    verb = "written" if found["written"] else "with --write"
    for each in found["adjustments"]:
        typer.echo(f"adjustment {verb}: {each['day']} {each['model'] or '-'} {each['usd']} USD")
    for each in found["not_adjusted"]:
        what = f"{_when(each['period'])} {each['model'] or '-'} {each['difference']} USD"
        typer.echo(f"no adjustment: {what}, a part of its days was not compared")
    if found["conflict"]:
        typer.echo(f"no adjustment: {found['conflict']}")
