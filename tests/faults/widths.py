"""Which costs are not exact, and how far apart the ledger's bounds of them are."""

from __future__ import annotations

import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

from gateway.ledger.row import Row
from gateway.money import usd
from tests.faults.cases import WHOLE
from tests.faults.evidence import Evidence
from tests.ledger.bills import kinds, width_pico


@dataclass(frozen=True)
class Widths:
    """What was found, or what is recorded in widths.toml."""

    cases: int
    """How many cases are not exact."""
    mean_pico: int
    """How far apart the bounds of one of them are, in the mean."""


def measured(found: Iterable[Evidence]) -> Widths:
    """Return the widths of all cases."""
    widths = [width for each in found if (width := width_pico(_own(each)))]
    return Widths(len(widths), sum(widths) // max(len(widths), 1))


def beyond(found: Widths) -> str:
    """Return what to do about widths that are not those on record; empty when they are."""
    table = _table()["all" if WHOLE else "sample"]
    recorded = Widths(table["cases"], table["mean_pico"])
    more, less = 1 + table["slack_percent"] / 100, 1 - table["slack_percent"] / 100
    if found.cases > recorded.cases * more or found.mean_pico > recorded.mean_pico * more:
        return f"bounds got wider, or fewer costs are exact: {recorded} on record, {found} found"
    if found.cases < recorded.cases * less or found.mean_pico < recorded.mean_pico * less:
        return f"bounds got narrower: write {found} into widths.toml, so that they stay so"
    return ""


def unlisted(found: Mapping[str, Sequence[Evidence]]) -> Iterator[str]:
    """Yield the faults of which widths.toml does not say rightly whether all costs are exact.

    Of what is so only `sometimes`, none needs to be found.
    """
    for fault, evidence in found.items():
        exact = not measured(evidence).cases
        rows = [row for row in _table()["inexact"] if _names(row, fault)]
        if not exact and not rows:
            yield f"{fault} has costs that are not exact"
        if exact and WHOLE and any(not row.get("sometimes") for row in rows):
            yield f"{fault} has none but exact costs: take it out of widths.toml"


def told(found: Sequence[Evidence]) -> Iterator[str]:
    """Yield lines that say which attempts are not exact, and how wide their bounds are."""
    by_kind: dict[str, list[int]] = defaultdict(list)
    faults: dict[str, set[str]] = defaultdict(set)
    for each in found:
        for kind, width in kinds(_own(each)):
            by_kind[kind].append(width)
            faults[kind].add(each.case.fault)
    widths = measured(found)
    yield f"{widths.cases} of {len(found)} cases are not exact: {_mean([widths.mean_pico])}"
    for kind, of in sorted(by_kind.items(), key=lambda pair: -sum(pair[1])):
        yield f"  {kind}: {len(of)} attempts of {len(faults[kind])} faults, {_mean(of)}"


def _own(found: Evidence) -> list[Row]:
    """Return the rows of a case without those of the call after it."""
    return [row for row in found.rows if row.tags["case"] == found.case.mark]


def _names(row: Mapping[str, Any], fault: str) -> bool:
    return any(fnmatchcase(fault, glob) for glob in row["faults"])


def _mean(widths: Sequence[int]) -> str:
    return f"mean width {usd(sum(widths) // len(widths))} USD"


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads((Path(__file__).parent / "widths.toml").read_text("utf-8"))
