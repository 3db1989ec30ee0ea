"""What prompt caches brought: reads, writes, misses, money, and marks that never paid."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Select, and_, case, func, literal, or_, select
from sqlalchemy.sql.selectable import FromClause

from gateway.ledger.reports import columns, retention, sources
from gateway.ledger.reports.asked import Asked
from gateway.ledger.reports.columns import Column, Columns, Split
from gateway.ledger.reports.figures import Figures
from gateway.ledger.reports.grouping import Groups, Summing, groups, shown
from gateway.ledger.reports.period import HOUR_US, Span
from gateway.ledger.row import State
from gateway.ledger.schema import attempts

BY = ("model", "upstream")
TTL_US = {"5m": 300 * 10**6, "1h": HOUR_US}
LARGE_TOKENS = 4096
"""From this size on, a prompt is large enough for any model's cache."""
KNOWN = (State.PARTIAL, State.FINAL)
"""Attempts whose input the platform told."""
_LANE = ("lane", "model", "upstream")
"""What shares a cache, as far as one can tell: a session at one upstream; without a session, a
caller."""
_PROMPT = (*_LANE, "agent")
"""What goes on with one prompt: agents of a session have prompts of their own."""
_LANE_DIMENSIONS = {"session", "model", "upstream", "platform"}
"""What a lane has one value of."""
_AMOUNTS = ("net", "uncached", "saved")


def report(connection: Connection, asked: Asked) -> dict[str, Any]:
    """Return the report."""
    found = groups(connection, _summing(connection.dialect.name, asked), asked)
    found = Groups(
        [group._replace(figures=_with_saved(group.figures)) for group in found.told],
        found.left_out,
        _with_saved(found.whole),
    )
    table = shown(found, asked, _AMOUNTS)
    for row in (*table["groups"], table["others"], table["total"]):
        if row is not None:
            row["hit_rate"] = hit_rate(row)
    return {**table, "notes": retention.notes(connection, asked)}


def hit_rate(figures: Figures) -> str | None:
    """Return which share of the prompts was read from a cache; None: there was no prompt."""
    read = figures["cache_read_tokens"]
    written = figures["cache_write_5m_tokens"] + figures["cache_write_1h_tokens"]
    prompt = figures["input_tokens"] + written + read
    return str((Decimal(read) / prompt).quantize(Decimal("0.0001"))) if prompt else None


def _with_saved(figures: Figures) -> dict[str, int]:
    return {**figures, "saved": figures["uncached"] - figures["net"]}


def _summing(dialect: str, asked: Asked) -> Summing:
    seen = _seen(dialect, asked).c
    counts, amounts = _counts(seen, asked.now_us), _amounts(seen)
    filters = [columns.of_attempt(each, dialect, seen).in_(some) for each, some in asked.filters]
    found = (
        select(
            *sources.keys(asked.by, lambda each: columns.of_attempt(each, dialect, seen)),
            *(count.label(name) for name, count in counts.items()),
            *(part for name, amount in amounts.items() for part in amount.labelled(name)),
        )
        .where(sources.between(asked.period.whole, seen["started_us"]), *filters)
        .subquery("cached")
    )
    return Summing(
        found,
        {name: found.c[name] for name in counts},
        {name: columns.amount_in(found.c, name) for name in amounts},
        rank="prompt_tokens",
    )


def _counts(seen: Columns, now_us: int) -> dict[str, Column]:
    """Return what is counted of one attempt."""
    read = _number(seen, "cache_read_tokens")
    written = {ttl: seen[f"written_{ttl}"] for ttl in TTL_US}
    unread_part = _number(seen, "input_tokens") + written["5m"] + written["1h"]
    missed = and_(read == 0, unread_part >= LARGE_TOKENS, or_(*_written_before(seen)))
    in_time = and_(missed, or_(*_written_in_time(seen)))
    unread = {ttl: _unread(seen, ttl, now_us) for ttl in TTL_US}
    return {
        "attempts": columns.ONE,
        "prompt_tokens": unread_part + read,
        "input_tokens": _number(seen, "input_tokens"),
        "cache_write_5m_tokens": written["5m"],
        "cache_write_1h_tokens": written["1h"],
        "cache_read_tokens": read,
        "misses": _if(missed, columns.ONE),
        "misses_in_time": _if(in_time, columns.ONE),
        "missed_tokens": _if(missed, unread_part),
        "unread_writes_5m": _if(unread["5m"], columns.ONE),
        "unread_tokens_5m": _if(unread["5m"], written["5m"]),
        "unread_writes_1h": _if(unread["1h"], columns.ONE),
        "unread_tokens_1h": _if(unread["1h"], written["1h"]),
    }


