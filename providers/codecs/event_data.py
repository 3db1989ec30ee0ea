"""Whether an event's data is the JSON that its reader will take it for."""

from __future__ import annotations

import msgspec

_skip = msgspec.json.Decoder(msgspec.Raw).decode


def is_whole(name: str, data: bytes) -> bool:
    """Say whether data is JSON, as the SDK expects it; half of it makes the SDK fail.

    A delta, which is nearly every event, is looked at from its end alone: a half of one hardly
    ever ends with a brace.
    """
    if name == "content_block_delta":
        return data.rstrip().endswith(b"}")
    try:
        _skip(data)
    except msgspec.DecodeError:
        return False
    except RecursionError:
        return True  # It may be JSON; who reads it deeper than this, must say so.
    return True
