"""What the ledger has of a time: sums over its attempts, adjustments, and how far it reaches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    JSON,
    ColumnElement,
    Connection,
    RowMapping,
    Select,
    and_,
    case,
    cast,
    false,
    func,
    not_,
    or_,
    select,
)

from gateway.ledger.horizons import horizons
from gateway.ledger.reports.columns import MOST, UNBOUNDED
from gateway.ledger.schema import adjustments, attempts
from gateway.ledger.values import row as row_of
from gateway.ledger.values import start_us
from gateway.reconcile.apart import APART, LinesOf, sums_of
from gateway.reconcile.booking import Booked
from gateway.reconcile.cells import DOUBTS, LESS, Counted, cells, model_of, scope_of
from gateway.reconcile.spans import ALL, DAY_H, HOUR_US, Span, Spans
from gateway.reconcile.sums import Sums
from gateway.unsized import DOCUMENTS

_FREE = ("not_sent", "rejected")
_PART = 10**6
"""Sums of picodollars are made in two parts, each of which 64 bits hold."""
_LONGEST_H = 2 * DAY_H
"""Attempts that began earlier than this before a time do not reach into it."""
_TOKENS = (
    "input_tokens", "output_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens",
    "cache_read_tokens", "web_searches",
)  # fmt: skip


def attempts_of(
    connection: Connection,
    platform: str,
    hours: Span,
    upstreams: Sequence[str] = (),
    lines_of: LinesOf | None = None,
) -> list[Sums]:
    """Return the attempts on a platform that ran in some hours, added up by the hour.

    Args:
        connection: The ledger's.
        platform: The provider's name.
        hours: When.
        upstreams: Only these; none: all.
        lines_of: Prices an answer, so that what several models, or web searches, cost in one
            answer is told apart; None: all of it counts for the model that answered.
    """
    chosen = _chosen(platform, hours, upstreams)
    apart = false() if lines_of is None else _apart()
    found = connection.execute(_added_up(connection, and_(chosen, not_(apart))))
    made = [_sums(row) for row in found.mappings()]
    if lines_of is not None:
        for row in connection.execute(select(attempts).where(chosen, apart)).mappings():
            made += sums_of(row_of(row), lines_of)
    return made


def booked(connection: Connection, platform: str) -> list[Booked]:
    """Return the adjustments of a platform."""
    columns = adjustments.c
    found = connection.execute(
        select(
            columns.id, columns.day, columns.platform, columns.upstream, columns.model,
            columns.amount_pico,
        ).where(columns.platform == platform)
    )  # fmt: skip
    return [Booked(**row) for row in found.mappings()]


def reach(connection: Connection, until_us: int, *, whole: bool = False) -> Spans:
    """Return the hours of which the ledger has all attempts, as far as can be known.

    Args:
        connection: The ledger's.
        until_us: Up to when the journal is folded.
        whole: Somebody says that there were no attempts before the first one. Else the hour of that
            may have begun before the gateway did.
    """
    began_us = connection.execute(select(func.min(attempts.c.started_us))).scalar_one()
    kept_from = horizons(connection).attempts
    if kept_from:
        start_h = start_us(kept_from) // HOUR_US
    elif whole:
        start_h = ALL[0].start
    elif began_us is None:
        return ()
    else:
        start_h = int(began_us) // HOUR_US + 1
    span = Span(start_h, until_us // HOUR_US)
    return (span,) if span.start < span.end else ()


def _chosen(platform: str, hours: Span, upstreams: Sequence[str]) -> ColumnElement[bool]:
    columns = attempts.c
    ended_us = func.coalesce(columns.ended_us, columns.started_us)
    return and_(
        columns.platform == platform,
        columns.started_us >= (hours.start - _LONGEST_H) * HOUR_US,
        columns.started_us < hours.end * HOUR_US,
        ended_us >= hours.start * HOUR_US,
        columns.kind.in_(("messages", "batch_result")),
        columns.state.not_in(_FREE),
        columns.duplicate_of.is_(None),
        columns.payer == "",
        *([columns.upstream.in_(upstreams)] if upstreams else []),
    )


def _apart() -> ColumnElement[bool]:
    usage = attempts.c.usage
    looks = or_(func.coalesce(attempts.c.web_searches, 0) > 0, *(usage.like(at) for at in APART))
    return func.coalesce(and_(attempts.c.state == "final", looks), false())


def _said(connection: Connection, name: str) -> ColumnElement[Any]:
    """Return a word of the usage that was told."""
    usage = attempts.c.usage
    if connection.dialect.name == "postgresql":
        return func.json_extract_path_text(cast(usage, JSON), name)
    return func.json_extract(usage, f"$.{name}")


def _doubt() -> ColumnElement[str]:
    columns = attempts.c
    less = or_(*(columns.flags.like(f'%"{flag}"%') for flag in sorted(DOUBTS)))
    return case((columns.state != "final", columns.state), (less, LESS), else_="")


def _head(connection: Connection) -> list[ColumnElement[Any]]:
    columns = attempts.c
    ended_us = func.coalesce(columns.ended_us, columns.started_us)
    return [
        (columns.started_us // HOUR_US).label("start_h"),
        (ended_us // HOUR_US).label("end_h"),
        columns.model,
        columns.served_model,
        columns.scope,
        func.coalesce(_said(connection, "inference_geo"), "").label("geo"),
        func.coalesce(_said(connection, "service_tier"), "").label("tier"),
        _doubt().label("doubt"),
    ]


def _added_up(connection: Connection, chosen: ColumnElement[bool]) -> Select[Any]:
    columns = attempts.c
    head = _head(connection)
    output = func.coalesce(columns.output_tokens, 0)
    named = _named_bounds(output)
    money = [
        part
        for name, pico in _money().items()
        for part in (
            func.sum(pico // _PART).label(f"{name}_head"),
            func.sum(pico % _PART).label(f"{name}_rest"),
        )
    ]
    return (
        select(
            *head,
            func.count().label("attempts"),
            func.sum(case((columns.unpriced.is_not(None), 1), else_=0)).label("unpriced"),
            *(func.sum(func.coalesce(columns[name], 0)).label(name) for name in _TOKENS),
            func.sum(_split_missing()).label("split_missing"),
            func.sum(case((UNBOUNDED, 1), else_=0)).label("unbounded"),
            *named,
            *money,
        )
        .where(chosen)
        .group_by(*head)
    )


def _money() -> dict[str, ColumnElement[Any]]:
    """Return the cost and its bounds; without a price there are none."""
    columns = attempts.c
    net = func.coalesce(columns.net_pico, 0)
    return {
        "net": net,
        "low": func.coalesce(columns.low_pico, net),
        "high": func.coalesce(MOST, 0),
    }


def _named_bounds(output: ColumnElement[Any]) -> list[ColumnElement[Any]]:
    """Return what bounds the tokens of attempts that did not tell theirs."""
    columns = attempts.c
    most = case((columns.max_tokens > output, columns.max_tokens), else_=output)
    return [
        func.sum(most).label("most_output"),
        func.sum(case((columns.max_tokens.is_(None), 1), else_=0)).label("unbounded_output"),
        func.sum(func.coalesce(columns.body_bytes, 0)).label("body_bytes"),
        func.sum(case((_unsized(), 1), else_=0)).label("unbounded_input"),
    ]


def _unsized() -> ColumnElement[bool]:
    """Return whether more may have been read than stands in the body."""
    columns = attempts.c
    return or_(columns.body_bytes.is_(None), columns.flags.like(f'%"{DOCUMENTS}"%'))


def _split_missing() -> ColumnElement[Any]:
    """Return the tokens written to a cache for a time that nobody told: the usual one."""
    columns = attempts.c
    told = func.coalesce(columns.cache_write_5m_tokens, 0) + func.coalesce(
        columns.cache_write_1h_tokens, 0
    )
    written = func.coalesce(columns.cache_write_tokens, 0)
    return case((written > told, written - told), else_=0)


def _sums(told: RowMapping) -> Sums:
    quantity = {name: int(told[name]) for name in _TOKENS}
    quantity["cache_write_5m_tokens"] += int(told["split_missing"])
    pico = {
        name: int(told[f"{name}_head"]) * _PART + int(told[f"{name}_rest"])
        for name in ("net", "low", "high")
    }
    counted = Counted(
        doubt=told["doubt"],
        attempts=int(told["attempts"]),
        tokens=quantity,
        net_pico=pico["net"],
        low_pico=pico["low"],
        high_pico=None if told["unbounded"] else pico["high"],
        untold_writes=int(told["split_missing"]),
        most_output=None if told["unbounded_output"] else int(told["most_output"]),
        body_bytes=None if told["unbounded_input"] else int(told["body_bytes"]),
    )
    return Sums(
        start_h=int(told["start_h"]),
        end_h=int(told["end_h"]),
        model=model_of(told["served_model"], told["model"]),
        scope=scope_of(told["scope"], told["geo"]),
        tier=told["tier"],
        cells=cells(counted),
        attempts=counted.attempts,
        uncertain=counted.attempts if counted.doubt else 0,
        unpriced=int(told["unpriced"]),
    )
