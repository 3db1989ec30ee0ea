"""One process at a time folds a journal; the others leave it to that one."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

FILE_NAME = "folding.lock"
"""Beside the journal's files; it holds nothing."""
_held: set[int] = set()


@contextmanager
def one_folder(directory: Path, *, wait: bool = False) -> Iterator[bool]:
    """Say whether this process may fold; `wait`: wait until it may.

    Where no lock can be kept, as on a disk that is read-only, it may: two that fold at once only
    do work twice, for what is written is written together with how far it came.
    """
    file = _opened(directory)
    if file is None:
        yield True
        return
    _held.add(file)
    try:
        yield _locked(file, wait=wait)
    finally:
        _held.discard(file)
        os.close(file)


def _opened(directory: Path) -> int | None:
    flags = os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC
    try:
        return os.open(directory / FILE_NAME, flags, 0o600)
    except OSError:
        return None


def _locked(file: int, *, wait: bool) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    except OSError:
        # The file system knows no locks.
        return True
    return True


def _after_fork() -> None:
    # The lock is the parent's; it would last as long as any process has the file open.
    for file in _held:
        with suppress(OSError):
            os.close(file)
    _held.clear()


os.register_at_fork(after_in_child=_after_fork)
