"""What may stand in records, logs and labels: names and words, never what could be a text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

MAX_MEMBERS = 512
MAX_DEPTH = 4
NO_NAME = "(no name)"
"""Stands for a name that no platform would give to a thing."""
_NAME = re.compile(r"[A-Za-z0-9_.:/=@|\[\]-]{1,256}")
_WORD = re.compile(r"[A-Za-z0-9._:@/-]{1,64}")
"""What a model, a tier or a geography looks like."""


def short(name: Any) -> Any:
    """Return a name as it is recorded: what could be a text of the caller's is not."""
    if not isinstance(name, str) or _NAME.fullmatch(name):
        return name
    return NO_NAME


def bounded(value: Any) -> Any:
    """Return what an upstream reported, without anything that could be a text of its own."""
    return _bounded(value, MAX_DEPTH, iter(range(MAX_MEMBERS)))


def _bounded(value: Any, depth: int, left: Iterator[int]) -> Any:
    """Return a value whose members, at every depth, are words and few; `left` counts them."""
    if isinstance(value, Mapping) and depth:
        named = (pair for pair in value.items() if _WORD.fullmatch(pair[0]))
        return {
            key: _bounded(each, depth - 1, left)
            for (key, each), _ in zip(named, left, strict=False)
        }
    if isinstance(value, list) and depth:
        return [_bounded(each, depth - 1, left) for each, _ in zip(value, left, strict=False)]
    if isinstance(value, str):
        return value if _WORD.fullmatch(value) else None
    return value if isinstance(value, int | float) else None
