"""The requests of a connection that are not answered, and whether anyone still waits for them."""

from __future__ import annotations

import select
from asyncio import BaseTransport

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

_GONE = select.POLLHUP | select.POLLERR | getattr(select, "POLLRDHUP", 0)


class Unanswered:
    """The requests of one connection whose answers are not complete.

    uvicorn tells the newest of them alone that the caller left. The one that is being served is
    another where the caller sent its next request early, and it would be taken for broken.
    """

    __slots__ = ("_cycles",)

    def __init__(self) -> None:
        self._cycles: list[RequestResponseCycle] = []

    def add(self, cycle: RequestResponseCycle) -> None:
        """Take in the next request."""
        self._cycles = [each for each in self._cycles if not each.response_complete]
        self._cycles.append(cycle)

    def left(self) -> None:
        """Tell all of them that the caller left."""
        for cycle in self._cycles:
            if not cycle.response_complete:
                cycle.disconnected = True
                cycle.message_event.set()
        self._cycles.clear()


def hung_up(transport: BaseTransport) -> bool:
    """Say whether the other side ended the connection, though bytes before the end wait unread.

    Where nothing is read for a while, nothing else tells.
    """
    sock = transport.get_extra_info("socket")
    if sock is None or sock.fileno() < 0:
        return False
    poll = select.poll()
    poll.register(sock, getattr(select, "POLLRDHUP", 0))
    return any(events & _GONE for _, events in poll.poll(0))
