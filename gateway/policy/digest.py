"""Digests of what a decision rests on."""

from __future__ import annotations

import hashlib
import math
from typing import Any

import msgspec


def digest(content: Any) -> str:
    """Return the SHA-256, in hex, of plain content: the order of keys and sets is no part of it."""
    return hashlib.sha256(msgspec.json.encode(_canonical(content))).hexdigest()


def _canonical(content: Any) -> Any:
    if isinstance(content, dict):
        return {str(key): _canonical(content[key]) for key in sorted(content, key=str)}
    if isinstance(content, (set, frozenset)):
        return sorted(_canonical(each) for each in content)
    if isinstance(content, (list, tuple)):
        return [_canonical(each) for each in content]
    # JSON has no infinity, and msgspec would write null for it.
    if isinstance(content, float) and math.isinf(content):
        return "never"
    return content
