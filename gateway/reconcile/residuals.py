"""What a bill has beside requests, and the ledger beside a bill. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

from msgspec import Struct

from gateway import money
from gateway.reconcile.exact import total
from gateway.reconcile.spans import Span, Spans, holds, touches
from gateway.reconcile.statement import Statement
from gateway.reconcile.sums import Sums
from gateway.reconcile.terms import terms

PRIORITY = "priority_tier"


class Residual(Struct, frozen=True, kw_only=True):
    """One kind of such costs, in one period."""

    what: str
    period: Span
    pico: int
    """What the bill has more than the ledger, because of it."""
    booked: bool
    """Whether it belongs into the ledger."""
    says: str
    lines: int = 0


def residuals(
    statement: Statement, ours: Sequence[Sums], periods: Spans, window: Spans
) -> Iterable[Residual]:
    """Yield what is no group; outside of the compared time nothing is booked."""
    sums: dict[tuple[str, Span], tuple[Decimal, int]] = {}
    for charge in statement.charges:
        if charge.kind == "other" and touches(window, charge.period):
            name = (charge.what, charge.period)
            amount, lines = sums.get(name, (Decimal(), 0))
            sums[name] = (total(amount, charge.amount) or amount, lines + charge.lines)
    for (what, period), (amount, lines) in sorted(sums.items()):
        known = terms().residuals[what]
        yield Residual(
            what=what,
            period=period,
            pico=money.pico(amount),
            booked=known.booked and holds(periods, period),
            says=known.says,
            lines=lines,
        )
    yield from _paid_elsewhere(statement, ours, periods)


def _paid_elsewhere(
    statement: Statement, ours: Sequence[Sums], periods: Spans
) -> Iterable[Residual]:
    paid = [
        bounded.value
        for sums in ours
        if sums.tier in statement.leaves_out_tiers
        and holds(periods, Span(sums.start_h, sums.start_h + 1))
        for cell, bounded in sums.cells.items()
        if cell.measure == "usd"
    ]
    if paid:
        yield Residual(
            what=PRIORITY,
            period=Span(periods[0].start, periods[-1].end),
            pico=-sum(paid),
            booked=False,
            says=terms().residuals[PRIORITY].says,
        )
