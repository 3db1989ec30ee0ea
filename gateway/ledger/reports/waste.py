"""What attempts cost, or may have cost, whose answer nobody got."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, func, not_, or_, select

from gateway.ledger.reports import columns, retention, sources
from gateway.ledger.reports.asked import Asked
from gateway.ledger.reports.figures import MICRO_PICO
from gateway.ledger.reports.grouping import Summing, groups, shown
from gateway.ledger.reports.period import written
from gateway.ledger.schema import attempts
from gateway.money import usd

BY = ("upstream", "outcome", "state")
REQUESTS = 10
"""How many of the calls that wasted most are told."""
_COUNTS = (
    "attempts",
    "input_tokens",
    "cache_write_tokens",
    "cache_read_tokens",
    "output_tokens",
    "unpriced",
    "unbounded",
)
_AMOUNTS = ("net", "low", "high")
_CALL = ("decision", "request_id", "caller", "team", "session", "model")
_ATTEMPT = ("attempt", "upstream", "outcome", "state", "won")


def report(connection: Connection, asked: Asked) -> dict[str, Any]:
    """Return the report."""
    found = groups(connection, _summing(connection.dialect.name, asked), asked)
    return {
        **shown(found, asked, _AMOUNTS),
        "requests": _requests(connection, asked),
        "notes": retention.notes(connection, asked),
    }


def _wasted() -> ColumnElement[bool]:
    """Return which attempts did not win, and cost or may have cost something."""
    cost = or_(columns.MOST > 0, columns.UNBOUNDED, attempts.c.unpriced.is_not(None))
    return and_(not_(attempts.c.won), not_(attempts.c.open), columns.ONCE, cost)


def _summing(dialect: str, asked: Asked) -> Summing:
    rows = sources.chosen(asked, dialect, sources.between(asked.period.whole), _wasted())
    found = rows.subquery("wasted")
    return Summing(
        found,
        {name: found.c[name] for name in _COUNTS},
        {name: columns.amount_in(found.c, name) for name in _AMOUNTS},
        rank="high",
    )


def _requests(connection: Connection, asked: Asked) -> list[dict[str, Any]]:
    """Return the calls that wasted most, each with all its attempts."""
    dialect = connection.dialect.name
    worst = func.sum(func.coalesce(columns.MOST, 0) // MICRO_PICO)
    chosen = (
        select(attempts.c.decision)
        .where(_wasted(), sources.between(asked.period.whole), *sources.filtered(asked, dialect))
        .group_by(attempts.c.decision)
        .order_by(worst.desc(), attempts.c.decision)
        .limit(REQUESTS)
    )
    decisions = connection.execute(chosen).scalars().all()
    names = (*_CALL, *_ATTEMPT, "started_us", *(f"{name}_pico" for name in _AMOUNTS))
    every = select(*(attempts.c[name] for name in names), _wasted().label("wasted"))
    found = every.where(attempts.c.decision.in_(decisions)).order_by(attempts.c.number)
    calls: dict[str, list[RowMapping]] = defaultdict(list)
    for row in connection.execute(found).mappings():
        calls[row["decision"]].append(row)
    return [_request(calls[decision]) for decision in decisions]


def _request(rows: list[RowMapping]) -> dict[str, Any]:
    first, wasted = rows[0], [row for row in rows if row["wasted"]]
    sums = {name: usd(sum(row[f"{name}_pico"] or 0 for row in wasted)) for name in _AMOUNTS}
    unbounded = any(row["low_pico"] is not None and row["high_pico"] is None for row in wasted)
    sums_told = {**sums, "high": None} if unbounded else sums
    return {
        **{name: first[name] for name in _CALL},
        "at": written(first["started_us"]),
        "answered": any(row["won"] for row in rows),
        **{f"{name}_usd": some for name, some in sums_told.items()},
        "attempts": [_attempt(row) for row in rows],
    }


def _attempt(row: RowMapping) -> dict[str, Any]:
    amounts = {name: row[f"{name}_pico"] for name in _AMOUNTS}
    return {
        **{name: row[name] for name in _ATTEMPT},
        **{f"{name}_usd": None if some is None else usd(some) for name, some in amounts.items()},
    }
