"""The writer of a journal: one append-only file per process, one record per write."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec

from gateway.journal.flushing import Flusher
from gateway.journal.record import LINE_LIMIT_BYTES, Follows, Tail, encoded, following
from gateway.journal.segment import Segment, prepared, sync_directory

Fsync = Literal["always", "interval", "never"]
"""When the disk is waited for: at every record, once a second, or when the system likes."""

_US = 1_000_000
_DATA_LIMIT_BYTES = LINE_LIMIT_BYTES - 1024
"""What leaves room for the rest of the line."""


class JournalBroken(Exception):
    """A record was not written; says what the system said, never what the record holds."""


class Journal:
    """An open journal; threads may share it, and a forked process goes on in a file of its own."""

    def __init__(self, directory: Path, *, fsync: Fsync, now: Callable[[], float]) -> None:
        self.directory = directory
        self._fsync = fsync
        self._now = now
        self._segment: Segment | None = None
        self._follows: Follows | None = None
        self._at_us = 0
        self._named_us = 0
        self._went_back = False
        self._closed = False
        self._forget()
        _journals.add(self)

    @classmethod
    def open(cls, directory: Path, *, fsync: Fsync, now: Callable[[], float]) -> Journal:
        """Begin a file in a directory; `now` is the Unix time. Raises JournalBroken."""
        journal = cls(directory, fsync=fsync, now=now)
        with journal._lock:
            journal._guarded(journal._begun)
        return journal

    @property
    def closed(self) -> bool:
        """Whether nothing more can be written."""
        return self._closed

    @property
    def path(self) -> Path | None:
        """The file that is written now; None between two files, or when it was taken away."""
        segment = self._segment
        return None if segment is None or segment.gone() else segment.path

    def append(self, kind: str, data: Mapping[str, Any] | msgspec.Raw) -> None:
        """Write one record; when this returns, the kernel has it.

        Raises JournalBroken when it could not be written whole (then it is not in the journal) or
        the disk did not take it (then it may be); the next append begins a new file.
        """
        payload = encoded(data)
        if len(payload) > _DATA_LIMIT_BYTES:
            raise JournalBroken(f"a record of {len(payload)} bytes is longer than a journal takes")
        with self._lock:
            if self._closed:
                raise JournalBroken("the journal is closed")
            self._guarded(lambda: self._write(self._begun(), kind, payload))

    def close(self) -> None:
        """Write that the file is complete and wait for the disk; raises JournalBroken."""
        with self._lock:
            segment, self._closed = self._segment, True
            if segment is None:
                return
            try:
                self._guarded(lambda: self._write(segment, "closed", b"{}"))
                if self._fsync == "interval":
                    self._guarded(segment.sync)
            finally:
                self._abandon()
                self._flusher.stop()

    def _guarded(self, write: Callable[[], object]) -> None:
        """Leave a file that could not be written: the next record begins another one."""
        try:
            write()
        except OSError as error:
            self._abandon()
            raise JournalBroken(f"{error.strerror} ({self.directory})") from None
        except BaseException:
            self._abandon()
            raise

    def _begun(self) -> Segment:
        """Return the file to write to; a new one begins with what it goes on from."""
        failed = self._flusher.failure()
        if failed is not None:
            raise failed
        if self._segment is not None and not self._segment.gone():
            return self._segment
        self._abandon()
        prepared(self.directory)
        # Two files of one process never share a name's time: names tell which came first.
        self._named_us = max(self._time_us()[0], self._named_us + 1)
        segment = Segment.create(self.directory, self._named_us)
        try:
            self._open(segment)
        except BaseException:
            segment.remove()
            raise
        self._segment = segment
        self._follows = None
        if self._fsync == "interval":
            self._flusher.start(segment)
        return segment

    def _open(self, segment: Segment) -> None:
        opened: dict[str, Any] = {"file": segment.path.name, "version": _version()}
        if self._follows is not None:
            opened["follows"] = self._follows
            segment.tail = Tail(head=bytes.fromhex(self._follows.hash))
        self._write(segment, "opened", encoded(opened))
        if self._fsync != "never":
            sync_directory(self.directory)

    def _write(self, segment: Segment, kind: str, payload: bytes) -> None:
        at_us, back = self._time_us()
        lines, tail = b"", segment.tail
        if back and not self._went_back:
            lines, tail = following(tail, "clock", b'{"clock":"back"}', at_us)
        line, tail = following(tail, kind, payload, at_us)
        segment.write(lines + line, tail)
        self._at_us, self._went_back = at_us, back
        if self._fsync == "always":
            segment.sync()

    def _time_us(self) -> tuple[int, bool]:
        """Return the time, which never goes back, and whether the clock did."""
        now_us = int(self._now() * _US)
        return max(now_us, self._at_us), now_us < self._at_us

    def _abandon(self) -> None:
        """Leave the file; a later one goes on from its last record."""
        segment, self._segment = self._segment, None
        if segment is None:
            return
        self._flusher.leave()
        segment.close()
        tail = segment.tail
        self._follows = Follows(segment.path.name, tail.records, tail.head.hex())

    def _forget(self) -> None:
        """Begin anew, as a process does that was forked: the file and the lock are the parent's."""
        segment, self._segment = self._segment, None
        if segment is not None:
            segment.close()
        self._follows = None
        self._lock = threading.Lock()
        self._flusher = Flusher()
        weakref.finalize(self, self._flusher.stop).atexit = False


def _version() -> str | None:
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415 - slow

    try:
        return version("tidegate")
    except PackageNotFoundError:
        return None


_journals: weakref.WeakSet[Journal] = weakref.WeakSet()


def _after_fork() -> None:
    for journal in list(_journals):
        journal._forget()  # noqa: SLF001 - the same module


os.register_at_fork(after_in_child=_after_fork)
