"""Loopback peers that say exactly what a test tells them to, and both wires to talk to them."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Any, TypeVar

import pytest

from gateway.wire.aio import AsyncWire
from gateway.wire.contract import Outgoing, Route, Wire, run_blocking
from gateway.wire.passage import Passage
from gateway.wire.sync import SyncWire
from providers.contract import Headers

T = TypeVar("T")
Talk = Callable[["Line"], None]
SOON_S = 10.0
"""A deadline no test is meant to reach."""


class Line:
    """One accepted connection, from the peer's side."""

    def __init__(self, sock: socket.socket, number: int) -> None:
        self.sock = sock
        self.number = number

    def request(self) -> tuple[bytes, bytes]:
        """Read one request: head with its empty line, and body; (b"", b"") at the end."""
        data = b""
        while b"\r\n\r\n" not in data:
            more = self.sock.recv(65536)
            if not more:
                return b"", b""
            data += more
        head, _, body = data.partition(b"\r\n\r\n")
        length = next(
            (
                int(line.split(b":")[1])
                for line in head.lower().split(b"\r\n")
                if line.startswith(b"content-length:")
            ),
            0,
        )
        while len(body) < length:
            body += self.sock.recv(65536)
        return head + b"\r\n\r\n", body

    def say(self, data: bytes) -> None:
        self.sock.sendall(data)

    def gone(self) -> bool:
        """Wait until the other side has closed; whether it did."""
        self.sock.settimeout(SOON_S)
        try:
            while self.sock.recv(65536):
                pass
        except TimeoutError:
            return False
        except OSError:
            return True
        return True

    def reset(self) -> None:
        """Close with RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        self.sock.close()


class Peer:
    """A server whose every connection runs `talk` in a thread of its own."""

    def __init__(self, talk: Talk, context: ssl.SSLContext | None = None) -> None:
        self._talk = talk
        self._context = context
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port: int = self._listener.getsockname()[1]
        self.connections = 0
        self.notes: list[Any] = []
        self._socks: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()

    def route(self, **changes: Any) -> Route:
        fields: dict[str, Any] = {
            "upstream": "peer",
            "scheme": "https" if self._context else "http",
            "host": "127.0.0.1",
            "port": self.port,
            "allow_private_network": True,
        }
        return Route(**fields | changes)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.connections += 1
                self._socks.append(sock)
                thread = threading.Thread(
                    target=self._serve, args=(sock, self.connections), daemon=True
                )
                self._threads.append(thread)
                thread.start()

    def _serve(self, sock: socket.socket, number: int) -> None:
        with suppress(OSError):
            if self._context is not None:
                sock = self._context.wrap_socket(sock, server_side=True)
                self._socks.append(sock)
            self._talk(Line(sock, number))
        sock.close()

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for sock in self._socks:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        self._acceptor.join()
        for thread in self._threads:
            thread.join()
        for sock in self._socks:
            sock.close()


@pytest.fixture
def peer() -> Iterator[Callable[..., Peer]]:
    """Start peers; they end with the test."""
    with ExitStack() as stack:

        def start(talk: Talk, context: ssl.SSLContext | None = None) -> Peer:
            server = Peer(talk, context)
            stack.callback(server.close)
            return server

        yield start


def says(*answers: bytes) -> Talk:
    """Return a talk that answers each request of a connection with the next of `answers`."""

    def talk(line: Line) -> None:
        for answer in answers:
            if not line.request()[0]:
                return
            line.say(answer)
        line.request()

    return talk


@dataclass
class Got:
    status: int
    headers: Headers
    body: bytes


@dataclass
class Rig:
    """One of the wires, and how to run a coroutine that uses it."""

    name: str
    wire: Wire

    def run(self, work: Callable[[Wire], Awaitable[T]]) -> T:
        async def whole() -> T:
            return await work(self.wire)

        return asyncio.run(whole()) if self.name == "asyncio" else run_blocking(whole())


@pytest.fixture(params=["asyncio", "blocking"])
def rig(request: pytest.FixtureRequest) -> Iterator[Rig]:
    if request.param == "asyncio":
        yield Rig("asyncio", AsyncWire())
    else:
        wire = SyncWire()
        yield Rig("blocking", wire)
        wire.close()


def post(body: bytes = b"{}", headers: Headers = (), target: str = "/v1/messages") -> Outgoing:
    return Outgoing("POST", target, headers, body)


def passage_along(route: Route, may: Callable[[str], bool] = lambda _name: True) -> Passage:
    """Return leave to go just where a route goes."""
    return Passage({route.upstream: (route.scheme, route.host, route.port)}, may)


async def fetch(
    wire: Wire,
    route: Route,
    outgoing: Outgoing | None = None,
    within_s: float = SOON_S,
    passage: Passage | None = None,
) -> Got:
    """Send and read to the end."""
    until_s = time.monotonic() + within_s
    exchange = await wire.send(
        route,
        outgoing or post(),
        passage=passage or passage_along(route),
        connect_until_s=until_s,
        until_s=until_s,
    )
    try:
        body = b""
        while data := await exchange.read(until_s):
            body += data
        assert data is not None, "the answer did not end in time"
        return Got(exchange.status, exchange.headers, body)
    finally:
        exchange.close()


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110 - what is waited for sets no event.
            await asyncio.sleep(0.001)


async def ask_once(wire: AsyncWire, server: Peer) -> None:
    assert (await fetch(wire, server.route())).body == b"ok"
