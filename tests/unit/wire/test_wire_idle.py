"""Idle connections of the asyncio wire: how many, how long, and in whose process."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable

import pytest

from gateway.wire.aio import AsyncWire
from gateway.wire.contract import Wire
from gateway.wire.pool import IDLE_S, MAX_IDLE_PER_ROUTE
from tests.unit.wire.conftest import Line, Peer, Rig, ask_once, fetch, says, until

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
Start = Callable[..., Peer]


def test_idle_connections_are_limited(peer: Start) -> None:
    count = MAX_IDLE_PER_ROUTE + 5
    together = threading.Barrier(count)

    def talk(line: Line) -> None:
        line.request()
        together.wait()
        line.say(OK)
        line.gone()

    server = peer(talk)
    wire = AsyncWire()

    async def main() -> None:
        await asyncio.gather(*(ask_once(wire, server) for _ in range(count)))
        (pool,) = wire._pools.values()
        assert len(pool.idle) == MAX_IDLE_PER_ROUTE
        pool.idle.sweep(time.monotonic() + IDLE_S / 2)
        assert len(pool.idle) == MAX_IDLE_PER_ROUTE
        assert pool.idle.take(server.route(), time.monotonic() + IDLE_S) is None
        pool.idle.sweep(time.monotonic() + IDLE_S)
        assert len(pool.idle) == 0

    asyncio.run(main())


@pytest.mark.parametrize("unasked", [b"", b"!"])
def test_an_idle_connection_that_stirs_leaves_the_pool(peer: Start, unasked: bytes) -> None:
    go = threading.Event()

    def talk(line: Line) -> None:
        line.request()
        line.say(OK)
        go.wait()
        if unasked:
            line.say(unasked)
            line.gone()

    server = peer(talk)
    wire = AsyncWire()

    async def main() -> None:
        await ask_once(wire, server)
        (pool,) = wire._pools.values()
        assert len(pool.idle) == 1
        go.set()
        await until(lambda: len(pool.idle) == 0)

    asyncio.run(main())


def test_a_forked_child_has_connections_of_its_own(rig: Rig, peer: Start) -> None:
    server = peer(says(*[OK] * 5))

    async def once(wire: Wire) -> None:
        assert (await fetch(wire, server.route())).body == b"ok"

    if rig.name == "blocking":
        rig.run(once)
        in_child(lambda: rig.run(once))
        assert server.connections == 2
        rig.run(once)
        assert server.connections == 2
    else:
        asyncio.run(fork_inside(rig, once))
        assert server.connections == 2


async def fork_inside(rig: Rig, once: Callable[[Wire], object]) -> None:
    """Fork while a loop has idle connections; the child starts a loop of its own."""

    def child() -> None:
        asyncio.events._set_running_loop(None)
        rig.run(once)  # type: ignore[arg-type]

    await once(rig.wire)  # type: ignore[misc]
    in_child(child)
    await once(rig.wire)  # type: ignore[misc]


def in_child(work: Callable[[], None]) -> None:
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    assert os.waitpid(pid, 0)[1] == 0


def test_connections_of_another_process_are_left_alone(peer: Start) -> None:
    """A child that goes on with its parent's loop object must not write to its sockets."""
    server = peer(says(OK, OK))
    wire = AsyncWire()

    async def main() -> None:
        await ask_once(wire, server)
        (parents,) = wire._pools.values()
        wire._pid = -1
        await ask_once(wire, server)
        assert len(parents.idle) == 1
        parents.clear()

    asyncio.run(main())
    assert server.connections == 2
