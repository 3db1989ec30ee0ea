"""One journal for all that write to one directory from one process."""

from __future__ import annotations

import atexit
import threading
import time
import weakref
from contextlib import suppress
from pathlib import Path

from gateway.journal.writer import Fsync, Journal, JournalBroken

_lock = threading.Lock()
_journals: weakref.WeakValueDictionary[tuple[Path, Fsync], Journal] = weakref.WeakValueDictionary()


def shared(directory: Path, *, fsync: Fsync) -> Journal:
    """Return the journal of a directory; its file begins with the first record.

    An application may make many clients: they share a file. It is closed when the process ends.
    """
    key = (directory.absolute(), fsync)
    with _lock:
        journal = _journals.get(key)
        if journal is None or journal.closed:
            journal = Journal(directory, fsync=fsync, now=time.time)
            _journals[key] = journal
        return journal


@atexit.register
def _close_all() -> None:
    for journal in list(_journals.values()):
        with suppress(JournalBroken):
            journal.close()
