"""What is wrong in a configuration: where, and what would be right."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

Key = tuple[str | int, ...]
"""A setting's path: table and key names, with numbers for places in an array."""

_BARE = re.compile(r"[A-Za-z0-9_-]+\Z")


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing to put right. It never holds the value of a setting that may be secret."""

    file: str | None
    """The file as the operator named it; None: the environment."""
    line: int | None
    """Counted from 1; None: the whole file."""
    key: str
    """The dotted key (`upstreams.direct.api_key`) or the environment variable."""
    message: str
    """What is wrong."""
    suggestion: str = ""
    """What would be right; empty when the message says it."""

    def __str__(self) -> str:
        where = ":".join(str(part) for part in (self.file, self.line) if part is not None)
        head = ": ".join(part for part in (where, self.key) if part)
        tail = f" ({self.suggestion})" if self.suggestion else ""
        return _shown(f"{head}: {self.message}{tail}" if head else f"{self.message}{tail}")


class ConfigError(Exception):
    """A configuration that nothing starts with; `mistakes` are all that were found."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__(self.mistakes)

    def __str__(self) -> str:
        lines = [str(mistake) for mistake in self.mistakes]
        if len(lines) == 1:
            return lines[0]
        return "\n".join([f"{len(lines)} mistakes in the configuration:", *lines])


def dotted(key: Key) -> str:
    """Return a path as TOML writes it: `upstreams."my.name".keys[0]`."""
    text = ""
    for part in key:
        if isinstance(part, int):
            text += f"[{part}]"
            continue
        word = part if _BARE.match(part) else json.dumps(part, ensure_ascii=False)
        text += f".{word}" if text else word
    return text


def _shown(text: str) -> str:
    """Escape what a terminal would obey rather than print."""
    return "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in text)


def nearest(word: str, right: Iterable[str]) -> str:
    """Return a hint at the right names closest to `word`, or at all of them."""
    names = sorted(right)
    close = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]}?"
    return f"known: {', '.join(names)}" if names else ""
