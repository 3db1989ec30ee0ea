"""The signatures of thinking blocks: the platform that made one is the surest to take it back."""

from __future__ import annotations

import re
from hashlib import blake2b

NAME = b'"signature"'
MAX_LOOKED_AT = 8
"""Tools may have a field of that name, too."""
NEWEST_BYTES = 256 << 10
"""So much of a body's end is looked at."""
REMEMBERED_S = 86_400.0
"""A signature stays good; a conversation that is taken up again the next day still has it."""

_VALUE = re.compile(rb'\s{0,64}+:\s{0,64}+"([^"\\]{16,}+)"')


def newest(data: bytes, seal: bytes) -> bytes | None:
    """Return a hash of the last signature in a body or in events; None: there is none."""
    at, begin = len(data), max(0, len(data) - NEWEST_BYTES)
    for _ in range(MAX_LOOKED_AT):
        at = data.rfind(NAME, begin, at)
        if at < 0:
            return None
        value = _VALUE.match(data, at + len(NAME))
        if value is not None:
            return blake2b(value[1], key=seal, digest_size=16, person=b"signature").digest()
    return None
