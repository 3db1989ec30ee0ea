"""What is expected of each case, from the table in expected.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

from tests.faults.cases import MODES, Case, every
from tests.faults.evidence import Evidence
from tests.faults.rules import broken

KEYS = {"faults", "platforms", "streamed", "doors", "why", *MODES}


@dataclass(frozen=True)
class Row:
    """Some cases, and what becomes of them."""

    faults: tuple[str, ...]
    platforms: tuple[str, ...] | None
    streamed: bool | None
    doors: tuple[str, ...] | None
    outcomes: Mapping[str, str]

    def is_of(self, case: Case) -> bool:
        """Say whether a case is one of them."""
        return (
            any(fnmatchcase(case.fault, each) for each in self.faults)
            and (self.platforms is None or case.platform in self.platforms)
            and (self.streamed is None or case.streamed is self.streamed)
            and (self.doors is None or case.door in self.doors)
        )


def expected(case: Case) -> str | None:
    """Return what becomes of a case: the last row that is of it says so."""
    found = None
    for row in rows():
        if row.is_of(case):
            found = row.outcomes.get(case.mode, found)
    return found


def mistakes(found: Evidence) -> list[str]:
    """Return what is wrong with a case: rules that it breaks, and an outcome not expected."""
    wrong = broken(found)
    outcome, want = found.seen.outcome, expected(found.case)
    return wrong if outcome == want else [*wrong, f"it came to {outcome!r}, expected was {want!r}"]


def idle_rows() -> list[Row]:
    """Return the rows that decide about no case."""
    deciding = set()
    for case in every():
        number = [n for n, row in enumerate(rows()) if row.is_of(case) and case.mode in row.outcomes]
        deciding.update(number[-1:])
    return [row for n, row in enumerate(rows()) if n not in deciding]


@cache
def rows() -> tuple[Row, ...]:
    """Return the table."""
    text = (Path(__file__).parent / "expected.toml").read_text(encoding="utf-8")
    return tuple(map(_row, tomllib.loads(text)["row"]))


def _row(data: Mapping[str, Any]) -> Row:
    unknown = data.keys() - KEYS
    assert not unknown, f"expected.toml: there is no {sorted(unknown)}"
    platforms, doors = data.get("platforms"), data.get("doors")
    return Row(
        tuple(data["faults"]),
        None if platforms is None else tuple(platforms),
        data.get("streamed"),
        None if doors is None else tuple(doors),
        {mode: data[mode] for mode in MODES if mode in data},
    )
