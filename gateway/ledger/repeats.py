"""Attempts that show the same message: it is charged once.

The attempt that started first is charged, and all others point to it, in whatever order they are
booked. So what is charged is chosen from what all of them say by rules that know no order, and
the row keeps what its own attempt said: it shows that again when an earlier attempt is booked.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from gateway.ledger.booking import NO_START, count
from gateway.ledger.costs import NO_DECISION, UNSIZED, free, priced, unpriced
from gateway.ledger.row import Row, State
from gateway.prices.book import Prices
from gateway.usage import Usage

UNSURE = frozenset({"openai_relay", "relay"})
"""Platforms whose ids nobody vouches for: some relays give every answer the same one, so that it
does not show the same message."""
CONFLICT = "conflict"
"""Another attempt told the same message with other counts; the higher ones hold."""
_OF_RECORDS = frozenset({NO_DECISION, NO_START})
_NOTHING = Usage()
_SURENESS = (State.NOT_SENT, State.REJECTED, State.UNKNOWN, State.PARTIAL, State.FINAL)


class _Own(Struct, array_like=True):
    """What an attempt said by itself."""

    state: State
    won: bool
    stop_reason: str | None
    refusal_category: str | None
    served_model: str | None
    usage: str | None


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Own).decode


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
        stop_reason=_either(first.stop_reason, again.stop_reason),
        refusal_category=_either(first.refusal_category, again.refusal_category),
        served_model=_either(first.served_model, again.served_model),
        flags=_flags(first, usage, exact=state is State.FINAL),
        own=first.own or _own(first),
    )
    if usage != _NOTHING:
        count(row, usage)
    unpriced(row)
    priced(row, usage, prices)
    return row


def _repeat(again: Row, first: str) -> Row:
    row = again if again.own is None else _alone(again, _decode(again.own))
    row = replace(row, duplicate_of=first, flags=_flags(row, _usage(row), exact=True))
    free(row)
    return row


def _own(row: Row) -> str:
    said = _Own(
        row.state,
        row.won,
        row.stop_reason,
        row.refusal_category,
        row.served_model,
        row.usage,
    )
    return _encode(said).decode()


def _alone(row: Row, own: _Own) -> Row:
    """Return a row as its own attempt has it."""
    found = replace(row, own=None, **msgspec.structs.asdict(own))
    count(found, _usage(found))
    found.usage = own.usage
    return found


def _either(one: str | None, other: str | None) -> str | None:
    """Return what is known; of two that differ the alphabet chooses, whoever said it."""
    return max(one or "", other or "") or None


def _flags(row: Row, usage: Usage, *, exact: bool) -> tuple[str, ...]:
    """Return the flags of a row but for those of its price, which is another one now."""
    kept = _OF_RECORDS.union(() if exact else UNSIZED).intersection(row.flags)
    if any(flag.startswith(f"{CONFLICT}: ") for flag in usage.flags):
        kept |= {CONFLICT}
    return tuple(sorted({*kept, *usage.flags}))


def _usage(row: Row) -> Usage:
    return _NOTHING if row.usage is None else Usage.from_json(row.usage)
