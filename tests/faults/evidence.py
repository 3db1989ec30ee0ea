"""What is known of a case once it is over: what was seen, what came in, what is on record."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway.emulator import Emulator, Record
from tests.faults.asking import Seen
from tests.faults.cases import Case
from tests.faults.stage import Stage

MARK = re.compile(rb"(?:case|next)-\d{5}")
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


Ran = tuple[Case, Seen, Seen]
"""A case, what was seen of it, and of the healthy call after it."""


def gathered(
    ran: Iterable[Ran], stage: Stage, running: frozenset[int], *, stopped: bool
) -> list[Evidence]:
    """Return the evidence of all cases of a run that is over, its gateway stopped."""
    came = _came(stage.emulator)
    told = _told(stage.records())
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
        )
        for case, seen, after in ran
    ]


def _came(emulator: Emulator) -> Mapping[str, list[Record]]:
    """Return the requests by their mark."""
    found = defaultdict(list)
    for record in emulator.records:
        mark = MARK.search(record.body)
        if mark is not None:
            found[mark[0].decode()].append(record)
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
