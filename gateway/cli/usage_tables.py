"""Reports of the ledger as tables for people, and as comma-separated values."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import typer

from gateway.cli.table import table

Report = dict[str, Any]
Figures = dict[str, Any]

NONE = "(none)"
OTHERS = "(others)"
_FORMULA = ("=", "+", "-", "@")
"""What a spreadsheet takes for the start of a formula."""


class Shown(NamedTuple):
    """A column of a table."""

    head: str
    cell: Callable[[Figures], str]
    always: bool = True
    """Else only where some row has more than nothing in it."""


def _count(head: str, name: str, *, always: bool = True) -> Shown:
    return Shown(head, lambda row: str(row[name]), always)


def _money(head: str, name: str, *, always: bool = True) -> Shown:
    return Shown(head, lambda row: str(row[f"{name}_usd"]), always)


def _part(part: str, *, always: bool = True) -> Shown:
    def cell(row: Figures) -> str:
        return _between(row, f"{part}_") or str(row[f"{part}_usd"])

    return Shown(f"{part} USD", cell, always)


def _between(row: Figures, part: str = "") -> str:
    """Return between what and what a cost lies, where it is not exact."""
    low, high = row[f"{part}low_usd"], row[f"{part}high_usd"]
    if row.get(f"{part}unbounded") or high is None:
        return f"{low} or more"
    return "" if low == high else f"{low} - {high}"


def _untold(row: Figures) -> str:
    """Return how many tokens were written to a cache nobody knows for how long."""
    told = row["cache_write_5m_tokens"] + row["cache_write_1h_tokens"]
    return str(row["cache_write_tokens"] - told)


def _both(first: str, second: str) -> Callable[[Figures], str]:
    """Return what tells one count, and in brackets another, where there is one."""
    return lambda row: f"{row[first]} ({row[second]})" if row[first] else "0"


BOUNDS = Shown("between USD", _between, always=False)
USAGE = (
    _count("attempts", "attempts"),
    _count("open", "open_attempts", always=False),
    _count("input", "input_tokens"),
    _count("write 5m", "cache_write_5m_tokens", always=False),
    _count("write 1h", "cache_write_1h_tokens", always=False),
    Shown("write, TTL not told", _untold, always=False),
    _count("read", "cache_read_tokens", always=False),
    _count("output", "output_tokens"),
    _count("thinking", "thinking_tokens", always=False),
    _count("searches", "web_searches", always=False),
    _money("net USD", "net"),
    _money("list USD", "list"),
    BOUNDS,
    _count("unpriced", "unpriced", always=False),
    _count("unbounded", "unbounded", always=False),
    _part("charged"),
    _part("waste"),
    _part("absorbed", always=False),
    _part("open", always=False),
    _money("adjusted USD", "adjusted", always=False),
)
CACHE = (
    _count("attempts", "attempts"),
    _count("prompt", "prompt_tokens"),
    _count("write 5m", "cache_write_5m_tokens", always=False),
    _count("write 1h", "cache_write_1h_tokens", always=False),
    _count("read", "cache_read_tokens"),
    Shown("hit rate", lambda row: row["hit_rate"] or ""),
    Shown("misses (in time)", _both("misses", "misses_in_time")),
    Shown("unread 5m (tokens)", _both("unread_writes_5m", "unread_tokens_5m"), always=False),
    Shown("unread 1h (tokens)", _both("unread_writes_1h", "unread_tokens_1h"), always=False),
    _money("net USD", "net"),
    _money("uncached USD", "uncached"),
    _money("saved USD", "saved"),
)
WASTE = (
    _count("attempts", "attempts"),
    _count("input", "input_tokens"),
    _count("output", "output_tokens"),
    _money("net USD", "net"),
    BOUNDS,
    _count("unpriced", "unpriced", always=False),
    _count("unbounded", "unbounded", always=False),
)


def print_usage(report: Report) -> None:
    """Print usage and cost."""
    _print_groups("usage", report, USAGE)


def print_cache(report: Report) -> None:
    """Print what caches brought."""
    _print_groups("cache", report, CACHE)


def print_waste(report: Report) -> None:
    """Print waste, and the calls that wasted most."""
    _print_groups("waste", report, WASTE)
    if not report["groups"]:
        typer.echo("nothing was wasted")
    for call in report["requests"]:
        answered = "answered by another attempt" if call["answered"] else "not answered"
        names = ("caller", "team", "session")
        whose = "".join(f", {name} {seen(call[name])}" for name in names if call[name])
        what = f"{call['at']} {call['decision']} {seen(call['model'])}"
        typer.echo(f"{what}: {_cost(call)}, {answered}{whose}")
        for each in call["attempts"]:
            ended = f"{each['outcome'] or 'open'}, {each['state']}"
            typer.echo(f"  {each['attempt']} {each['upstream']}: {ended}, {_cost(each)}")


def _cost(row: Figures) -> str:
    if row["low_usd"] is None:
        return "no price"
    return f"{_between(row) or row['net_usd']} USD"


def print_tree(report: Report) -> None:
    """Print a session's agents, each with its calls."""
    typer.echo(f"session {seen(report['session'])}{_span(report)}")
    rows = []
    for agent in report["agents"]:
        margin = "  " * min(agent["depth"], _DEEPEST)
        name = seen(agent["agent"]) or "the session itself"
        note = f" ({seen(agent['note'])})" if agent["note"] else ""
        rows.append((f"{margin}{name}{note}", agent["own"], agent["with_agents"]["net_usd"]))
        rows += [(f"{margin}  {_call(call)}", call, "") for call in agent["calls"]]
    rows.append(("total", report["total"], report["total"]["net_usd"]))
    columns = _kept(TREE, [figures for _, figures, _ in rows])
    table(
        ("", *(column.head for column in columns), "with its agents"),
        [(text, *(column.cell(row) for column in columns), below) for text, row, below in rows],
        texts=1,
    )
    _print_notes(report)


