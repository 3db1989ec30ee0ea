"""One statement held against a ledger's database: what is read of it, compared, and due."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from gateway.ledger.row import Adjustment
from gateway.ledger.store import Ledger
from gateway.prices.book import Prices
from gateway.reconcile import ours
from gateway.reconcile.adjusting import adjustments
from gateway.reconcile.booking import Booked, Chosen, Conflict
from gateway.reconcile.matching import Comparison, compare
from gateway.reconcile.options import Window
from gateway.reconcile.spans import Span, common
from gateway.reconcile.statement import Measure, Statement
from gateway.reconcile.sums import Sums
from gateway.reconcile.terms import Tolerances


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What of a ledger is compared, and how."""

    prices: Prices
    window: Window
    chosen: Chosen
    tolerance: Mapping[Measure, Tolerances]
    until_us: int
    """Up to when the journal is folded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What came of one statement."""

    comparison: Comparison
    due: tuple[Adjustment, ...] = ()
    """What is to be written, so that the ledger's total is that of the statement."""
    conflict: str | None = None
    """Why nothing can be written."""


def held(statement: Statement, ledger: Ledger, question: Question) -> Held:
    """Return what a statement and a ledger agree on; raises LedgerError."""
    with ledger.reading() as connection:
        covered = ours.reach(connection, question.until_us, whole=question.window.asserted)
        attempts = _attempts(connection, statement, question)
        booked = ours.booked(connection, statement.platform)
    comparison = compare(
        statement,
        attempts,
        covered,
        question.window.spans,
        booked=booked,
        chosen=question.chosen,
        tolerance=question.tolerance,
    )
    return _due(comparison, booked, question.chosen)


def _attempts(connection: Connection, statement: Statement, question: Question) -> list[Sums]:
    asked = common(statement.spans, question.window.spans)
    if not asked:
        return []
    return ours.attempts_of(
        connection,
        statement.platform,
        Span(asked[0].start, asked[-1].end),
        question.chosen.upstreams,
        question.prices.cost,
    )


def _due(comparison: Comparison, booked: list[Booked], chosen: Chosen) -> Held:
    try:
        due = adjustments(comparison, booked, chosen)
    except Conflict as conflict:
        return Held(comparison=comparison, conflict=str(conflict))
    return Held(comparison=comparison, due=tuple(due))
