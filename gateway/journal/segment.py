"""One file of a journal, open for writing: what goes in goes in whole, with a single write."""

from __future__ import annotations

import errno
import os
import secrets
import weakref
from contextlib import suppress
from pathlib import Path

from gateway.journal.record import Tail, written_time

_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


class Segment:
    """A file that only this process writes, and where it stands."""

    def __init__(self, path: Path) -> None:
        """Create the file; raises OSError."""
        self.path = path
        self.tail = Tail()
        self._file = os.open(path, _FLAGS, 0o600)
        self._made = os.fstat(self._file)
        self._let_go = weakref.finalize(self, _close, self._file)
        self._let_go.atexit = False
        self._synced_bytes = 0

    @classmethod
    def create(cls, directory: Path, at_us: int) -> Segment:
        """Create the next file of a journal, named after the time; raises OSError."""
        time = written_time(at_us).replace("-", "").replace(":", "")
        return cls(directory / f"journal-{time}-{secrets.token_hex(4)}.jsonl")

    def write(self, lines: bytes, tail: Tail) -> None:
        """Write lines after which the file stands at `tail`; raises OSError with none written."""
        try:
            self._put(lines)
            self.tail = tail
        except BaseException:
            # An interrupt may come between the write and the line after it.
            self.cut()
            raise

    def _put(self, lines: bytes) -> None:
        if os.write(self._file, lines) != len(lines):
            raise OSError(errno.EIO, "only a part of a record was taken")

    def cut(self) -> None:
        """Cut off what is no whole record; where even that fails the end stays torn."""
        with suppress(OSError):
            os.ftruncate(self._file, self.tail.size_bytes)

    def gone(self) -> bool:
        """Say whether the file was removed or renamed, so that nobody finds what is written."""
        try:
            return not os.path.samestat(self.path.stat(), self._made)
        except FileNotFoundError:
            return True

    def sync(self) -> None:
        """Wait until the disk has what was written; raises OSError."""
        size_bytes = self.tail.size_bytes
        if size_bytes != self._synced_bytes:
            os.fsync(self._file)
            self._synced_bytes = size_bytes

    def close(self) -> None:
        """Let go of the file, which stays as it is."""
        self._let_go()

    def remove(self) -> None:
        """Close a file in which nothing could be written, and take it away."""
        self.close()
        with suppress(OSError):
            self.path.unlink()


def _close(file: int) -> None:
    with suppress(OSError):
        os.close(file)


def prepared(directory: Path) -> None:
    """Make a journal's directory, for its owner alone, where there is none; raises OSError."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)


def sync_directory(directory: Path) -> None:
    """Wait until the disk knows a new file's name; raises OSError."""
    file = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)
