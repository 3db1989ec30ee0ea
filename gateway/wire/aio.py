"""The asyncio wire: opening connections on a loop, its pools, and `send`."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import AsyncGenerator, Callable
from functools import partial
from typing import TypeVar

from gateway.wire.aio_exchange import AsyncConnection, AsyncExchange
from gateway.wire.contract import Outgoing, Route
from gateway.wire.dial import dial
from gateway.wire.guard import SocketAddress, literal, lookup
from gateway.wire.passage import Passage
from gateway.wire.pool import IDLE_S, IdlePool
from gateway.wire.request import request_head
from gateway.wire.threads import FETCHES, LOOKUPS, out_of_time
from gateway.wire.tls import tls_context

T = TypeVar("T")
_RECEIVE_BYTES = 64 * 1024


class _Opener:
    """The way to open a connection on the running loop."""

    def now_s(self) -> float:
        return time.monotonic()

    async def resolve(
        self, host: str, port: int, until_s: float
    ) -> list[tuple[int, SocketAddress]]:
        found = literal(host, port)
        if found is not None:
            return found
        async with asyncio.timeout(until_s - time.monotonic()):
            return await asyncio.wrap_future(LOOKUPS.submit(partial(lookup, host, port)))

    async def connect(self, sock: socket.socket, address: SocketAddress, until_s: float) -> None:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        async with asyncio.timeout(until_s - time.monotonic()):
            await asyncio.get_running_loop().sock_connect(sock, address)

    async def write(self, sock: socket.socket, data: bytes, until_s: float) -> None:
        async with asyncio.timeout(until_s - time.monotonic()):
            await asyncio.get_running_loop().sock_sendall(sock, data)

    async def receive(self, sock: socket.socket, until_s: float) -> bytes:
        async with asyncio.timeout(until_s - time.monotonic()):
            return await asyncio.get_running_loop().sock_recv(sock, _RECEIVE_BYTES)

    async def secure(self, sock: socket.socket, route: Route, until_s: float) -> AsyncConnection:
        loop = asyncio.get_running_loop()
        make = partial(AsyncConnection, loop, sock)
        rest_s = until_s - time.monotonic()
        async with asyncio.timeout(rest_s):
            if route.scheme != "https":
                return (await loop.create_connection(make, sock=sock))[1]
            _, connection = await loop.create_connection(
                make,
                sock=sock,
                ssl=tls_context(route),
                server_hostname=route.host,
                ssl_handshake_timeout=max(rest_s, 0.001),
            )
            return connection


class _LoopPool:
    """The idle connections of one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.idle: IdlePool[AsyncConnection] = IdlePool()
        self._sweeper: asyncio.TimerHandle | None = None
        self._closer = self._close_at_shutdown()

    async def open(self) -> None:
        """Have the idle connections closed when the loop shuts its generators down."""
        await anext(self._closer)

    def adopt(self, route: Route, connection: AsyncConnection) -> None:
        """Take a new connection in for its whole life."""
        connection.on_free = partial(self._put, route)
        connection.on_lost = partial(self.idle.discard, route)

    def _put(self, route: Route, connection: AsyncConnection) -> None:
        self.idle.put(route, connection, time.monotonic())
        if self._sweeper is None:
            self._sweeper = self.loop.call_later(IDLE_S, self._sweep)

    def _sweep(self) -> None:
        self.idle.sweep(time.monotonic())
        self._sweeper = self.loop.call_later(IDLE_S / 4, self._sweep) if self.idle else None

    def clear(self) -> None:
        """Close the idle connections."""
        self.idle.clear()
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None

    async def _close_at_shutdown(self) -> AsyncGenerator[None, None]:
        try:
            yield
        finally:
            self.clear()
            await asyncio.sleep(0)  # An aborted transport closes in the loop's next round.


class AsyncWire:
    """A `Wire` on asyncio. One serves any number of event loops, and a forked child."""

    def __init__(self) -> None:
        self._pools: dict[asyncio.AbstractEventLoop, _LoopPool] = {}
        self._pid = os.getpid()
        self._opener = _Opener()

    def now_s(self) -> float:
        """Return the time of the monotonic clock."""
        return time.monotonic()

    async def sleep(self, until_s: float) -> None:
        """Wait until `until_s`."""
        await asyncio.sleep(max(0.0, until_s - time.monotonic()))

    async def send(
        self,
        route: Route,
        outgoing: Outgoing,
        *,
        passage: Passage,
        connect_until_s: float,
        until_s: float,
    ) -> AsyncExchange:
        """Send a request and return once the answer's head is here; raises WireError."""
        head = request_head(route, outgoing)
        pool = self._pools.get(asyncio.get_running_loop())
        if pool is None or self._pid != os.getpid():
            pool = await self._new_pool()
        connection = pool.idle.take(route, time.monotonic())
        if connection is None:
            connection = await dial(route, passage, connect_until_s, self._opener)
            pool.adopt(route, connection)
        exchange = AsyncExchange(connection)
        try:
            # Opening may have taken long, and an idle connection may be of another time.
            passage.check(route)
            await exchange.start(head, outgoing.body, until_s)
        except BaseException:
            exchange.close()
            raise
        return exchange

    async def blocking(self, work: Callable[[], T], until_s: float) -> T:
        """Run blocking `work` in a thread of a pool of its own."""
        future = asyncio.wrap_future(FETCHES.submit(work))
        try:
            await asyncio.wait({future}, timeout=max(0.0, until_s - time.monotonic()))
        finally:
            if not future.done():
                future.cancel()
        if future.cancelled():
            raise out_of_time()
        return future.result()

    async def aclose(self) -> None:
        """Close the idle connections of the running loop. The wire can still be used."""
        pool = self._pools.get(asyncio.get_running_loop())
        if pool is not None:
            pool.clear()
            await asyncio.sleep(0)

    async def _new_pool(self) -> _LoopPool:
        """Make the running loop's pool; forget those of closed loops and of a parent process."""
        if self._pid != os.getpid():
            self._pools, self._pid = {}, os.getpid()
        for loop in [loop for loop in self._pools if loop.is_closed()]:
            self._pools.pop(loop, None)
        pool = _LoopPool(asyncio.get_running_loop())
        self._pools[pool.loop] = pool
        await pool.open()
        return pool
