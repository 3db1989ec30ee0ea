"""Idle keep-alive connections of one owner: a thread-safe wire, or one event loop."""

from __future__ import annotations

import select
import socket
from typing import Generic, Protocol, TypeVar

from gateway.wire.contract import Route

MAX_IDLE_PER_ROUTE = 20
IDLE_S = 55.0
"""Shorter than the 60 s after which common load balancers close an idle connection."""


class Connection(Protocol):
    """What a pool asks of a connection."""

    def quiet(self) -> bool:
        """Say whether it is open and nothing has arrived on it."""
        ...

    def drop(self) -> None:
        """Close it."""
        ...


C = TypeVar("C", bound=Connection)


class IdlePool(Generic[C]):
    """Connections that wait for their next request, the latest used first."""

    def __init__(self) -> None:
        self._idle: dict[Route, list[tuple[float, C]]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._idle.values()))

    def take(self, route: Route, now_s: float) -> C | None:
        """Return a connection that is still quiet, or None.

        A connection on which anything has arrived is dropped: bytes that belong to no request
        would be read as the next one's answer, and after an end the request would be lost.
        """
        idle = self._idle.get(route)
        while idle:
            since_s, connection = idle.pop()
            if now_s - since_s < IDLE_S and connection.quiet():
                return connection
            connection.drop()
        return None

    def put(self, route: Route, connection: C, now_s: float) -> None:
        """Keep a connection for its next request; the oldest makes room."""
        idle = self._idle.setdefault(route, [])
        idle.append((now_s, connection))
        if len(idle) > MAX_IDLE_PER_ROUTE:
            idle.pop(0)[1].drop()

    def discard(self, route: Route, connection: C) -> None:
        """Forget a connection that closed by itself."""
        idle = self._idle.get(route, [])
        idle[:] = [entry for entry in idle if entry[1] is not connection]

    def sweep(self, now_s: float) -> None:
        """Drop what has been idle for too long."""
        for route, idle in list(self._idle.items()):
            while idle and now_s - idle[0][0] >= IDLE_S:
                idle.pop(0)[1].drop()
            if not idle:
                del self._idle[route]

    def clear(self) -> None:
        """Drop every connection."""
        entries = [entry for idle in self._idle.values() for entry in idle]
        self._idle.clear()
        for _, connection in entries:
            connection.drop()


def silent(sock: socket.socket) -> bool:
    """Say whether neither a byte nor an end waits on an open socket."""
    if sock.fileno() < 0:
        return False
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return not poll.poll(0)
