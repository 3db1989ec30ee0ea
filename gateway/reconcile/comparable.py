"""Which hours can be compared: those that both sides know wholly. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

from msgspec import Struct

from gateway.reconcile.exact import total
from gateway.reconcile.spans import Span, Spans, common, days, holds, touches, without
from gateway.reconcile.statement import Charge
from gateway.reconcile.sums import Sums


class Left(Struct, frozen=True, kw_only=True):
    """Lines, or attempts, that were not compared, and why."""

    period: Span
    why: str
    lines: int = 0
    attempts: int = 0
    usd: Decimal | None = None


def comparable(charges: Sequence[Charge], spoken: Spans, covered: Spans, window: Spans) -> Spans:
    """Return the hours to compare.

    A line that is only partly inside takes its hours with it: the ledger's attempts of its time
    could not be told from those before it.

    Args:
        charges: The lines about requests.
        spoken: The hours that the statement speaks about.
        covered: The hours that the ledger has all attempts of.
        window: The hours that were asked for.
    """
    allowed = common(common(spoken, covered), window)
    known, outside = -1, _outside(charges, allowed)
    while len(outside) != known:
        known = len(outside)
        allowed = without(allowed, tuple(each.period for each in outside))
        outside = _outside(charges, allowed)
    return allowed


def left_there(
    charges: Sequence[Charge], periods: Spans, covered: Spans, window: Spans
) -> Iterable[Left]:
    """Yield the lines that were asked for and are not compared, by period."""
    found: dict[tuple[Span, str], Left] = {}
    for charge in _outside(charges, periods):
        if not touches(window, charge.period):
            continue
        why = _why(charge.period, covered, window)
        known = found.get((charge.period, why), Left(period=charge.period, why=why))
        found[charge.period, why] = Left(
            period=charge.period,
            why=why,
            lines=known.lines + charge.lines,
            usd=total(known.usd, charge.amount),
        )
    yield from (left for _, left in sorted(found.items()))


def left_here(ours: Iterable[Sums], periods: Spans, asked: Spans) -> Iterable[Left]:
    """Yield the attempts of a time that was asked for and is not compared, by day."""
    found: dict[Span, int] = {}
    for sums in ours:
        hour = Span(sums.start_h, sums.start_h + 1)
        if not holds(periods, hour) and holds(asked, hour):
            found[days(hour)] = found.get(days(hour), 0) + sums.attempts
    for day, attempts in sorted(found.items()):
        yield Left(period=day, why="the lines of their time are not compared", attempts=attempts)


def _outside(charges: Sequence[Charge], allowed: Spans) -> list[Charge]:
    return [charge for charge in charges if not holds(allowed, charge.period)]


def _why(period: Span, covered: Spans, window: Spans) -> str:
    if not touches(covered, period):
        return "the ledger has nothing of that time"
    if not holds(covered, period):
        return "the ledger has only a part of that time"
    if not holds(window, period):
        return "only a part of that time was asked for"
    return "other lines of that time are not compared either"
