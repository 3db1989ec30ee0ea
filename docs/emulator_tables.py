"""Writes the tables of emulator.md from the faults that have a name: `make docs`."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from docs.tables import filled, table
from gateway.emulator import NAMED, NamedFault
from gateway.emulator.faults import Bills
from gateway.emulator.named_faults import PLATFORMS

PAGE = Path(__file__).parent / "emulator.md"
_ANSWERS = {None: "both", True: "streams", False: "whole"}
_BILLED = {Bills.NOTHING: "nothing", Bills.SENT: "what was sent", Bills.ALL: "all"}


def page() -> str:
    """Return the page with its tables as the data says now."""
    return filled(PAGE, tables())


def tables() -> str:
    """Return a table for each group of faults."""
    parts: list[str] = []
    heads = ("name", "what goes wrong", "where", "answers", "billed")
    for group, rows in groupby(NAMED.values(), lambda row: row.group):
        parts += [f"### {group}", table(heads, map(_row, rows))]
    return "\n\n".join(parts) + "\n"


def _row(row: NamedFault) -> tuple[str, ...]:
    where = "all" if row.platforms == PLATFORMS else ", ".join(row.platforms)
    billed = _BILLED[row.fault.billing]
    return f"`{row.name}`", " ".join(_words(row)), where, _ANSWERS[row.streamed], billed


def _words(row: NamedFault) -> Iterator[str]:
    yield row.says
    if row.harmless:
        yield "(Harmless.)"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
