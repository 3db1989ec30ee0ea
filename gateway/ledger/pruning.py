"""Takes away what is older than it is to be kept: rows first, their sums much later."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
from sqlalchemy import ColumnElement, Table, and_, delete, select, tuple_

from gateway.ledger import calls, schema, tables
from gateway.ledger.horizons import Horizons, horizons, keep
from gateway.ledger.store import Ledger
from gateway.ledger.values import DAY_US, day_of, start_us

_SLICE = 10_000
"""How many rows go in one transaction, so that folding need not wait."""


@dataclass(frozen=True, slots=True)
class Retention:
    """How long what is kept."""

    attempts_days: int
    """Rows of attempts, and calls whose end never came."""
    rollups_days: int
    """The sums by day and by tag, and adjustments."""


@dataclass(frozen=True, slots=True)
class Pruned:
    """What was taken away."""

    kept_from: Horizons
    rows: dict[str, int]
    """Table -> how many of its rows went."""


def prune(ledger: Ledger, retention: Retention, now_s: float) -> Pruned:
    """Take away what is too old, a slice at a time; raises LedgerError.

    What was pruned once does not come back when more is to be kept.
    """
    today = int(now_s * 1_000_000) // DAY_US
    with ledger.writing() as writing:
        before = horizons(writing.connection)
        first = Horizons(
            max(before.attempts, day_of((today - retention.attempts_days) * DAY_US)),
            max(before.rollups, day_of((today - retention.rollups_days) * DAY_US)),
        )
        keep(writing.connection, first)
    conditions = {
        schema.open_calls: _is_forgotten(first.attempts),
        schema.attempts: schema.attempts.c.started_us < start_us(first.attempts),
        schema.rollups: schema.rollups.c.day < first.rollups,
        schema.tag_rollups: schema.tag_rollups.c.day < first.rollups,
        schema.adjustments: schema.adjustments.c.day < first.rollups,
    }
    rows = {table.name: _sliced(ledger, table, old) for table, old in conditions.items()}
    rows[schema.open_calls.name] += _never_started(ledger, start_us(first.attempts))
    return Pruned(first, rows)


def _is_forgotten(day: str) -> ColumnElement[bool]:
    """Say which calls have only attempts that are too old."""
    of = schema.attempts.c.decision == schema.open_calls.c.decision
    old = select(schema.attempts.c.attempt).where(of, schema.attempts.c.day < day)
    young = select(schema.attempts.c.attempt).where(of, schema.attempts.c.day >= day)
    return and_(old.exists(), ~young.exists())


def _never_started(ledger: Ledger, before_us: int) -> int:
    """Take away calls without a row that were heard of last before a time."""
    table = schema.open_calls
    rowless = (
        ~select(schema.attempts.c.attempt)
        .where(schema.attempts.c.decision == table.c.decision)
        .exists()
    )
    with ledger.reading() as connection:
        found = connection.execute(select(table.c.decision, table.c.data).where(rowless))
        old = [decision for decision, data in found if 0 < _last_us(data) < before_us]
    gone = 0
    for some in tables.chunks(old):
        with ledger.writing() as writing:
            # It may have gone on meanwhile.
            these = delete(table).where(table.c.decision.in_(some), rowless)
            gone += writing.connection.execute(these).rowcount
    return gone


def _last_us(data: str) -> int:
    try:
        return calls.from_json(data).last_us
    except msgspec.DecodeError:
        return 0


def _sliced(ledger: Ledger, table: Table, old: ColumnElement[bool]) -> int:
    key = list(table.primary_key.columns)
    some = delete(table).where(tuple_(*key).in_(select(*key).where(old).limit(_SLICE)))
    total, gone = 0, _SLICE
    while gone == _SLICE:
        with ledger.writing() as writing:
            gone = writing.connection.execute(some).rowcount
        total += gone
    return total
