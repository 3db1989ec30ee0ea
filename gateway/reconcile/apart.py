"""Answers in which more than one thing is billed: several models, or web searches. Pure.

The ledger has one cost for an attempt. Bills tell its parts apart, so those are priced again, line
by line; where that comes to another sum than the ledger has, the rest counts for the model that
answered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from gateway.ledger.costs import context
from gateway.ledger.row import Row
from gateway.prices.cost import Context, Cost, Line
from gateway.reconcile.cells import DOUBTS, PICO, model_of, scope_of
from gateway.reconcile.spans import HOUR_US
from gateway.reconcile.statement import Kind
from gateway.reconcile.sums import Bounded, Cell, Sums, added
from gateway.usage import Usage

LinesOf = Callable[[Usage, Context], Cost]
"""Prices an answer, line by line."""
APART = ("%advisor_message%", "%fallback_message%", "%compaction%")
"""What is in the usage of such answers, beside web searches: runs that may be of another model."""


def sums_of(row: Row, lines_of: LinesOf) -> Iterator[Sums]:
    """Yield what each model of an answer comes to."""
    usage = Usage.from_json(row.usage or "{}")
    answered = model_of(row.served_model, row.model)
    doubtful = not DOUBTS.isdisjoint(row.flags)
    lines = list(_cells(lines_of(usage, context(row)).lines, doubtful=doubtful))
    if row.net_pico is None:
        lines = [each for each in lines if each[1].measure != "usd"]
    rest = (row.net_pico or 0) - sum(
        bounded.value for _, cell, bounded in lines if cell.measure == "usd"
    )
    lines.append((answered, Cell("usd", "tokens"), _rest(row, rest, doubtful=doubtful)))
    for model in dict.fromkeys(model for model, _, _ in lines):
        first = model == answered
        yield Sums(
            start_h=row.started_us // HOUR_US,
            end_h=(row.ended_us or row.started_us) // HOUR_US,
            model=model,
            scope=scope_of(row.scope, usage.inference_geo or ""),
            tier=usage.service_tier or "",
            cells=added((cell, bounded) for name, cell, bounded in lines if name == model),
            attempts=int(first),
            uncertain=int(first and doubtful),
            unpriced=int(first and row.unpriced is not None),
        )


def _rest(row: Row, pico: int, *, doubtful: bool) -> Bounded:
    """Return what is in no line, with how far the cost of the whole row may be off."""
    if row.net_pico is None or row.low_pico is None:
        return Bounded(pico, 0 if doubtful else pico, pico)
    low = 0 if doubtful else pico - (row.net_pico - row.low_pico)
    more = None if row.high_pico is None else row.high_pico - row.net_pico
    return Bounded(pico, low, None if more is None else pico + more)


def _cells(lines: tuple[Line, ...], *, doubtful: bool) -> Iterator[tuple[str, Cell, Bounded]]:
    for line in lines:
        kind: Kind = line.category
        money: Kind = "web_search" if kind == "web_search" else "tokens"
        # What is not billed may be counted all the same, or not.
        less = doubtful or not line.billable
        quantity = line.quantity * PICO
        yield line.model, Cell("tokens", kind), Bounded(quantity, 0 if less else quantity, quantity)
        net = line.net_pico
        yield line.model, Cell("usd", money), Bounded(net, 0 if less else net, net)