_DEEPEST = 12
"""Deeper agents stand no further to the right."""
TREE = (*USAGE[:11], BOUNDS)
PRINTED = {
    "usage": print_usage,
    "cache": print_cache,
    "waste": print_waste,
    "tree": print_tree,
}
"""Report -> what prints it as a table."""


def _call(call: Figures) -> str:
    ended = "" if call["won"] else f", {call['outcome'] or 'open'}"
    return f"{call['at']} {seen(call['model'])} at {call['upstream']}{ended}"


def _print_groups(name: str, report: Report, columns: Sequence[Shown]) -> None:
    by = report["by"]
    typer.echo(f"{name} by {', '.join(by)}{_span(report)}")
    rows = [
        ([seen(group["key"][each]) or NONE for each in by], group) for group in report["groups"]
    ]
    if others := report["others"]:
        rows.append((_first(f"{OTHERS[:-1]}: {others['groups']})", by), others))
    rows.append((_first("total", by), report["total"]))
    if report["groups"]:
        kept = _kept(columns, [figures for _, figures in rows])
        cells = [(*key, *(column.cell(figures) for column in kept)) for key, figures in rows]
        table((*by, *(column.head for column in kept)), cells, texts=len(by))
    _print_notes(report)


def _first(text: str, by: Sequence[str]) -> list[str]:
    return [text, *[""] * (len(by) - 1)]


def _kept(columns: Sequence[Shown], rows: Sequence[Figures]) -> list[Shown]:
    return [
        column
        for column in columns
        if column.always or any(column.cell(row) not in {"", "0"} for row in rows)
    ]


def _span(report: Report) -> str:
    since, until = report["from"], report["to"]
    return (f", from {since}" if since else "") + (f", before {until}" if until else "")


def _print_notes(report: Report) -> None:
    for note in report["notes"]:
        typer.echo(f"note: {note}")


def seen(text: str) -> str:
    """Return what others wrote as a terminal may show it."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def print_csv(report: Report) -> None:
    """Print the groups as comma-separated values; the others are a row, the total is none."""
    rows = [([group["key"][each] for each in report["by"]], group) for group in report["groups"]]
    if others := report["others"]:
        rows.append((_first(OTHERS, report["by"]), others))
    names = [name for name in report["total"] if name not in {"key", "groups"}]
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow([*report["by"], *names])
    for key, figures in rows:
        out.writerow([*map(_plain, key), *(figures[name] for name in names)])


def _plain(text: str) -> str:
    """Return a text that no spreadsheet runs as a formula."""
    shown = seen(text)
    return f"'{shown}" if shown.startswith(_FORMULA) else shown
