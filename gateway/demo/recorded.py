"""What the demo's journal says of one call, as values to judge by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from gateway.journal import read
from gateway.policy.recorded import Entry, recall

_STARTED = "started"


@dataclass(frozen=True, slots=True)
class Account:
    """How one call was decided and tried."""

    kinds: tuple[str, ...] = ()
    """The kinds of its records, in their order."""
    rejected: Mapping[str, tuple[str, ...]] | None = None
    """Upstream -> the ids of the rules that rejected it; None: there is no decision on record."""
    attempts: tuple[tuple[str, str | None], ...] = ()
    """Platform and region of each attempt."""


def account(journal: Path, decision: str | None) -> Account:
    """Return what a journal says of a decision; raises `read.Unreadable` where it is no journal."""
    past = None if decision is None else recall(lambda: _entries(journal), decision)
    if past is None:
        return Account()
    return Account(
        kinds=("decision", *(entry.kind for entry in past.attempts)),
        rejected={
            each["upstream"]: tuple(sorted({reason["rule"] for reason in each["reasons"]}))
            for each in past.candidates or ()
            if not each["allowed"]
        },
        attempts=tuple(
            (entry.data["platform"], entry.data["region"])
            for entry in past.attempts
            if entry.kind == _STARTED
        ),
    )


def _entries(journal: Path) -> Iterator[Entry]:
    for _, _, record in read.records(journal):
        yield Entry(record.kind, record.at, msgspec.json.decode(record.data))
