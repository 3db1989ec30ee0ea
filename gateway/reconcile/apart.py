"""Answers in which more than one thing is billed: several models, or web searches. Pure.

The ledger has one cost for an attempt. Bills tell its parts apart, so those are priced again, line
by line; where that comes to another sum than the ledger has, the rest counts for the model that
answered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import cast

from msgspec import Struct

from gateway.prices.cost import Context, Cost, Line, Scope
from gateway.reconcile.cells import LESS, PICO, model_of, scope_of
from gateway.reconcile.statement import Kind
from gateway.reconcile.sums import Bounded, Cell, Sums, added
from gateway.usage import Usage

LinesOf = Callable[[Usage, Context], Cost]
"""Prices an answer, line by line."""
APART = ('%"iterations"%"model"%', "%compaction%")
"""How the usage of such answers looks, beside those with web searches."""


class Priced(Struct, frozen=True, kw_only=True):
    """One attempt, as the ledger has it."""

    start_h: int
    end_h: int
    model: str
    served_model: str | None
    scope: str
    geo: str
    tier: str
    doubt: str
    platform: str
    upstream: str
    started_us: int
    stop_reason: str | None
    usage: str
    net_pico: int | None
    unpriced: str | None


def sums_of(attempt: Priced, lines_of: LinesOf) -> Iterator[Sums]:
    """Yield what each model of an answer comes to."""
    answered = model_of(attempt.served_model, attempt.model)
    cost = lines_of(Usage.from_json(attempt.usage), _context(attempt))
    lines = list(_cells(cost.lines, doubtful=attempt.doubt == LESS))
    net_pico = attempt.net_pico or 0
    rest = net_pico - sum(bounded.value for _, cell, bounded in lines if cell.measure == "usd")
    low = 0 if attempt.doubt == LESS else rest
    lines.append((answered, Cell("usd", "tokens"), Bounded(rest, low, rest)))
    for model in dict.fromkeys(model for model, _, _ in lines):
        first = model == answered
        yield Sums(
            start_h=attempt.start_h,
            end_h=attempt.end_h,
            model=model,
            scope=scope_of(attempt.scope, attempt.geo),
            tier=attempt.tier,
            cells=added((cell, bounded) for name, cell, bounded in lines if name == model),
            attempts=int(first),
            uncertain=int(first and bool(attempt.doubt)),
            unpriced=int(first and attempt.unpriced is not None),
        )


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


def _context(attempt: Priced) -> Context:
    return Context(
        platform=attempt.platform,
        scope=cast("Scope", attempt.scope),
        model=attempt.model,
        served=attempt.served_model,
        upstream=attempt.upstream,
        at_s=attempt.started_us / 1_000_000,
        stop_reason=attempt.stop_reason,
    )
