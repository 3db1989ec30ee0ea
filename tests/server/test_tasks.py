"""A healthy call costs the event loop one task: the one in which the server serves it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import closing
from http.client import HTTPConnection
from typing import Any, cast

import pytest

from gateway.answers import Answer
from gateway.call import Call
from gateway.emulator import Emulator
from gateway.server.app import Serves
from gateway.wire.contract import Wire
from tests.server.serving import BODY, HEADERS, WAIT_S, engine_over, serving

CALLS = 20


class Counted:
    """An engine on whose event loop every task is counted, from the first call on."""

    def __init__(self, engine: Serves) -> None:
        self.made: list[str] = []
        self._engine = engine

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    async def answer(self, call: Call, wire: Wire, gone: Callable[[], bool]) -> Answer:
        loop = asyncio.get_running_loop()
        if loop.get_task_factory() is None:
            loop.set_task_factory(self._make)
        return await self._engine.answer(call, wire, gone)

    def _make(self, loop: asyncio.AbstractEventLoop, work: Any, **named: Any) -> asyncio.Task[Any]:
        self.made.append(getattr(work, "__qualname__", type(work).__name__))
        return asyncio.Task(work, loop=loop, **named)


@pytest.mark.parametrize("stream", [True, False])
def test_a_healthy_call_has_no_task_beside_its_own(emulator: Emulator, stream: bool) -> None:
    engine = Counted(engine_over(emulator))
    body = json.dumps({**BODY, "stream": stream}).encode()
    with serving(cast("Serves", engine)) as gateway:
        connection = HTTPConnection("127.0.0.1", gateway.port, timeout=WAIT_S)
        with closing(connection):
            for _ in range(1 + CALLS):
                connection.request("POST", "/v1/messages", body, HEADERS)
                response = connection.getresponse()
                assert response.status == 200
                assert response.read()
        made = list(engine.made)
    assert made == ["RequestResponseCycle.run_asgi"] * CALLS