def _amounts(seen: Columns) -> dict[str, Split]:
    """Return the money of one attempt: nothing where one of the two is not known."""
    known = and_(seen["net_pico"].is_not(None), seen["uncached_pico"].is_not(None))
    return {name: columns.split(_if(known, seen[f"{name}_pico"])) for name in ("net", "uncached")}


def _written_before(seen: Columns) -> list[Column]:
    return [seen[f"written_{ttl}_us"].is_not(None) for ttl in TTL_US]


def _written_in_time(seen: Columns) -> list[Column]:
    return [seen["started_us"] - seen[f"written_{ttl}_us"] <= TTL_US[ttl] for ttl in TTL_US]


def _unread(seen: Columns, ttl: str, now_us: int) -> Column:
    """Say that what an attempt wrote was not read for as long as it is kept, which is over."""
    end_us = seen["started_us"] + TTL_US[ttl]
    late = or_(seen["read_us"].is_(None), seen["read_us"] > end_us)
    return and_(seen[f"written_{ttl}"] > 0, late, end_us < now_us)


def _number(rows: Columns, name: str) -> Column:
    return columns.count(rows[name])


def _written(rows: Columns) -> dict[str, Column]:
    """Return what was written by TTL; what is not told apart is taken, as in prices, for 5 m."""
    told, an_hour = _number(rows, "cache_write_5m_tokens"), _number(rows, "cache_write_1h_tokens")
    others = _number(rows, "cache_write_tokens") - an_hour
    return {"5m": case((others > told, others), else_=told), "1h": an_hour}


def _if(holds: Column, column: Column) -> Column:
    return case((holds, column), else_=columns.NOTHING)


def _seen(dialect: str, asked: Asked) -> FromClause:
    """Return the attempts, each with what the same cache saw before and after it.

    Those shortly before and after the period are among them, and others of the same lane.
    """
    lanes = [
        columns.of_attempt(each, dialect).in_(values)
        for each, values in asked.filters
        if each.name in _LANE_DIMENSIONS
    ]
    known = (
        select(
            *(attempts.c[name] for name in sorted(_wanted(asked))),
            *(some.label(f"written_{ttl}") for ttl, some in _written(attempts.c).items()),
            _lane(),
        )
        .where(attempts.c.kind == "messages", attempts.c.state.in_(KNOWN), columns.ONCE)
        .where(sources.between(_widened(asked), attempts.c.started_us), *lanes)
        .subquery("known")
    )
    return _looking_around(known).subquery("seen")


def _lane() -> Column:
    session = attempts.c.session
    named = case((session != "", literal("session ") + session), else_=attempts.c.caller)
    return named.label("lane")


def _wanted(asked: Asked) -> set[str]:
    used = (*asked.by, *(each for each, _ in asked.filters))
    own = {"attempt", "started_us", "model", "upstream", "agent", "net_pico", "uncached_pico"}
    own |= {"input_tokens", "cache_read_tokens"}
    return own | {each.column or "tags" for each in used}


def _widened(asked: Asked) -> Span:
    from_us, to_us = asked.period.whole
    return Span(
        None if from_us is None else from_us - HOUR_US, None if to_us is None else to_us + HOUR_US
    )


def _looking_around(known: FromClause) -> Select[Any]:
    """Add when the same prompt was written before each attempt, and its cache read after it."""
    began, order = known.c.started_us, (known.c.started_us, known.c.attempt)
    lane, prompt = ([known.c[name] for name in names] for names in (_LANE, _PROMPT))
    # Backwards, so that both look at what came before: databases do that in one go.
    backwards = [each.desc() for each in order]
    read = func.min(case((_number(known.c, "cache_read_tokens") > 0, began)))
    before = (None, -1)
    found = [read.over(partition_by=lane, order_by=backwards, rows=before).label("read_us")]
    for ttl in TTL_US:
        wrote = func.max(case((known.c[f"written_{ttl}"] > 0, began)))
        written = wrote.over(partition_by=prompt, order_by=order, rows=before)
        found.append(written.label(f"written_{ttl}_us"))
    return select(known, *found)
