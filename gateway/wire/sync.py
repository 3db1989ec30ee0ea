"""The blocking wire: its coroutines never suspend, so `run_blocking` steps them to their end."""

from __future__ import annotations

import os
import socket
import ssl
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import TypeVar

from gateway.wire.contract import Outgoing, Route
from gateway.wire.dial import dial
from gateway.wire.exchange import Answer
from gateway.wire.guard import SocketAddress, literal, lookup
from gateway.wire.passage import Passage
from gateway.wire.pool import IdlePool, silent
from gateway.wire.request import request_head
from gateway.wire.threads import FETCHES, LOOKUPS, out_of_time
from gateway.wire.tls import tls_context
from providers.contract import Headers

T = TypeVar("T")
_RECEIVE_BYTES = 64 * 1024
_JOIN_BELOW_BYTES = 64 * 1024


class SyncConnection:
    """One open socket."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock

    def quiet(self) -> bool:
        """Say whether it is open and nothing has arrived on it."""
        if isinstance(self.sock, ssl.SSLSocket) and self.sock.pending():
            return False
        return silent(self.sock)

    def drop(self) -> None:
        """Close it."""
        self.sock.close()

    def write(self, head: bytes, body: bytes, until_s: float) -> None:
        """Write a request; raises OSError, TimeoutError."""
        if len(body) < _JOIN_BELOW_BYTES:
            _write(self.sock, head + body, until_s)
        else:
            _write(self.sock, head, until_s)
            _write(self.sock, body, until_s)

    def receive(self, until_s: float) -> bytes:
        """Return what arrives next, b"" at the end; raises OSError, TimeoutError.

        What is here already is returned however late it is: the caller may have been away.
        """
        rest_s = max(0.0, until_s - time.monotonic())
        self.sock.settimeout(min(rest_s, threading.TIMEOUT_MAX))
        try:
            return self.sock.recv(_RECEIVE_BYTES)
        except (BlockingIOError, ssl.SSLWantReadError):
            raise TimeoutError("timed out") from None


class _Opener:
    """The blocking way to open a connection."""

    def now_s(self) -> float:
        return time.monotonic()

    async def resolve(
        self, host: str, port: int, until_s: float
    ) -> list[tuple[int, SocketAddress]]:
        found = literal(host, port)
        if found is not None:
            return found
        return _result(LOOKUPS.submit(partial(lookup, host, port)), until_s)

    async def connect(self, sock: socket.socket, address: SocketAddress, until_s: float) -> None:
        sock.settimeout(_rest_s(until_s))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.connect(address)

    async def write(self, sock: socket.socket, data: bytes, until_s: float) -> None:
        _write(sock, data, until_s)

    async def receive(self, sock: socket.socket, until_s: float) -> bytes:
        sock.settimeout(_rest_s(until_s))
        return sock.recv(_RECEIVE_BYTES)

    async def secure(self, sock: socket.socket, route: Route, until_s: float) -> SyncConnection:
        if route.scheme != "https":
            return SyncConnection(sock)
        context = tls_context(route)
        secured = context.wrap_socket(
            sock, server_hostname=route.host, do_handshake_on_connect=False
        )
        try:
            secured.settimeout(_rest_s(until_s))
            secured.do_handshake()
        except BaseException:
            secured.close()
            raise
        return SyncConnection(secured)


class SyncExchange:
    """One request's answer over a blocking socket."""

    __slots__ = ("_answer", "_connection", "_free", "headers", "status")

    def __init__(self, connection: SyncConnection, free: Callable[[SyncConnection], None]) -> None:
        self._answer = Answer()
        self._connection: SyncConnection | None = connection
        self._free = free
        self.status = 0
        self.headers: Headers = ()

    def start(self, head: bytes, body: bytes, until_s: float) -> None:
        """Write the request and wait for the answer's head; raises WireError."""
        connection = self._connection
        written = True
        if until_s <= time.monotonic():
            raise out_of_time()
        try:
            if connection is not None:
                connection.write(head, body, until_s)
        except TimeoutError:
            self._broke("the request could not be written in time", timed_out=True)
        except OSError:
            # The peer may have answered and closed without reading to the end.
            written = False
        while not self._answer.has_head and self._answer.error is None:
            if not self._receive(until_s, reusable=written):
                self._broke("timed out", timed_out=True)
        if self._answer.error is not None:
            raise self._answer.error
        self.status, self.headers = self._answer.status, self._answer.headers

    async def read(self, until_s: float) -> bytes | None:
        """Return the next body bytes, b"" at the clean end, None when `until_s` passed first."""
        answer = self._answer
        while not answer.chunks:
            if answer.error is not None:
                raise answer.error
            if answer.done:
                return b""
            if not self._receive(until_s):
                return None
        data = b"".join(answer.chunks)
        answer.chunks.clear()
        return data

    def close(self) -> None:
        """Let go; what has not ended cleanly is dropped."""
        if self._connection is not None:
            self._broke("the exchange was closed")

    def _receive(self, until_s: float, *, reusable: bool = True) -> bool:
        """Wait for bytes; return False when the time was up."""
        connection, answer = self._connection, self._answer
        if connection is None:
            return True
        try:
            data = connection.receive(until_s)
        except TimeoutError:
            return False
        except OSError as error:
            self._broke(f"the connection broke ({error.strerror or type(error).__name__})")
            return True
        except BaseException:
            self._broke("interrupted")
            raise
        answer.feed(data) if data else answer.end()
        if answer.over:
            self._connection = None
            if answer.done and answer.keep and reusable:
                self._free(connection)
            else:
                connection.drop()
        return True

    def _broke(self, detail: str, *, timed_out: bool = False) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.drop()
        self._answer.broke(detail, timed_out=timed_out)


