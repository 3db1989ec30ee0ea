"""Digests of what a decision rests on."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

canonical = msgspec.json.Encoder(order="sorted").encode
"""Writes plain content so that the order of keys and sets is no part of it."""


def digest(content: Any) -> str:
    """Return the SHA-256, in hex, of plain content; it has no number that JSON has not."""
    return hashlib.sha256(canonical(content)).hexdigest()
