"""One stalled stream never slows others: not a caller who does not read, nor a silent upstream."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import anthropic

from gateway.emulator import Emulator
from tests.server.lines import Line, line, post
from tests.server.serving import BODY, Running, engine_over, serving, until

HEALTHY = 50
STREAM = {**BODY, "stream": True, "max_tokens": 100_000}
LARGE = {
    **STREAM,
    "messages": [{"role": "user", "content": f"[[say:{'word ' * 20_000}]] [[events:100000]]"}],
}


def said(number: int) -> str:
    return f"answer number {number} " * 20


@contextmanager
def unread(gateway: Running) -> Iterator[Line]:
    """A caller who reads the head of a large answer, and no more."""
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.connect(("127.0.0.1", gateway.port))
        sock.sendall(post(LARGE))
        assert sock.recv(12) == b"HTTP/1.1 200"
        yield Line(sock)


async def ask_all(gateway: Running) -> list[str]:
    """Ask for all the healthy streams at once; return their texts."""

    async def ask(number: int) -> str:
        content = f"[[say:{said(number)}]] [[pace_ms:2]]"
        async with sdk.messages.stream(
            model="claude-opus-5-5",
            max_tokens=1000,
            messages=[{"role": "user", "content": content}],
        ) as stream:
            return await stream.get_final_text()

    async with anthropic.AsyncAnthropic(base_url=gateway.url, api_key="any", max_retries=0) as sdk:
        return await asyncio.gather(*map(ask, range(HEALTHY)))


def test_healthy_streams_end_beside_stalled_ones(emulator: Emulator) -> None:
    emulator.faults.add("stall", at=3)
    with serving(engine_over(emulator)) as gateway, line(gateway) as waiting:
        waiting.send(post(STREAM))
        assert waiting.begun() == 200
        with unread(gateway):
            beside(gateway, emulator)
    until(lambda: gateway.app.load.running == 0)


def is_healthy(body: bytes) -> bool:
    return "answer number" in json.loads(body)["messages"][0]["content"]


def beside(gateway: Running, emulator: Emulator) -> None:
    assert asyncio.run(ask_all(gateway)) == [said(number) for number in range(HEALTHY)]
    assert gateway.app.load.in_flight == 2
    stalled = [record.outcome for record in emulator.records if not is_healthy(record.body)]
    # The large answer may be out, and wait where nobody reads it.
    assert stalled in (["stall", "open"], ["stall", "complete"])
