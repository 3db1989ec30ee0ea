"""What may stand in records, logs and labels: names and words, never what could be a text."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

MAX_MEMBERS = 512
MAX_DEPTH = 4
NO_NAME = "(no name)"
"""Stands for a name that no platform would give to a thing."""
_NAME = re.compile(r"[A-Za-z0-9_.:/=@|\[\]-]{1,256}")
WORD_CHARACTERS = 64
_WORD = re.compile(r"[A-Za-z0-9._:@/-]+")
"""What a model, a tier or a geography looks like."""


def short(name: Any) -> Any:
    """Return a name as it is recorded: what could be a text of the caller's is not."""
    if not isinstance(name, str) or _NAME.fullmatch(name):
        return name
    return NO_NAME


def attempt_id(decision: str, number: int) -> str:
    """Return the name of an attempt, in the ledger and at its platform."""
    return f"{decision}.{number}"


def bounded(value: Any) -> Any:
    """Return what an upstream reported, without anything that could be a text of its own."""
    return _bounded(value, MAX_DEPTH, [MAX_MEMBERS])


def _bounded(value: Any, depth: int, left: list[int]) -> Any:
    """Return a value whose members, at every depth, are words and few; `left` counts them."""
    if isinstance(value, dict) and depth:
        kept: dict[str, Any] = {}
        for key, each in value.items():
            if not _is_word(key):
                continue
            if not left[0]:
                break
            left[0] -= 1
            kept[key] = each if type(each) is int else _bounded(each, depth - 1, left)
        return kept
    if isinstance(value, list) and depth:
        return _bounded_list(value, depth, left)
    if isinstance(value, str):
        return value if _is_word(value) else None
    return value if isinstance(value, int | float) else None


def _bounded_list(values: list[Any], depth: int, left: list[int]) -> list[Any]:
    kept: list[Any] = []
    for each in values:
        if not left[0]:
            break
        left[0] -= 1
        kept.append(_bounded(each, depth - 1, left))
    return kept


def _is_word(text: str) -> bool:
    return len(text) <= WORD_CHARACTERS and _matches_word(text)


@lru_cache(maxsize=1024)
def _matches_word(text: str) -> bool:
    return _WORD.fullmatch(text) is not None
