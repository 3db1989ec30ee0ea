"""The check of one file of a journal, line by line, up to its first bad record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import msgspec

from gateway.journal.record import GENESIS, Follows, Opened, Record, beginning, decoded, digest_of

What = Literal[
    "changed", "missing", "moved", "replaced", "foreign", "appended", "checkpoint", "torn", "note"
]
"""What a finding is about; docs/audit.md says what each means."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that does not fit, and where."""

    file: str
    line: int | None
    """Counted from 1."""
    record: int | None
    """Its `seq`, counted from 0."""
    what: What
    message: str

    @property
    def whole_file(self) -> bool:
        """Whether a file is missing from its first record to its last."""
        return self.what == "missing" and self.line is None

    def __str__(self) -> str:
        line = "" if self.line is None else f" line {self.line}"
        record = "" if self.record is None else f" (record {self.record})"
        return f"{self.file}{line}{record}: {self.what}: {self.message}"


_Wrong = tuple[What, str]
_NEXT = b'"}{"seq":'
"""Where one record ends and another begins; inside a record every quote of a text is escaped."""


class Chain:
    """Where the check of one file stands; it goes on from what it is given."""

    def __init__(
        self, name: str, records: int = 0, head: bytes = GENESIS, *, closed: bool = False
    ) -> None:
        self.name = name
        self.records = records
        """Good ones, from the first on."""
        self.head = head
        """The hash of the last good record."""
        self.closed = closed
        """The process that wrote it closed it, so nothing is missing at its end."""
        self.record: Record | None = None
        """The last good record that was fed."""
        self.torn = False
        """It ends in a part of a record, as a process leaves it that was stopped in its write."""
        self.follows: Follows | None = None
        self.problem: Finding | None = None
        """The first bad line; nothing after it was looked at."""
        self.at = ""
        """The time of the last good record."""

    def feed(self, line: bytes) -> bool:
        """Take the next line, with its line end; return whether it is a good record."""
        if self.problem is not None:
            return False
        wrong = self._wrong(line)
        if wrong is not None:
            what, message = wrong
            self.problem = Finding(self.name, self.records + 1, self.records, what, message)
        return wrong is None and not self.torn

    def _wrong(self, line: bytes) -> _Wrong | None:
        if self.torn:
            return "changed", "is longer than any record: line ends are gone"
        if self.closed:
            return "appended", "comes after the record that closed the file"
        if not line.endswith(b"\n"):
            return self._unfinished(line)
        text = line[:-1]
        digest = digest_of(text)
        if digest is None:
            return "changed", "is not as it was written: its content does not give its hash"
        try:
            record = decoded(text)
        except ValueError:
            return "changed", "is no record"
        wrong = self._misplaced(record)
        if wrong is None:
            self._take(record, digest)
        return wrong

    def _unfinished(self, line: bytes) -> _Wrong | None:
        due = beginning(self.records)
        if not line.startswith(due[: len(line)]):
            return "appended", "is no beginning of a record, so no interrupted write left it"
        if _NEXT in line:
            return "changed", "holds more than one record: line ends are gone"
        self.torn = True
        return None

    def _misplaced(self, record: Record) -> _Wrong | None:
        if record.seq > self.records:
            return "missing", f"record {self.records} is missing: {record.seq} stands in its place"
        if record.seq < self.records:
            return "moved", f"record {record.seq} stands here once more"
        if record.seq == 0:
            return self._not_first(record)
        if record.prev != self.head.hex():
            return (
                "replaced",
                "follows another record than the one before it: one of them is not the file's own",
            )
        if record.at < self.at:
            return "changed", "is earlier than the record before it, which no writer writes"
        return None

    def _not_first(self, record: Record) -> _Wrong | None:
        try:
            opened = msgspec.json.decode(record.data, type=Opened)
        except ValueError:
            return "foreign", "does not open a file"
        follows = opened.follows
        if record.kind != "opened" or opened.file != self.name:
            return "foreign", f"belongs to {opened.file}"
        if record.prev != (GENESIS.hex() if follows is None else follows.hash):
            return "changed", "does not follow what it says it follows"
        self.follows = follows
        return None

    def _take(self, record: Record, digest: bytes) -> None:
        self.records += 1
        self.record = record
        self.head = digest
        self.closed = record.kind == "closed"
        self.at = record.at
