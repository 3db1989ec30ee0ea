"""Upstreams on loopback that play scripts: one port each, all in one thread of their own.

Which script a request gets stands in its credential, so the ports and their connections can be
shared by any number of calls at once.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus

from tests.simulation.virtual import Script

WAIT_S = 30.0
"""How long what must come may take; reached only by a failing test."""
BODILESS = 204
LINGER_ZERO = struct.pack("ii", 1, 0)


@dataclass
class Served:
    """One request that came in; `over` once its answer is out or its connection is gone."""

    token: str
    upstream: str
    script: Script
    over: bool = False


@dataclass
class Scripted:
    """The upstreams: `ports` by name, and two ports that nobody answers on."""

    scripts: dict[str, Script] = field(default_factory=dict)
    """Credential -> what the request that carries it gets."""
    ports: dict[str, int] = field(default_factory=dict)
    refusing: int = 0
    hanging: int = 0
    """A port whose connections are never made."""
    served: list[Served] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    """Requests that no upstream should have seen."""
    open: set[_Line] = field(default_factory=set)

    def running(self) -> list[str]:
        """Return what has not ended yet."""
        return [each.token for each in list(self.served) if not each.over]


class _Line(asyncio.Protocol):
    """One connection; its requests are answered one after the other."""

    def __init__(self, upstream: str, house: Scripted) -> None:
        self._upstream = upstream
        self._house = house
        self._data = b""
        self._playing: asyncio.Task[None] | None = None
        self._served: Served | None = None
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._house.open.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._house.open.discard(self)
        if self._playing is not None:
            self._playing.cancel()
        if self._served is not None:
            self._served.over = True

    def data_received(self, data: bytes) -> None:
        self._data += data
        head, end, body = self._data.partition(b"\r\n\r\n")
        if not end:
            return
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines)
        if len(body) < int(headers["content-length"]):
            return
        self._data = b""
        token = headers["authorization"].removeprefix("bearer ")
        if self._playing is not None or not first.startswith("POST /v1/messages "):
            self._house.wrong.append(f"{token}: {first}")
        if token not in self._house.scripts or f".{self._upstream}." not in token:
            self._house.wrong.append(f"{token} at {self._upstream}")
        self._served = Served(token, self._upstream, self._house.scripts[token])
        self._house.served.append(self._served)
        self._playing = asyncio.get_running_loop().create_task(self._play(self._served))

    async def _play(self, served: Served) -> None:
        script = served.script
        await asyncio.sleep(script.delay_s)
        if script.before == "hang":
            await asyncio.get_running_loop().create_future()
        if script.before == "die":
            self._reset()
            return
        self._transport.write(_head(script))
        if script.status != BODILESS:
            await self._play_body(script)
        if script.end == "reset":
            self._reset()
            return
        self._playing = None
        served.over = True
        if script.status != BODILESS:
            self._transport.write(b"0\r\n\r\n")

    async def _play_body(self, script: Script) -> None:
        for delay_s, data in script.chunks:
            await asyncio.sleep(delay_s)
            if data:
                self._transport.write(b"%x\r\n%b\r\n" % (len(data), data))
        if script.end == "stall":
            await asyncio.get_running_loop().create_future()

    def _reset(self) -> None:
        if self._transport.is_closing():
            return
        sock = self._transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_ZERO)
        self._transport.abort()


def _head(script: Script) -> bytes:
    try:
        phrase = HTTPStatus(script.status).phrase
    except ValueError:
        phrase = "Overloaded"
    lines = [f"HTTP/1.1 {script.status} {phrase}"]
    if script.status != BODILESS:
        lines.append("transfer-encoding: chunked")
    lines += [f"{name}: {value}" for name, value in script.headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


@contextmanager
def scripted(*names: str) -> Iterator[Scripted]:
    """Run upstreams of these names until the block ends."""
    house = Scripted()
    ready, stop = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def live() -> None:
        servers = []
        for name in names:
            server = await loop.create_server(
                partial(_Line, name, house), "127.0.0.1", 0, backlog=1024
            )
            house.ports[name] = server.sockets[0].getsockname()[1]
            servers.append(server)
        ready.set()
        await stop.wait()
        for server in servers:
            server.close()
        for line in list(house.open):
            line._transport.abort()
        await asyncio.sleep(0)

    def run() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(live())

    thread = threading.Thread(target=run, name="scripted upstreams", daemon=True)
    with _unanswered(house):
        thread.start()
        try:
            assert ready.wait(WAIT_S)
            yield house
        finally:
            loop.call_soon_threadsafe(stop.set)
            thread.join(WAIT_S)


@contextmanager
def _unanswered(house: Scripted) -> Iterator[None]:
    """Hold a port that refuses, and one whose queue of connections is full."""
    with socket.socket() as refusing, socket.socket() as hanging, socket.socket() as filler:
        for sock in (refusing, hanging):
            sock.bind(("127.0.0.1", 0))
        hanging.listen(0)
        filler.connect(hanging.getsockname())
        house.refusing, house.hanging = refusing.getsockname()[1], hanging.getsockname()[1]
        yield


def until(holds: Callable[[], object], what: str) -> None:
    """Return once something holds; fails when it does not come to hold."""
    deadline_s = time.monotonic() + WAIT_S
    while not holds():
        assert time.monotonic() < deadline_s, f"this never came to hold: {what}"
        time.sleep(0.005)
