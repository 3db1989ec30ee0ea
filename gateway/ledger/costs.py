"""What a row costs: nothing, exactly so much, between so much and so much, or nobody knows.

It follows from the row and its usage alone, so a row can be priced again when another attempt
shows the same message.
"""

from __future__ import annotations

from collections.abc import Iterator

from gateway.ledger.records import BATCH_RESULT
from gateway.ledger.row import Row, State
from gateway.money import PICO_MAX
from gateway.prices.book import Prices
from gateway.prices.cost import Context, Cost, Sizes
from gateway.unsized import DOCUMENTS, SERVER_TOOLS
from gateway.usage import Tokens, Usage

COUNT_TOKENS = "count_tokens"
BATCHES = "batches"
ERRANDS = frozenset({BATCHES, "files", "skills"})
"""Kinds that use no model: what a batch uses is charged when its results are read."""
FREE = frozenset({State.NOT_SENT, State.REJECTED})
"""Nothing was generated."""
ESTIMATED = "estimated"
"""`net_pico` is the best guess between the bounds."""
NO_DECISION = "no_decision"
"""What the call asked for is not on record, so that it may have asked for anything."""
UNSIZED = frozenset({DOCUMENTS, SERVER_TOOLS})
"""Flags of a row that is not exact: what of its request the sizes do not bound."""
CUT = "usage: cut"
"""A flag of a usage: it was longer than a record keeps, so that nothing can be priced by it."""
_CUT_WHY = "its usage has more members than are recorded"


def context(row: Row) -> Context:
    """Return what the price of a row depends on beside its counts."""
    return Context(
        platform=row.platform,
        scope=row.scope,
        model=row.model,
        served=row.served_model,
        upstream=row.upstream,
        at_s=row.started_us / 1_000_000,
        stop_reason=row.stop_reason,
        refusal_category=row.refusal_category,
        paid_by_other=bool(row.payer),
        processing="batch" if row.kind == BATCH_RESULT else "standard",
    )


def priced(row: Row, usage: Usage, prices: Prices, speed: str | None = None) -> None:
    """Put into a row what it costs: nothing, exactly so much, or between so much and so much.

    Args:
        row: What is known of the attempt.
        usage: What was told of its usage.
        prices: The book.
        speed: What the request asks for; None: that is not known.
    """
    if row.kind == BATCHES and row.state is State.UNKNOWN and row.body_bytes:
        _unpriced(row, "a batch may have been made that nobody was told of")
    elif row.kind == COUNT_TOKENS or row.kind in ERRANDS or row.state in FREE:
        free(row)
    elif CUT in usage.flags:
        _unpriced(row, _CUT_WHY)
    elif row.state is State.FINAL:
        _exact(row, prices.cost(usage, context(row)))
    else:
        _between(row, usage if is_told(usage) else None, prices, speed)
    if any(abs(each) > PICO_MAX for each in _amounts(row)):
        _unpriced(row, "it comes to more than a row holds")


def is_told(usage: Usage) -> bool:
    """Say whether any tokens were told."""
    return any((run.input_tokens, run.output_tokens) != (None, None) for run in runs_of(usage))


def free(row: Row) -> None:
    """Put into a row that it costs nothing."""
    row.list_pico = row.net_pico = row.low_pico = row.high_pico = row.uncached_pico = 0
    row.unpriced = None
    row.price_digest = ""


def unpriced(row: Row) -> None:
    """Take out of a row what it costs, for it to be priced anew."""
    row.list_pico = row.net_pico = row.low_pico = row.high_pico = row.uncached_pico = None
    row.unpriced, row.price_digest = None, ""


def _exact(row: Row, cost: Cost) -> None:
    row.list_pico = cost.list_pico
    row.net_pico, row.low_pico, row.high_pico = cost.net_pico, cost.low_pico, cost.high_pico
    row.uncached_pico = cost.uncached_pico
    if cost.net_pico is None:
        row.unpriced = "; ".join(cost.unpriced) or "there is no price"
    else:
        row.unpriced = None
    row.price_digest = cost.digest
    row.flags = with_flags(row.flags, cost.flags)


def _between(row: Row, usage: Usage | None, prices: Prices, speed: str | None) -> None:
    """Bound what nobody told. What may not have been worked on at all has no best guess."""
    if row.body_bytes is None and usage is None:
        _unpriced(row, "neither its usage nor its size is on record")
        return
    sizes = Sizes(
        body_bytes=row.body_bytes or 0,
        max_tokens=row.max_tokens,
        speed=speed,
        documents=DOCUMENTS in row.flags,
        server_tools=not {SERVER_TOOLS, NO_DECISION}.isdisjoint(row.flags),
    )
    bounds = prices.bounds(sizes, usage, context(row))
    if bounds is None:
        served = row.served_model or row.model
        _unpriced(row, f"{served} has no price on {row.platform} ({row.scope or 'no scope'})")
        return
    row.unpriced = None
    row.low_pico, row.high_pico = bounds.low_pico, bounds.high_pico
    row.price_digest = bounds.digest
    if row.state is State.PARTIAL:
        row.net_pico, row.list_pico = bounds.estimate_pico, bounds.list_pico
        row.flags = with_flags(row.flags, (ESTIMATED,))


def _unpriced(row: Row, why: str) -> None:
    row.list_pico = row.net_pico = row.low_pico = row.high_pico = row.uncached_pico = None
    row.unpriced = why


def _amounts(row: Row) -> Iterator[int]:
    amounts = (row.list_pico, row.net_pico, row.low_pico, row.high_pico, row.uncached_pico)
    return (amount for amount in amounts if amount is not None)


def runs_of(usage: Usage) -> tuple[Tokens, ...]:
    """Return what a usage is the sum of."""
    return usage.iterations or (usage,)


def is_counted(usage: Usage) -> bool:
    """Say whether all input and output was told."""
    return all(None not in (run.input_tokens, run.output_tokens) for run in runs_of(usage))


def with_flags(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    """Return the flags of both, sorted."""
    return tuple(sorted({*one, *other})) if other else one
