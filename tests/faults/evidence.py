"""What is known of a case once it is over: what was seen, what came in, what is on record."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway.emulator import Emulator, Record
from gateway.ledger.row import Row
from tests.faults.asking import Seen
from tests.faults.cases import PLATFORMS, Case
from tests.faults.stage import Stage
from tests.ledger.bills import Billed, billed, differences, folded

MARK = re.compile(rb"(?:case|next|warm)-(?:\d{5}|up)")
ENDS = frozenset({"failed", "finished", "withdrawn"})


@dataclass
class Told:
    """What the journal says of one decision."""

    plan: list[str]
    started: list[dict[str, Any]] = field(default_factory=list)
    ends: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    """Kind and data, in their order."""

    def ends_of(self, attempt: int) -> list[tuple[str, dict[str, Any]]]:
        """Return how an attempt ended, each time that is told."""
        return [each for each in self.ends if each[1].get("attempt") == attempt]

    @property
    def tried(self) -> list[str]:
        """Return how each attempt ended, in words."""
        return [
            f"{data['upstream']} {data.get('kind', kind)} {data.get('type', '')}".strip()
            for kind, data in self.ends
            if "attempt" in data
        ]

    @property
    def finished(self) -> list[dict[str, Any]]:
        """Return each end of the call as a whole."""
        return [data for kind, data in self.ends if kind == "finished"]


@dataclass
class Evidence:
    """One case, all of it."""

    case: Case
    seen: Seen
    after: Seen
    emulator: Emulator
    secrets: Mapping[str, str]
    records: Sequence[Record] = ()
    """The requests that came in for it."""
    told: Sequence[Told] = ()
    """One for each time that the caller's own client sent it."""
    running: frozenset[int] = frozenset()
    """The numbers of the requests that had not ended when all was over."""
    stopped: bool = True
    """Whether the gateway stopped when it was told to."""
    left_open: int = 0
    """Connections to the platforms that the gateway left open."""
    astray: int = 0
    """Requests at the target of redirects, of the whole run."""
    rows: Sequence[Row] = ()
    """What the ledger has of its attempts."""
    bills: Sequence[Billed] = ()
    """What the platforms charge for it."""
    unclear: Sequence[str] = ()
    """Where ledger and bill do not agree on requests that are no case's own; the first case of a
    run has it."""


Ran = tuple[Case, Seen, Seen]
"""A case, what was seen of it, and of the healthy call after it."""


def gathered(
    ran: Iterable[Ran], stage: Stage, running: frozenset[int], *, stopped: bool
) -> list[Evidence]:
    """Return the evidence of all cases of a run that is over, its gateway stopped."""
    came = _came(stage.emulator)
    told = _told(stage.records())
    rows = by_mark(folded(stage.journal))
    bills = {mark: [billed(each) for each in records] for mark, records in came.items()}
    # Of a request without its body nobody can say whose it is; it must not cost anything.
    bills[""] = [each for each in bills.get("", ()) if each.pico]
    own = {mark for case, _, _ in ran for mark in (case.mark, case.after.mark)}
    unclear = [
        f"{mark or 'unmarked'}: {each}"
        for mark in {*rows, *bills} - own
        for each in differences(rows.get(mark, ()), bills.get(mark, ()))
    ]
    secrets = stage.secrets
    return [
        Evidence(
            case,
            seen,
            after,
            stage.emulator,
            secrets,
            came.get(case.mark, ()),
            told.get(case.mark, ()),
            running,
            stopped,
            stage.left_open,
            len(stage.emulator.records.of("elsewhere")),
            [row for mark in (case.mark, case.after.mark) for row in rows.get(mark, ())],
            [bill for mark in (case.mark, case.after.mark) for bill in bills.get(mark, ())],
            () if number else unclear,
        )
        for number, (case, seen, after) in enumerate(ran)
    ]


def _came(emulator: Emulator) -> Mapping[str, list[Record]]:
    """Return the requests for models by their mark; of some no more than the head came."""
    found = defaultdict(list)
    for record in emulator.records:
        if record.platform in PLATFORMS:
            mark = MARK.search(record.body)
            found["" if mark is None else mark[0].decode()].append(record)
    return found


def by_mark(rows: Iterable[Row]) -> Mapping[str, list[Row]]:
    """Return the ledger's rows by their mark, which is a tag."""
    found = defaultdict(list)
    for row in rows:
        found[row.tags.get("case", "")].append(row)
    return found


def _told(records: Iterable[Mapping[str, Any]]) -> Mapping[str, list[Told]]:
    """Return what the journal says by mark, which it keeps as a tag."""
    by_decision: dict[str, Told] = {}
    found = defaultdict(list)
    for record in records:
        kind, data = record["kind"], record["data"]
        if kind == "decision":
            told = by_decision[data["decision"]] = Told(data["plan"])
            found[data["tags"].get("case", "")].append(told)
        elif kind == "started":
            by_decision[data["decision"]].started.append(data)
        elif kind in ENDS:
            by_decision[data["decision"]].ends.append((kind, data))
    return found
