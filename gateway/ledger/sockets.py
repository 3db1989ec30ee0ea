"""Ends the wait for a Postgres that takes a statement and never answers.

No time that is set in the database helps then, and none that the kernel keeps: it acknowledges on
behalf of a process that stands still. SQLite works in this process, and is left alone.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from sqlalchemy import Engine, event


class Sockets:
    """The sockets of a ledger's connections, which another thread may cut."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[int, socket.socket] = {}
        self._are_cut = False

    @property
    def are_cut(self) -> bool:
        """Whether they were cut: no statement is answered any more."""
        return self._are_cut

    def watch(self, engine: Engine) -> None:
        """Know of the connections that are made from now on."""
        if engine.dialect.name == "postgresql":
            # First of all: what else listens asks the database something.
            event.listen(engine, "connect", self._opened, insert=True)
            event.listen(engine, "close", self._closed)

    def cut(self) -> None:
        """Let each statement fail that waits for an answer, and all later ones."""
        with self._lock:
            self._are_cut = True
            for each in self._open.values():
                _shut(each)

    @contextmanager
    def cut_after(self, limit_s: float) -> Iterator[None]:
        """Cut them where the block takes longer."""
        timer = threading.Timer(limit_s, self.cut)
        timer.daemon = True
        # At the interpreter's end no thread may start: whoever waits for that end cuts by itself.
        with suppress(RuntimeError):
            timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def close(self) -> None:
        """Forget all of them; for when no connection is in use."""
        with self._lock:
            while self._open:
                self._open.popitem()[1].close()

    def _opened(self, connection: Any, _: Any) -> None:
        # A number of our own for the same socket: the driver's may be another file's when it is
        # cut, for the driver closes it when it likes.
        mine = socket.socket(fileno=os.dup(connection.fileno()))
        with self._lock:
            self._open[id(connection)] = mine
            if self._are_cut:
                _shut(mine)

    def _closed(self, connection: Any, _: Any) -> None:
        with self._lock:
            mine = self._open.pop(id(connection), None)
            if mine is not None:
                mine.close()


def _shut(each: socket.socket) -> None:
    with suppress(OSError):  # The other side was first.
        each.shutdown(socket.SHUT_RDWR)
