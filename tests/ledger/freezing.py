"""A Postgres that takes what it is sent and, from some point on, never answers."""

from __future__ import annotations

import selectors
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import make_url

_CHUNK_BYTES = 65_536
_LOOK_S = 0.02


class Freezing:
    """Stands between a ledger and its Postgres, on loopback.

    Args:
        url: The real one, on a Unix socket; None: there is nothing behind.
        at: What freezes it when a client sends it; None: nothing does.
    """

    def __init__(self, url: str | None, at: bytes | None) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._selector = selectors.DefaultSelector()
        if url is not None:
            # Else the kernel alone takes connections.
            self._selector.register(self._listener, selectors.EVENT_READ)
        self._ends: dict[socket.socket, socket.socket] = {}
        self._behind = url
        self.at = at
        self.frozen = threading.Event()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="freezing", daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """The address that a ledger is given."""
        made = make_url(self._behind or "postgresql://postgres:@/nowhere")
        port = self._listener.getsockname()[1]
        return made.set(host="127.0.0.1", port=port, query={}).render_as_string(hide_password=False)

    def thaw(self) -> None:
        """Answer again."""
        self.at = None
        self.frozen.clear()

    def close(self) -> None:
        """Let go of all connections."""
        self._over.set()
        self._thread.join()
        for end in [self._listener, *self._ends]:
            end.close()
        self._selector.close()

    def _run(self) -> None:
        while not self._over.is_set():
            if self.frozen.is_set():
                self._over.wait(_LOOK_S)
                continue
            for key, _ in self._selector.select(_LOOK_S):
                if key.fileobj is self._listener and self._behind is not None:
                    self._accept(self._behind)
                elif isinstance(key.fileobj, socket.socket) and key.fileobj in self._ends:
                    self._pass_on(key.fileobj)
                if self.frozen.is_set():
                    break

    def _accept(self, behind: str) -> None:
        place = make_url(behind).query["host"]
        client, _ = self._listener.accept()
        server = socket.socket(socket.AF_UNIX)
        server.connect(f"{place}/.s.PGSQL.5432")
        for one, other in ((client, server), (server, client)):
            self._ends[one] = other
            self._selector.register(one, selectors.EVENT_READ)

    def _pass_on(self, end: socket.socket) -> None:
        other = self._ends[end]
        try:
            data = end.recv(_CHUNK_BYTES)
            if self.at is not None and self.at in data:
                self.frozen.set()
            if data:
                other.sendall(data)
                return
        except OSError:
            pass
        for each in (end, other):
            self._selector.unregister(each)
            del self._ends[each]
            each.close()


@contextmanager
def freezing(url: str | None, at: bytes | None = None) -> Iterator[Freezing]:
    """Stand in front of a Postgres until the block ends."""
    made = Freezing(url, at)
    try:
        yield made
    finally:
        made.close()
