"""Whether a JSON object says a thing twice, which its decoder does not tell."""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec
from msgspec import Raw

_decode_text = msgspec.json.Decoder(str).decode
# Possessive: without going back, a long key costs no memory beside its own.
_KEY = re.compile(rb'[ \t\n\r]*("(?:[^"\\]++|\\.)*+")[ \t\n\r]*:[ \t\n\r]*')
_UP_TO_HALF_A_PAIR = re.compile(
    rb"(?:[^\\]++|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|\\(?!u[dD][89a-fA-F][0-9a-fA-F]{2}).)*+(?=\\u[dD])",
    re.DOTALL,
)
"""All before an escaped half of a surrogate pair (RFC 8259 section 7)."""
_NEXT = re.compile(rb"[ \t\n\r]*[,}]")


def is_compact(body: bytes, fields: Mapping[str, Raw]) -> bool:
    """Say whether the body is just these fields: no white space, no key written twice.

    Every way to write a key is at least as long as `msgspec` writes it, and white space or a
    repeated key only adds bytes, so equal lengths prove both.
    """
    size = 1
    for key, raw in fields.items():
        size += _written_length(key) + 2 + len(memoryview(raw))
    return size == len(body)


def _written_length(key: str) -> int:
    return len(key) + 2 if key.isidentifier() and key.isascii() else len(msgspec.json.encode(key))


def repeated_key(text: bytes, fields: Mapping[str, Raw]) -> str | None:
    """Return a key that stands twice in a JSON object, which is known to be one; None: none does.

    `fields` has the last value of each key. Where another value stands, or the same key once
    more, the key was written twice. What lies deeper is not looked at.
    """
    seen: set[str] = set()
    at = text.index(b"{") + 1
    while found := _KEY.match(text, at):
        key: str = _decode_text(found[1])
        value = bytes(fields[key])
        ends = found.end() + len(value)
        after = _NEXT.match(text, ends) if text.startswith(value, found.end()) else None
        if after is None or key in seen:
            return key
        seen.add(key)
        at = after.end()
    return None


def lone_surrogate(body: bytes) -> int | None:
    """Return where half a surrogate pair is escaped; None: nowhere.

    The decoder finds it too, but says of some that the body was cut off.
    """
    found = _UP_TO_HALF_A_PAIR.match(body)
    return found.end() if found else None
