"""A connection that is gone before its first request fails at once, and as not sent."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import pytest

from gateway.wire.aio import AsyncWire
from gateway.wire.aio_exchange import AsyncConnection
from gateway.wire.contract import Outgoing, Route, WireError
from gateway.wire.dial import dial as real_dial
from gateway.wire.passage import Passage
from providers.contract import FailureKind


def test_a_connection_lost_before_its_first_request_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def dial(
        route: Route, passage: Passage, until_s: float, opener: object
    ) -> AsyncConnection:
        connection: AsyncConnection = await real_dial(
            route,
            passage,
            until_s,
            opener,  # type: ignore[arg-type]
        )
        connection.transport.abort()
        await asyncio.sleep(0.01)  # until the transport has told of its end
        return connection

    monkeypatch.setattr("gateway.wire.aio.dial", dial)

    async def served(ask: Callable[[Route], object]) -> None:
        server = await asyncio.start_server(lambda _r, w: w.close(), "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server:
            route = Route("a", "http", "127.0.0.1", port, allow_private_network=True)
            await ask(route)  # type: ignore[misc]

    async def ask(route: Route) -> None:
        wire = AsyncWire()
        until_s = time.monotonic() + 5.0
        sent = wire.send(
            route,
            Outgoing("POST", "/", (), b"x"),
            passage=Passage({"a": ("http", "127.0.0.1", route.port)}, lambda _name: True),
            connect_until_s=until_s,
            until_s=until_s,
        )
        with pytest.raises(WireError) as caught:
            await sent
        assert caught.value.kind is FailureKind.NOT_SENT
        assert not caught.value.timed_out

    asyncio.run(served(ask))
