"""Whoever leaves an answer takes its upstream with them: nothing is generated for nobody."""

from __future__ import annotations

import asyncio
import json

import pytest

from gateway.call import Call, read_call
from gateway.emulator import Emulator
from gateway.wire.aio import AsyncWire
from gateway.wire.contract import Wire, run_blocking
from gateway.wire.sync import SyncWire
from providers.contract import Kind
from tests.fidelity.gateways import PLATFORMS, engine_over
from tests.simulation.callers import HEADERS
from tests.sockets.scripted import until


def long_call(*, stream: bool = True) -> Call:
    body = {
        "model": "claude-opus-5-5",
        "max_tokens": 4096,
        "messages": [{"role": "user", "content": "[[words:2000]] [[pace_ms:20]]"}],
        "stream": stream,
    }
    return read_call(Kind.MESSAGES, HEADERS, json.dumps(body).encode())


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("kind", ["asyncio", "blocking"])
def test_closing_an_open_answer_ends_it_upstream(
    kind: str, platform: str, emulator: Emulator
) -> None:
    async def begin_and_leave(wire: Wire) -> None:
        answer = await engine_over(emulator, platform).answer(long_call(), wire)
        assert answer.stream is not None
        assert (await answer.stream.read()).startswith(b"event: message_start")
        answer.stream.close()
        if kind == "asyncio":
            await asyncio.to_thread(until, left, "the upstream saw the caller go")

    def left() -> bool:
        [record] = emulator.records
        return record.left

    if kind == "asyncio":
        asyncio.run(begin_and_leave(AsyncWire()))
    else:
        run_blocking(begin_and_leave(SyncWire()))
        until(left, "the upstream saw the caller go")


@pytest.mark.parametrize(
    ("stream", "fault"),
    [
        (True, {"before_head": True}),
        (True, {"at": 1}),
        (True, {"at": 6}),
        (False, {"before_head": True}),
        (False, {"at": 0, "extra_bytes": 20}),
    ],
)
def test_a_cancelled_call_ends_upstream(
    stream: bool, fault: dict[str, object], emulator: Emulator
) -> None:
    """Before the head, while the answer is held, and in its midst."""
    emulator.faults.add("stall", times=-1, **fault)
    engine = engine_over(emulator, "anthropic")

    async def read_all(wire: Wire) -> None:
        answer = await engine.answer(long_call(stream=stream), wire)
        try:
            while answer.stream is not None and await answer.stream.read():
                pass
        finally:
            if answer.stream is not None:
                answer.stream.close()

    async def ask_and_leave() -> None:
        wire = AsyncWire()
        asked = asyncio.create_task(read_all(wire))
        await asyncio.to_thread(until, lambda: outcome() == "stall", "the upstream stalls")
        asked.cancel()
        await asyncio.wait({asked})
        await asyncio.to_thread(until, lambda: emulator.records[0].left, "the caller's going")

    def outcome() -> str:
        return emulator.records[0].outcome if len(emulator.records) else "open"

    asyncio.run(ask_and_leave())
    assert len(emulator.records) == 1
