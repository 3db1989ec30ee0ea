"""One connection of an event loop, and one request's answer over it."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from typing import cast

from gateway.wire.contract import WireError
from gateway.wire.exchange import MAX_BUFFERED_BYTES, Answer
from gateway.wire.pool import silent
from gateway.wire.threads import out_of_time
from providers.contract import FailureKind, Headers

_JOIN_BELOW_BYTES = 64 * 1024
_LONGEST_TIMER_S = 3600.0
"""A later end is reached by arming again; event loops overflow on much longer timers."""


class AsyncConnection(asyncio.Protocol):
    """One open connection; it serves one exchange at a time."""

    def __init__(self, loop: asyncio.AbstractEventLoop, sock: socket.socket) -> None:
        self.loop = loop
        self.exchange: AsyncExchange | None = None
        self.on_free: Callable[[AsyncConnection], None] | None = None
        self.on_lost: Callable[[AsyncConnection], None] | None = None
        self._sock = sock
        self._paused = False

    # Callbacks of the transport.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport."""
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Hand bytes to the exchange; what nobody asked for closes the connection."""
        if self.exchange is None:
            self.drop()
        else:
            self.exchange.received(data)

    def eof_received(self) -> bool:
        """Take the peer's end."""
        if self.exchange is not None:
            self.exchange.ended()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the exchange, or the pool, that this connection is gone."""
        if self.exchange is not None:
            why = "was closed" if exc is None else f"broke ({type(exc).__name__})"
            self.exchange.broke(f"the connection {why}")
        elif self.on_lost is not None:
            self.on_lost(self)
        self.on_free = self.on_lost = None

    # What the exchange and the pool do with it.

    def write(self, head: bytes, body: bytes) -> None:
        """Write a request."""
        if len(body) < _JOIN_BELOW_BYTES:
            self.transport.write(head + body)
        else:
            self.transport.write(head)
            self.transport.write(body)

    def hold(self, hold: bool) -> None:
        """Stop or go on reading from the socket."""
        if hold is self._paused or self.transport.is_closing():
            return
        self._paused = hold
        if hold:
            self.transport.pause_reading()
        else:
            self.transport.resume_reading()

    def free(self, *, reusable: bool) -> None:
        """End the exchange: back to the pool, or closed."""
        self.exchange = None
        written = self.transport.get_write_buffer_size() == 0
        if reusable and written and not self.transport.is_closing() and self.on_free is not None:
            self.hold(False)
            self.on_free(self)
        else:
            self.drop()

    def quiet(self) -> bool:
        """Say whether it is open and nothing has arrived on it."""
        return not self.transport.is_closing() and silent(self._sock)

    def drop(self) -> None:
        """Close it at once, unsent bytes and all."""
        self.exchange = None
        self.transport.abort()


class AsyncExchange:
    """One request's answer on an event loop."""

    __slots__ = (
        "_answer",
        "_buffered_bytes",
        "_connection",
        "_loop",
        "_timer",
        "_timer_s",
        "_until_s",
        "_waiter",
        "headers",
        "status",
    )

    def __init__(self, connection: AsyncConnection) -> None:
        self._answer = Answer()
        self._buffered_bytes = 0
        self._connection: AsyncConnection | None = connection
        self._loop = connection.loop
        self._timer: asyncio.TimerHandle | None = None
        self._timer_s = 0.0
        self._until_s = 0.0
        self._waiter: asyncio.Future[bool] | None = None
        self.status = 0
        self.headers: Headers = ()
        connection.exchange = self

    async def start(self, head: bytes, body: bytes, until_s: float) -> None:
        """Write the request and wait for the answer's head; raises WireError."""
        answer, connection = self._answer, self._connection
        if until_s <= time.monotonic():
            raise out_of_time()
        if connection is None or connection.transport.is_closing():
            raise WireError(FailureKind.NOT_SENT, "the connection ended before the request")
        connection.write(head, body)
        while not answer.has_head:
            if answer.error is not None:
                raise answer.error
            if not await self._wait(until_s):
                self.broke("timed out", timed_out=True)
        self.status, self.headers = answer.status, answer.headers

    async def read(self, until_s: float) -> bytes | None:
        """Return the next body bytes, b"" at the clean end, None when `until_s` passed first."""
        answer = self._answer
        chunks = answer.chunks
        while not chunks:
            if answer.error is not None:
                raise answer.error
            if answer.done:
                return b""
            if not await self._wait(until_s):
                return None
        data = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        chunks.clear()
        if self._buffered_bytes > MAX_BUFFERED_BYTES and self._connection is not None:
            self._connection.hold(False)
        self._buffered_bytes = 0
        return data

    def close(self) -> None:
        """Let go; what has not ended cleanly is dropped."""
        if self._connection is not None:
            self.broke("the exchange was closed")

    # What the connection tells.

    def received(self, data: bytes) -> None:
        """Take in bytes."""
        answer = self._answer
        answer.feed(data)
        self._buffered_bytes += len(data)
        if answer.done or answer.error is not None:
            self._let_go()
        elif self._buffered_bytes > MAX_BUFFERED_BYTES and self._connection is not None:
            self._connection.hold(True)
        if answer.has_head or answer.error is not None:
            self._wake()

    def ended(self) -> None:
        """Take the peer's clean end."""
        self._answer.end()
        self._let_go()
        self._wake()

    def broke(self, detail: str, *, timed_out: bool = False) -> None:
        """Give up the connection: no more will come."""
        self._answer.broke(detail, timed_out=timed_out)
        self._let_go()
        self._wake()

    def _let_go(self) -> None:
        connection, self._connection = self._connection, None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if connection is not None:
            connection.free(reusable=self._answer.keep and self._answer.done)

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(True)

    async def _wait(self, until_s: float) -> bool:
        """Wait until something arrives; return False when `until_s` passed first."""
        waiter = self._waiter = self._loop.create_future()
        self._until_s = until_s
        if self._timer is None or self._timer_s > until_s:
            self._arm()
        try:
            arrived: bool = await waiter
        except asyncio.CancelledError:
            self.close()
            raise
        finally:
            self._waiter = None
        return arrived

    def _arm(self) -> None:
        """Set the one timer; a timer that fires before the end waited for sets itself again."""
        if self._timer is not None:
            self._timer.cancel()
        delay_s = min(max(0.0, self._until_s - time.monotonic()), _LONGEST_TIMER_S)
        self._timer_s = time.monotonic() + delay_s
        self._timer = self._loop.call_later(delay_s, self._expire)

    def _expire(self) -> None:
        self._timer = None
        if self._waiter is None or self._waiter.done():
            return
        if self._until_s > time.monotonic():
            self._arm()
        else:
            self._waiter.set_result(False)
