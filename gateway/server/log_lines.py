"""The server's log on its way out, in a thread: who reads it slowly holds up no call."""

from __future__ import annotations

import logging
import threading
from collections import deque
from typing import TextIO

_LOG = logging.getLogger("gateway.server")
PAUSE_S = 0.05
"""Lines of so long a time are written at once."""
KEPT_LINES = 20_000
"""So many wait for a slow reader; more are lost, and counted."""
CLOSING_S = 2.0
"""How long the last lines may take."""


class LogLines:
    """A stream for log lines. What is written waits for a thread that writes it on.

    Args:
        out: Where the lines go at last.
        kept_lines: How many wait at most.
    """

    def __init__(self, out: TextIO, kept_lines: int = KEPT_LINES) -> None:
        self.lost = 0
        """Lines that found no room since the last that was written."""
        self._out = out
        self._kept_lines = kept_lines
        self._lines: deque[str] = deque()
        self._some = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    def write(self, line: str) -> int:
        """Take a line with its end."""
        if len(self._lines) >= self._kept_lines:
            self.lost += 1
        else:
            self._lines.append(line)
            if not self._some.is_set():
                self._some.set()
        return len(line)

    def flush(self) -> None:
        """Do nothing: the thread writes soon."""

    def close(self) -> None:
        """Write what waits, for a short time at most."""
        self._closing.set()
        self._some.set()
        self._thread.join(CLOSING_S)

    def _run(self) -> None:
        while not self._closing.is_set():
            self._some.wait()
            self._closing.wait(PAUSE_S)
            self._some.clear()
            self._write_on()
        self._write_on()

    def _write_on(self) -> None:
        lines = [self._lines.popleft() for _ in range(len(self._lines))]
        lost, self.lost = self.lost, 0
        if lost:
            _LOG.warning("%d lines of the log are lost: it is read too slowly", lost)
        try:
            self._out.write("".join(lines))
            self._out.flush()
        except (OSError, ValueError):
            # Nobody reads it any more, and there is nobody left to tell.
            self._closing.wait(PAUSE_S)
