"""The journal's files, read on from where each was left."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, NamedTuple

from gateway.journal.chain import Chain, Finding
from gateway.journal.read import files
from gateway.journal.record import GENESIS, LINE_LIMIT_BYTES, Record, decoded

BATCH_BYTES = 4 * 1024 * 1024
"""How much of a journal is folded in one transaction."""
_CHUNK_BYTES = 1024 * 1024
_COUNTED_BYTES = 64 * _CHUNK_BYTES
"""How much of a file is looked through for how many records are behind."""


class Cursor(NamedTuple):
    """How far a file is folded."""

    file: str
    offset_bytes: int = 0
    records: int = 0
    head: str = GENESIS.hex()
    """The hash of the last record."""
    closed: bool = False


class Taken(NamedTuple):
    """What was read on from one file: whole records, and where it stands after them."""

    records: list[Record]
    cursor: Cursor
    trouble: Finding | None
    """Why nothing after these records can be read."""


class Behind(NamedTuple):
    """What of a journal is not folded yet."""

    records: int
    """At least so many, where files are very long."""
    since: str | None
    """The time of the oldest such record."""


def size_bytes(path: Path) -> int:
    """Return how long a file is; one that was taken away has no bytes."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def read_on(path: Path, cursor: Cursor, limit_bytes: int, end_bytes: int | None = None) -> Taken:
    """Read whole records that follow on from a cursor, as many as begin within a limit.

    Args:
        path: The file.
        cursor: Where it was left.
        limit_bytes: How much is read at most, but for the last record's end.
        end_bytes: Where to end; None: at the file's end.

    Raises:
        OSError: The file cannot be read.
    """
    chain = Chain(path.name, cursor.records, bytes.fromhex(cursor.head), closed=cursor.closed)
    found: list[Record] = []
    offset = cursor.offset_bytes
    with path.open("rb") as file:
        if file.seek(0, 2) < offset:
            return Taken(found, cursor, _shortened(cursor))
        file.seek(offset)
        last = offset + limit_bytes if end_bytes is None else min(offset + limit_bytes, end_bytes)
        while offset < last and (line := file.readline(LINE_LIMIT_BYTES)):
            if not chain.feed(line) or chain.record is None:
                break
            found.append(chain.record)
            offset += len(line)
    reached = Cursor(path.name, offset, chain.records, chain.head.hex(), chain.closed)
    return Taken(found, reached, chain.problem)


def unread(directory: Path, cursors: Mapping[str, Cursor]) -> Iterator[tuple[Path, Cursor]]:
    """Yield the files that are longer or shorter than what is folded, the oldest first."""
    for path in files(directory):
        cursor = cursors.get(path.name, Cursor(path.name))
        if size_bytes(path) != cursor.offset_bytes:
            yield path, cursor


def behind(directory: Path, cursors: Mapping[str, Cursor]) -> Behind:
    """Return how many records are not folded, and since when; raises OSError."""
    records, times = 0, []
    for path, cursor in unread(directory, cursors):
        with path.open("rb") as file:
            file.seek(cursor.offset_bytes)
            try:
                times.append(decoded(file.readline(LINE_LIMIT_BYTES)).at)
            except ValueError:
                continue
            records += 1 + _lines(file)
    return Behind(records, min(times, default=None))


def _lines(file: BinaryIO) -> int:
    chunks = range(_COUNTED_BYTES // _CHUNK_BYTES)
    return sum(file.read(_CHUNK_BYTES).count(b"\n") for _ in chunks)


def _shortened(cursor: Cursor) -> Finding:
    message = f"was cut, or another file took its place: {cursor.records} records were folded"
    return Finding(cursor.file, cursor.records, cursor.records - 1, "replaced", message)
