"""Two attempts that show the same message: it is charged once.

The attempt that started first is charged, whichever was booked first, so the order of booking
does not matter. A third one may point to a row that was charged when it was booked, and that
points on.
"""

from __future__ import annotations

from msgspec.structs import replace

from gateway.ledger.booking import NO_START, count
from gateway.ledger.costs import NO_DECISION, UNSIZED, free, priced
from gateway.ledger.row import Row, State
from gateway.prices.book import Prices
from gateway.usage import Usage

CONFLICT = "conflict"
"""Another attempt told the same message with other counts; the higher ones hold."""
_OF_RECORDS = frozenset({NO_DECISION, NO_START})
_NOTHING = Usage()
_SURENESS = (State.NOT_SENT, State.REJECTED, State.UNKNOWN, State.PARTIAL, State.FINAL)


def once(one: Row, other: Row, prices: Prices) -> tuple[Row, Row]:
    """Return the row that is charged for a message that both show, and the one that is not."""
    first, again = sorted((one, other), key=lambda row: (row.started_us, row.attempt))
    return _charged(first, again, prices), _repeat(again, first.attempt)


def _charged(first: Row, again: Row, prices: Prices) -> Row:
    usage = Usage.raised(_usage(first), _usage(again))
    state = max(first.state, again.state, key=_SURENESS.index)
    row = replace(
        first,
        state=state,
        won=first.won or again.won,
        stop_reason=first.stop_reason or again.stop_reason,
        refusal_category=first.refusal_category or again.refusal_category,
        served_model=first.served_model or again.served_model,
        flags=_flags(first, usage, exact=state is State.FINAL),
    )
    if usage != _NOTHING:
        count(row, usage)
    priced(row, usage, prices)
    return row


def _repeat(again: Row, first: str) -> Row:
    row = replace(again, duplicate_of=first, flags=_flags(again, _usage(again), exact=True))
    free(row)
    return row


def _flags(row: Row, usage: Usage, *, exact: bool) -> tuple[str, ...]:
    """Return the flags of a row but for those of its price, which is another one now."""
    kept = _OF_RECORDS.union(() if exact else UNSIZED).intersection(row.flags)
    if any(flag.startswith(f"{CONFLICT}: ") for flag in usage.flags):
        kept |= {CONFLICT}
    return tuple(sorted({*kept, *usage.flags}))


def _usage(row: Row) -> Usage:
    return _NOTHING if row.usage is None else Usage.from_json(row.usage)
