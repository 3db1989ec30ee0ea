"""What is expected of each case, from the table in expected.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
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
    outcomes: Mapping[str, str] = field(hash=False)

    def is_about(self, fault: str) -> bool:
        """Say whether it is about a fault."""
        return any(fnmatchcase(fault, each) for each in self.faults)

    def is_of(self, case: Case) -> bool:
        """Say whether a case of a fault that it is about is one of them."""
        return (
            (self.platforms is None or case.platform in self.platforms)
            and (self.streamed is None or case.streamed is self.streamed)
            and (self.doors is None or case.door in self.doors)
        )


def expected(case: Case) -> str | None:
    """Return what becomes of a case: the last row that is of it says so."""
    said = [row.outcomes.get(case.mode) for row in _about(case.fault) if row.is_of(case)]
    return next((each for each in reversed(said) if each is not None), None)


def mistakes(found: Evidence) -> list[str]:
    """Return what is wrong with a case: rules that it breaks, and an outcome not expected."""
    wrong = broken(found)
    outcome, want = found.seen.outcome, expected(found.case)
    if want is not None and outcome in want.split(" or "):
        return wrong
    tried = ", ".join(each for told in found.told for each in told.tried)
    return [*wrong, f"it came to {outcome!r}, expected was {want!r} (tried: {tried})"]


def idle_rows() -> list[Row]:
    """Return the rows that decide about no case."""
    deciding = {
        row: None
        for case in every()
        for row in [r for r in _about(case.fault) if r.is_of(case) and case.mode in r.outcomes][-1:]
    }
    return [row for row in rows() if row not in deciding]


@cache
def rows() -> tuple[Row, ...]:
    """Return the table."""
    text = (Path(__file__).parent / "expected.toml").read_text(encoding="utf-8")
    return tuple(map(_row, tomllib.loads(text)["row"]))


@cache
def _about(fault: str) -> tuple[Row, ...]:
    return tuple(row for row in rows() if row.is_about(fault))


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
