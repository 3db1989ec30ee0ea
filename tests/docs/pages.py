"""Pages of the docs, as what is shown on them."""

from __future__ import annotations

import datetime as dt
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
_BLOCK = re.compile(r"^```([a-z]+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_FILE = re.compile(r"# ((?:config/)?\S+\.toml)\n")
_LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
_DAYS_TO_COME = dt.timedelta(days=60)


@dataclass(frozen=True)
class Block:
    """One code block."""

    language: str
    text: str

    @property
    def file(self) -> str | None:
        """The file that it is the whole of, where its first line names one."""
        found = _FILE.match(self.text)
        return found[1] if found else None

    @property
    def commands(self) -> Iterator[list[str]]:
        """The arguments of each `gateway` command in it."""
        for line in self.text.splitlines():
            if line.startswith("gateway "):
                yield shlex.split(line, comments=True)[1:]


def blocks(page: str, until: str | None = None) -> list[Block]:
    """Return the code blocks of a page; `until` is a day on it that is always to come."""
    text = (ROOT / page).read_text("utf-8")
    if until is not None:
        assert until in text
        text = text.replace(until, (dt.datetime.now(dt.UTC).date() + _DAYS_TO_COME).isoformat())
    return [Block(*found) for found in _BLOCK.findall(text)]


def dead_links(page: str) -> list[str]:
    """Return the links of a page to files that are not there."""
    path = ROOT / page
    links = _LINK.findall(path.read_text("utf-8"))
    return [link for link in links if not (path.parent / link).exists()]
