"""The journal's files, read on from where each was left."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from gateway.journal.chain import Chain, Finding
from gateway.journal.record import GENESIS, LINE_LIMIT_BYTES, Record

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
    """At least so many, where files are very long; those in files with a trouble do not count."""
    since: str | None
    """The time of the oldest such record."""
    troubles: tuple[Finding, ...]


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

    Returns:
        The records, and where the file stands after them. A file that was taken away meanwhile has
        none; one that cannot be read is a trouble.
    """
    try:
        return _read_on(path, cursor, limit_bytes, end_bytes)
    except FileNotFoundError:
        return Taken([], cursor, None)
    except OSError as error:
        return Taken([], cursor, _unreadable(cursor, error))


def _read_on(path: Path, cursor: Cursor, limit_bytes: int, end_bytes: int | None) -> Taken:
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


def next_batch(
    paths: Iterable[Path],
    cursors: Mapping[str, Cursor],
    ends_bytes: Mapping[str, int] | None = None,
    limit_bytes: int = BATCH_BYTES,
) -> Iterator[Taken]:
    """Yield what is to be folded next: from files in their order, until it is enough.

    Args:
        paths: The files, the oldest first.
        cursors: How far each is folded; one without a cursor is new.
        ends_bytes: Where to end in each; None: at its end. A file that is not named is left out.
        limit_bytes: How much is enough.
    """
    left_bytes = limit_bytes
    for path in paths:
        cursor = cursors.get(path.name, Cursor(path.name))
        end = size_bytes(path) if ends_bytes is None else ends_bytes.get(path.name, 0)
        if left_bytes <= 0:
            return
        if end == cursor.offset_bytes:
            continue
        taken = read_on(path, cursor, left_bytes, None if ends_bytes is None else end)
        left_bytes -= taken.cursor.offset_bytes - cursor.offset_bytes
        yield taken


def behind(paths: Iterable[Path], cursors: Mapping[str, Cursor]) -> Behind:
    """Return how many records are not folded, and since when."""
    records, times, troubles = 0, [], []
    for path in paths:
        cursor = cursors.get(path.name, Cursor(path.name))
        if size_bytes(path) == cursor.offset_bytes:
            continue
        first = read_on(path, cursor, 1)
        if first.trouble is not None:
            troubles.append(first.trouble)
        elif first.records:
            records += 1 + _lines_after(path, first.cursor.offset_bytes)
            times.append(first.records[0].at)
    return Behind(records, min(times, default=None), tuple(troubles))


def _lines_after(path: Path, offset_bytes: int) -> int:
    with path.open("rb") as file:
        file.seek(offset_bytes)
        chunks = range(_COUNTED_BYTES // _CHUNK_BYTES)
        return sum(file.read(_CHUNK_BYTES).count(b"\n") for _ in chunks)


def _unreadable(cursor: Cursor, error: OSError) -> Finding:
    message = f"cannot be read: {error.strerror}"
    return Finding(cursor.file, cursor.records + 1, cursor.records, "missing", message)


def _shortened(cursor: Cursor) -> Finding:
    message = f"was cut, or another file took its place: {cursor.records} records were folded"
    return Finding(cursor.file, cursor.records, cursor.records - 1, "replaced", message)
