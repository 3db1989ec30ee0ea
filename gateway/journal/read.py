"""A journal's directory, read: its files in the order of their names, and their records."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from gateway.journal.record import LINE_LIMIT_BYTES, Record, decoded

PATTERN = "journal-*.jsonl"
"""The names of the files: the time they were begun, so the names' order is that of time."""


class Unreadable(ValueError):
    """A line of a journal is no record; `gateway audit verify` says more."""


class Placed(NamedTuple):
    """A record and where it stands."""

    file: str
    line: bytes
    """As written, without its line end."""
    record: Record


def files(directory: Path) -> list[Path]:
    """Return the files of a journal; raises OSError when there is no such directory."""
    return sorted(path for path in directory.iterdir() if path.match(PATTERN))


def lines(path: Path) -> Iterator[bytes]:
    """Yield the lines of a file with their line ends, one in memory at a time."""
    with path.open("rb") as file:
        while line := file.readline(LINE_LIMIT_BYTES):
            yield line


def records(directory: Path) -> Iterator[Placed]:
    """Yield every record; the torn end of a file is passed over. Raises Unreadable, OSError."""
    for path in files(directory):
        for number, line in enumerate(lines(path), start=1):
            if not line.endswith(b"\n") and len(line) < LINE_LIMIT_BYTES:
                break
            yield Placed(path.name, line[:-1], _record(path, number, line))


def _record(path: Path, number: int, line: bytes) -> Record:
    try:
        return decoded(line)
    except ValueError:
        raise Unreadable(
            f"{path} line {number} is no record; `gateway audit verify` says more"
        ) from None
