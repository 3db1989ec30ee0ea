"""Whether an event's data is the JSON that its reader will take it for."""

from __future__ import annotations

import msgspec

_FRAME = frozenset({"message_start", "message_delta", "message_stop"})
"""The events around the content: whether an answer is whole stands and falls with them."""


class _Typed(msgspec.Struct):
    """The one field by which an event is told."""

    type: str = ""


class _Delta(msgspec.Struct):
    stop_reason: str | None = None


class _Reasoned(msgspec.Struct):
    delta: _Delta | None = None


_reasoned = msgspec.json.Decoder(_Reasoned)
_typed = msgspec.json.Decoder(_Typed)
_skip = msgspec.json.Decoder(msgspec.Raw).decode


def event_type(data: bytes) -> str:
    """Return the type in an event's JSON, "" where it has none.

    Raises msgspec.DecodeError or RecursionError.
    """
    return _typed.decode(data).type


def gives_reason(data: bytes) -> bool:
    """Say whether the JSON of a `message_delta` says why the answer stopped."""
    try:
        delta = _reasoned.decode(data).delta
    except (msgspec.DecodeError, RecursionError):
        return False
    return delta is not None and bool(delta.stop_reason)


def is_whole(name: str, data: bytes) -> bool:
    """Say whether data is JSON, as the SDK expects it; half of it makes the SDK fail.

    A delta, which is nearly every event, is looked at from its end alone: a half of one hardly
    ever ends with a brace. What stands around the content is also what its name says: clients go
    by either.
    """
    if name == "content_block_delta":
        return data.rstrip().endswith(b"}")
    try:
        if name in _FRAME:
            return event_type(data) == name
        _skip(data)
    except msgspec.DecodeError:
        return False
    except RecursionError:
        return True  # It may be JSON; who reads it deeper than this, must say so.
    return True
