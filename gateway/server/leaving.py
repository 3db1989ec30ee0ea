"""Noticing that a caller has left, so that nothing goes on running for nobody."""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

from gateway.server.asgi import Receive, Scope

EXTENSION = "tidegate.connection"
"""The ASGI extension under which our own connections offer themselves."""


class Watch(Protocol):
    """Cancels the task that serves a caller as soon as the caller is gone."""

    @property
    def gone(self) -> bool:
        """Whether the caller left."""
        ...

    def stop(self) -> None:
        """Watch no more."""
        ...


class Attended(Protocol):
    """The part of a connection that tells of its end."""

    gone: bool
    serving: asyncio.Task[Any] | None


def watch(scope: Scope, receive: Receive) -> Watch:
    """Watch for the caller's leaving, for the running task; stop it when the task is done.

    Our own connections say so themselves. On another server a task waits for the message.
    """
    connection = scope.get("extensions", {}).get(EXTENSION)
    if connection is None:
        return TaskWatch(receive)
    return ConnectionWatch(connection)


class ConnectionWatch:
    """Leaves it to the connection, which costs a call nothing."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Attended) -> None:
        self._connection = connection
        connection.serving = asyncio.current_task()
        if connection.gone and connection.serving is not None:
            connection.serving.cancel()

    @property
    def gone(self) -> bool:
        """Whether the caller left."""
        return self._connection.gone

    def stop(self) -> None:
        """Watch no more."""
        self._connection.serving = None


class TaskWatch:
    """Waits for `http.disconnect` in a task of its own."""

    __slots__ = ("_serving", "_watching", "gone")

    def __init__(self, receive: Receive) -> None:
        self.gone = False
        self._serving = asyncio.current_task()
        self._watching = asyncio.get_running_loop().create_task(self._run(receive))

    def stop(self) -> None:
        """Watch no more."""
        self._watching.cancel()

    async def _run(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self.gone = True
        if self._serving is not None:
            self._serving.cancel()
