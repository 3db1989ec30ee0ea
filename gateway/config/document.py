"""A configuration as it was written: what it says, and where each part of it stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

from gateway.config.lines import key_lines
from gateway.config.mistakes import Key, Mistake, dotted
from gateway.config.overlay import overlay


@dataclass(frozen=True, slots=True)
class Source:
    """One file, parsed."""

    file: str
    data: Mapping[str, Any]
    lines: Mapping[Key, int]

    @classmethod
    def of(cls, file: str, text: str, data: Mapping[str, Any]) -> Source:
        """Build one from a text and what `tomllib` read in it."""
        return cls(file, data, key_lines(text))


@dataclass(frozen=True, slots=True)
class Document:
    """What several sources say together, the later over the earlier."""

    data: Mapping[str, Any]
    sources: tuple[Source, ...] = ()
    variables: Mapping[Key, str] = field(default_factory=dict)
    """Where no file spoke: key -> the environment variable that did."""

    @classmethod
    def of(cls, *sources: Source) -> Document:
        """Lay sources over each other, the first at the bottom."""
        nothing: dict[str, Any] = {}
        return cls(reduce(overlay, (source.data for source in sources), nothing), sources)

    def mistake(self, key: Key, message: str, suggestion: str = "") -> Mistake:
        """Return a mistake at `key`, or where the nearest table around it stands."""
        if key in self.variables:
            return Mistake(None, None, self.variables[key], message, suggestion)
        file, line = self._place(key)
        return Mistake(file, line, dotted(key), message, suggestion)

    def _place(self, key: Key) -> tuple[str | None, int | None]:
        for depth in range(len(key), 0, -1):
            for source in reversed(self.sources):
                if key[:depth] in source.lines:
                    return source.file, source.lines[key[:depth]]
        return (self.sources[0].file if self.sources else None), None
