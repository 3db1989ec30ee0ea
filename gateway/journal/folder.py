"""The checks of a journal's directory, and its checkpoints on disk."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from gateway.journal.checkpoint import FILE_NAME, Checkpoint, parsed
from gateway.journal.read import files, lines
from gateway.journal.record import written_time
from gateway.journal.verify import Report, verify


class BadCheckpoint(ValueError):
    """A file of checkpoints has a line that is none, or no line at all."""


_UNFINISHED = "; it is the last line and ends early, as a stopped write leaves it: take it away"


def kept(path: Path) -> tuple[Checkpoint, ...]:
    """Return the checkpoints in a file, one a line; raises BadCheckpoint, OSError."""
    found = []
    for number, line in enumerate(path.read_bytes().splitlines(keepends=True), start=1):
        try:
            found.append(parsed(line.rstrip(b"\r\n")))
        except ValueError as error:
            hint = "" if line.endswith(b"\n") else _UNFINISHED
            raise BadCheckpoint(f"{path} line {number} is no checkpoint: {error}{hint}") from None
    if not found:
        raise BadCheckpoint(f"{path} holds no checkpoint")
    return tuple(found)


def own_checkpoints(directory: Path) -> tuple[Checkpoint, ...]:
    """Return the checkpoints that lie beside a journal; raises BadCheckpoint, OSError."""
    path = directory / FILE_NAME
    return kept(path) if path.exists() and path.stat().st_size else ()


@contextmanager
def alone(directory: Path) -> Iterator[None]:
    """Wait until no other process adds a checkpoint to this journal; raises OSError.

    Two that go on from the same one would not follow each other.
    """
    file = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        os.close(file)


def is_journal(directory: Path) -> bool:
    """Say whether a directory has a file of a journal, or checkpoints; raises OSError."""
    return (directory / FILE_NAME).exists() or bool(files(directory))


def check(directory: Path, against: Sequence[Checkpoint]) -> Report:
    """Check a journal, one line in memory at a time; raises OSError."""
    return verify(((path.name, lines(path)) for path in files(directory)), against)


def next_checkpoint(report: Report, before: Sequence[Checkpoint], now_s: float) -> Checkpoint:
    """Return what a whole journal holds, as a checkpoint after those before."""
    return Checkpoint(
        format="tidegate checkpoint 1",
        at=written_time(int(now_s * 1_000_000)),
        size=report.records,
        root=report.root,
        files=report.covered(),
        previous=before[-1].digest() if before else None,
    )


def add_checkpoint(directory: Path, checkpoint: Checkpoint) -> None:
    """Append a checkpoint to those beside the journal, and wait for the disk; raises OSError."""
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
    file = os.open(directory / FILE_NAME, flags, 0o600)
    try:
        size_bytes, line = os.fstat(file).st_size, checkpoint.line() + b"\n"
        if size_bytes and os.pread(file, 1, size_bytes - 1) != b"\n":
            line = b"\n" + line
        if os.write(file, line) != len(line):
            os.ftruncate(file, size_bytes)
            raise OSError(errno.EIO, "only a part of the checkpoint was taken", FILE_NAME)
        os.fsync(file)
    finally:
        os.close(file)