class _State:
    """The pool of one process: a forked child gets its own, lock included."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.lock = threading.Lock()
        self.idle: IdlePool[SyncConnection] = IdlePool()


class SyncWire:
    """A `Wire` of blocking sockets. Safe to share between threads and to keep over a fork."""

    def __init__(self) -> None:
        self._state = _State()
        self._opener = _Opener()

    def now_s(self) -> float:
        """Return the time of the monotonic clock."""
        return time.monotonic()

    async def sleep(self, until_s: float) -> None:
        """Wait until `until_s`."""
        time.sleep(max(0.0, until_s - time.monotonic()))  # noqa: ASYNC251 - blocks by design.

    async def send(
        self,
        route: Route,
        outgoing: Outgoing,
        *,
        passage: Passage,
        connect_until_s: float,
        until_s: float,
    ) -> SyncExchange:
        """Send a request and return once the answer's head is here; raises WireError."""
        head = request_head(route, outgoing)
        state = self._current()
        with state.lock:
            connection = state.idle.take(route, time.monotonic())
        if connection is None:
            connection = await dial(route, passage, connect_until_s, self._opener)
        exchange = SyncExchange(connection, partial(self._put, route))
        try:
            # Opening may have taken long, and an idle connection may be of another time.
            passage.check(route)
            exchange.start(head, outgoing.body, until_s)
        except BaseException:
            exchange.close()
            raise
        return exchange

    async def blocking(self, work: Callable[[], T], until_s: float) -> T:
        """Run `work` in a thread, so that its caller waits no longer than `until_s`."""
        future = FETCHES.submit(work)
        try:
            return _result(future, until_s)
        except TimeoutError:
            if future.done() and not future.cancelled():
                raise
            raise out_of_time() from None

    def close(self) -> None:
        """Close the idle connections. The wire can still be used."""
        state = self._current()
        with state.lock:
            state.idle.clear()

    def _put(self, route: Route, connection: SyncConnection) -> None:
        state = self._current()
        with state.lock:
            state.idle.put(route, connection, time.monotonic())
            state.idle.sweep(time.monotonic())

    def _current(self) -> _State:
        state = self._state
        if state.pid != os.getpid():
            # Closing our copy of a descriptor says nothing to the peer; the parent still has it.
            inherited, state = state, _State()
            self._state = state
            inherited.idle.clear()
        return state


def _write(sock: socket.socket, data: bytes, until_s: float) -> None:
    """Write all of `data`; `sendall` over TLS would start its clock anew for each record."""
    view = memoryview(data)
    while view:
        sock.settimeout(_rest_s(until_s))
        view = view[sock.send(view) :]


def _rest_s(until_s: float) -> float:
    """Return the time left; raises TimeoutError when there is none."""
    rest_s = until_s - time.monotonic()
    if rest_s <= 0:
        raise TimeoutError("timed out")
    return min(rest_s, threading.TIMEOUT_MAX)


def _result(future: Future[T], until_s: float) -> T:
    try:
        return future.result(max(0.0, min(until_s - time.monotonic(), threading.TIMEOUT_MAX)))
    except TimeoutError:
        future.cancel()
        raise
