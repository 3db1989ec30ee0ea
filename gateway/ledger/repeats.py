"""Two attempts that show the same message: it is charged once.

The attempt that started first is charged, whichever was booked first, so the order of booking
does not matter. A third one may point to a row that was charged when it was booked, and that
points on.
"""

from __future__ import annotations

from msgspec.structs import replace

from gateway.ledger.booking import NO_DECISION, NO_START, count
from gateway.ledger.costs import free, priced
from gateway.ledger.row import Row, State
from gateway.prices.book import Prices
from gateway.usage import Usage

CONFLICT = "conflict"
"""Another attempt told the same message with other counts; the higher ones hold."""
_OF_RECORDS = frozenset({NO_DECISION, NO_START, CONFLICT})
_NOTHING = Usage()
_SURENESS = (State.NOT_SENT, State.REJECTED, State.UNKNOWN, State.PARTIAL, State.FINAL)


def once(one: Row, other: Row, prices: Prices) -> tuple[Row, Row]:
    """Return the row that is charged for a message that both show, and the one that is not."""
    first, again = sorted((one, other), key=lambda row: (row.started_us, row.attempt))
    return _charged(first, again, prices), _repeat(again, first.attempt)


def _charged(first: Row, again: Row, prices: Prices) -> Row:
    told, told_again = _usage(first), _usage(again)
    usage = told if told == told_again else Usage.raised(told, told_again)
    row = replace(
        first,
        state=max(first.state, again.state, key=_SURENESS.index),
        won=first.won or again.won,
        stop_reason=first.stop_reason or again.stop_reason,
        served_model=first.served_model or again.served_model,
        flags=_kept(first),
    )
    if CONFLICT in again.flags or (told != told_again and _NOTHING not in (told, told_again)):
        row.flags = tuple(sorted({*row.flags, CONFLICT}))
    if usage != _NOTHING:
        count(row, usage)
    priced(row, usage, prices)
    return row


def _repeat(again: Row, first: str) -> Row:
    flags = tuple(sorted({*_kept(again), *_usage(again).flags}))
    row = replace(again, duplicate_of=first, flags=flags)
    free(row)
    return row


def _kept(row: Row) -> tuple[str, ...]:
    """Return the flags that do not come from usage or price."""
    return tuple(flag for flag in row.flags if flag in _OF_RECORDS)


def _usage(row: Row) -> Usage:
    return _NOTHING if row.usage is None else Usage.from_json(row.usage)
