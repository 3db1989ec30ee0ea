"""How many messages, blocks and tools a body holds: a bound for whatever looks at each of them.

Policy, and what says which parts a platform does not take, cost a microsecond or two a part, the
latter for each upstream. Without a bound one body of a few megabytes would hold up all others.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec import Raw

MAX_PARTS = 100_000
"""The Claude API takes as many messages (anthropic 2.12.0: types/message_create_params.py)."""
HOLDING = ("messages", "system", "tools")
"""The fields whose parts are looked at."""

_SHORTEST = len(b"{},")
_Plain = bool | str | int | float | None


class _Part(msgspec.Struct, gc=False):
    """A message, a block or a tool; only what may hold more of them is read."""

    content: list[_Part | _Plain] | _Part | _Plain = None


_decode = msgspec.json.Decoder(list[_Part | _Plain] | _Part | _Plain).decode


def crowded(fields: Mapping[str, Raw]) -> str | None:
    """Return a field of a body that holds more than `MAX_PARTS`; None: none does."""
    return next((name for name in HOLDING if name in fields and _too_many(fields[name])), None)


def _too_many(raw: Raw) -> bool:
    """Say whether a value holds too many parts; braces, those in texts too, are never fewer."""
    written = memoryview(raw)
    if len(written) <= MAX_PARTS * _SHORTEST or bytes(written).count(b"{") <= MAX_PARTS:
        return False
    try:
        waiting = [_decode(raw)]
    except (msgspec.DecodeError, RecursionError):
        return True  # So many braces, in a shape that no platform takes.
    count = 0
    while waiting and count <= MAX_PARTS:
        value = waiting.pop()
        if isinstance(value, list):
            waiting.extend(value)
        elif isinstance(value, _Part):
            count += 1
            waiting.append(value.content)
    return count > MAX_PARTS
