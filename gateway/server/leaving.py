"""Noticing that a caller has left, so that nothing goes on running for nobody unasked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from gateway.server.asgi import Receive, Scope

EXTENSION = "tidegate.connection"
"""The ASGI extension under which our own connections offer themselves."""

Drains = Callable[[], float | None]
"""Asked once, when a caller left: how long its answer is still read; None: it is cut at once."""


class Attended(Protocol):
    """The part of a connection that tells of its end."""

    gone: bool
    watch: Watch | None


class Watch:
    """Ends the task that serves a caller who left: at once, or when its time to drain is over."""

    __slots__ = ("_drains", "_ending", "_serving", "gone")

    def __init__(self, drains: Drains) -> None:
        self.gone = False
        """The caller left while it was watched."""
        self._drains = drains
        self._serving = asyncio.current_task()
        self._ending: asyncio.TimerHandle | None = None

    def has_left(self) -> bool:
        """Say whether the caller left while it was watched."""
        return self.gone

    def left(self) -> None:
        """Take note that the caller left."""
        if self.gone or self._serving is None:
            return
        self.gone = True
        drain_s = self._drains()
        if drain_s is None:
            self._serving.cancel()
        else:
            loop = asyncio.get_running_loop()
            self._ending = loop.call_later(drain_s, self._serving.cancel)

    def stop(self) -> None:
        """Watch no more."""
        if self._ending is not None:
            self._ending.cancel()


def watch(scope: Scope, receive: Receive, drains: Drains) -> Watch:
    """Watch for the caller's leaving, for the running task; stop it when the task is done.

    Our own connections say so themselves. On another server a task waits for the message.
    """
    connection = scope.get("extensions", {}).get(EXTENSION)
    if connection is None:
        return TaskWatch(receive, drains)
    return ConnectionWatch(connection, drains)


class ConnectionWatch(Watch):
    """Leaves it to the connection, which costs a call nothing."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Attended, drains: Drains) -> None:
        super().__init__(drains)
        self._connection = connection
        connection.watch = self
        if connection.gone:
            self.left()

    def stop(self) -> None:
        """Watch no more."""
        super().stop()
        self._connection.watch = None


class TaskWatch(Watch):
    """Waits for `http.disconnect` in a task of its own."""

    __slots__ = ("_watching",)

    def __init__(self, receive: Receive, drains: Drains) -> None:
        super().__init__(drains)
        self._watching = asyncio.get_running_loop().create_task(self._run(receive))

    def stop(self) -> None:
        """Watch no more."""
        super().stop()
        self._watching.cancel()

    async def _run(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self.left()
