"""Sets of names, some of them globs, as rules write them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import translate

_MARKS = frozenset("*?[")


class Globs:
    """Names and globs; `name in globs` says whether one of them fits."""

    __slots__ = ("_exact", "_patterns")

    def __init__(self, names: Iterable[str]) -> None:
        written = frozenset(names)
        patterns = sorted(translate(name) for name in written if _MARKS & set(name))
        self._exact = frozenset(name for name in written if not _MARKS & set(name))
        self._patterns = re.compile("|".join(patterns)) if patterns else None

    def __contains__(self, name: str) -> bool:
        if name in self._exact:
            return True
        return self._patterns is not None and self._patterns.match(name) is not None

    def __bool__(self) -> bool:
        return bool(self._exact) or self._patterns is not None
