"""The thread that waits for the disk once a second, so that no call has to."""

from __future__ import annotations

import threading

from gateway.journal.segment import Segment

INTERVAL_S = 1.0


class Flusher:
    """Syncs one file at a time, and remembers that it could not."""

    def __init__(self, interval_s: float = INTERVAL_S) -> None:
        self._interval_s = interval_s
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self._segment: Segment | None = None
        self._failure: OSError | None = None

    def start(self, segment: Segment) -> None:
        """Sync this file from now on."""
        with self._lock:
            self._segment = segment
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="journal fsync", daemon=True)
            self._thread.start()

    def leave(self) -> None:
        """Let go of the file, before it is closed."""
        with self._lock:
            self._segment = None

    def failure(self) -> OSError | None:
        """Return, once, why the disk does not have what was written."""
        failure, self._failure = self._failure, None
        return failure

    def stop(self) -> None:
        """Let the thread end."""
        self._stopped.set()

    def _run(self) -> None:
        while not self._stopped.wait(self._interval_s):
            self._sync()

    def _sync(self) -> None:
        # The lock keeps the file open meanwhile; writers do not take it.
        with self._lock:
            if self._segment is None:
                return
            try:
                self._segment.sync()
            except OSError as error:
                self._failure = error
                self._segment = None
