"""What may stand in records, logs and labels: names and words, never what could be a text."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, NamedTuple

MAX_MEMBERS = 512
MAX_USAGE_MEMBERS = 4096
"""Of a usage: 200 iterations, and twice as much of each as any has now."""
MAX_DEPTH = 4
_HUGE = 2**63
"""No count comes near it; JSON may hold thousands of digits."""
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


class UsageKept(NamedTuple):
    """A usage as it is recorded."""

    counts: dict[str, Any]
    cut: bool
    """It had more members than are kept, so that nothing may be priced by it."""

    @property
    def told(self) -> dict[str, Any]:
        """The members of a record that hold it."""
        return {"usage": self.counts, "usage_cut": True} if self.cut else {"usage": self.counts}


class _Room:
    """How many members may still be kept."""

    __slots__ = ("cut", "left", "text")

    def __init__(self, left: int, text: str | None) -> None:
        self.left = left
        self.text = text
        """What stands in the place of a text."""
        self.cut = False

    def taken(self) -> bool:
        """Take the place of one member; False: there is none."""
        if not self.left:
            self.cut = True
            return False
        self.left -= 1
        return True


def bounded(value: Any) -> Any:
    """Return what an upstream reported, without anything that could be a text of its own."""
    return _kept(value, MAX_MEMBERS, None)[0]


def kept_usage(usage: dict[str, Any]) -> UsageKept:
    """Return a usage, bounded, so that it has the price that it was reported with, or none."""
    return UsageKept(*_kept(usage, MAX_USAGE_MEMBERS, NO_NAME))


def _kept(value: Any, members: int, text: str | None) -> tuple[Any, bool]:
    """Return a value, bounded, and whether that cut it: then its own counts come first."""
    room = _Room(members, text)
    kept = _bounded(value, MAX_DEPTH, room)
    if room.cut and isinstance(value, dict):
        counts_first = sorted(value.items(), key=lambda item: isinstance(item[1], dict | list))
        kept = _bounded(dict(counts_first), MAX_DEPTH, _Room(members, text))
    return kept, room.cut


def _bounded(value: Any, depth: int, room: _Room) -> Any:
    """Return a value whose members, at every depth, are words and few."""
    if isinstance(value, dict) and depth:
        kept: dict[str, Any] = {}
        for key, each in value.items():
            if not _is_word(key):
                continue
            if not room.taken():
                break
            # Most members are counts: they are kept without a call.
            plain = type(each) is int and -_HUGE < each < _HUGE
            kept[key] = each if plain else _bounded(each, depth - 1, room)
        return kept
    if isinstance(value, list) and depth:
        return _bounded_list(value, depth, room)
    if isinstance(value, str):
        return value if _is_word(value) else room.text
    if isinstance(value, int):
        return max(-_HUGE, min(value, _HUGE)) if type(value) is int else value
    return value if isinstance(value, float) else None


def _bounded_list(values: list[Any], depth: int, room: _Room) -> list[Any]:
    kept: list[Any] = []
    for each in values:
        if not room.taken():
            break
        kept.append(_bounded(each, depth - 1, room))
    return kept


def _is_word(text: str) -> bool:
    return len(text) <= WORD_CHARACTERS and _matches_word(text)


@lru_cache(maxsize=1024)
def _matches_word(text: str) -> bool:
    return _WORD.fullmatch(text) is not None
