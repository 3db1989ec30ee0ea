"""Streams that are left, closing, threads, event loops, forks, and other loops than asyncio."""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
import threading
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import anthropic
import pytest

import gateway
from gateway.emulator import Emulator
from tests.clients.scenes import ASK
from tests.clients.waiting import WAIT_S, until

SLOW: dict[str, Any] = {
    **ASK,
    "messages": [{"role": "user", "content": "[[words:400]] [[events:400]] [[pace_ms:20]]"}],
}


def _left(emulator: Emulator) -> bool:
    return emulator.records[-1].outcome == "left"


def test_leaving_a_stream_early_closes_the_upstream(no_file: Emulator) -> None:
    with gateway.Anthropic() as client:
        with client.messages.stream(**SLOW) as stream:
            next(iter(stream.text_stream))
        until(lambda: _left(no_file))
        for _ in client.messages.create(**SLOW, stream=True):
            break
        gc.collect()
        until(lambda: _left(no_file) and len(no_file.records) == 2)
        with client.messages.with_streaming_response.create(**SLOW, stream=True) as response:
            next(response.iter_lines())
        until(lambda: _left(no_file) and len(no_file.records) == 3)


def test_leaving_a_stream_early_with_asyncio(no_file: Emulator) -> None:
    async def run() -> None:
        async with gateway.AsyncAnthropic() as client:
            async with client.messages.stream(**SLOW) as stream:
                async for _ in stream.text_stream:
                    break
            await asyncio.to_thread(until, lambda: _left(no_file))
            reading = asyncio.create_task(_read(client))
            await asyncio.to_thread(until, lambda: len(no_file.records) == 2)
            reading.cancel()
            with pytest.raises(asyncio.CancelledError):
                await reading
            await asyncio.to_thread(until, lambda: _left(no_file))

    asyncio.run(run())


async def _read(client: anthropic.AsyncAnthropic) -> None:
    async with client.messages.stream(**SLOW) as stream:
        await stream.get_final_message()


def test_a_call_that_is_cancelled_leaves_the_upstream(no_file: Emulator) -> None:
    no_file.faults.add("stall", before_head=True)

    async def run() -> None:
        async with gateway.AsyncAnthropic() as client:
            asking = asyncio.create_task(_create(client))
            await asyncio.to_thread(until, lambda: len(no_file.records) == 1)
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
            await asyncio.to_thread(until, lambda: no_file.records[-1].left)

    asyncio.run(run())


async def _create(client: anthropic.AsyncAnthropic) -> Any:
    return await client.messages.create(**ASK)


def test_a_closed_client_says_so_as_the_sdks_does(no_file: Emulator) -> None:
    for kind in (anthropic.Anthropic, gateway.Anthropic):
        client = kind(max_retries=0)
        client.messages.create(**ASK)
        client.close()
        assert client.is_closed()
        with pytest.raises(anthropic.APIConnectionError) as caught:
            client.messages.create(**ASK)
        assert isinstance(caught.value.__cause__, RuntimeError)


def test_dropped_clients_leave_nothing_open(no_file: Emulator) -> None:
    gateway.Anthropic().messages.create(**ASK)
    gc.collect()  # A socket left open would warn here, and fail the test.

    async def run() -> None:
        await gateway.AsyncAnthropic().messages.create(**ASK)
        gc.collect()
        await asyncio.sleep(0)

    asyncio.run(run())
    gc.collect()


def test_copies_share_the_engine_and_its_connections(no_file: Emulator) -> None:
    with gateway.Anthropic() as client:
        copies = [client.copy(), client.with_options(timeout=3.0), client.with_middleware()]
        assert {id(each._client) for each in copies} == {id(client._client)}


def test_one_client_serves_many_threads(no_file: Emulator) -> None:
    together = threading.Barrier(8)

    def ask(_: int) -> str:
        together.wait(WAIT_S)
        texts = []
        for _ in range(5):
            with client.messages.stream(**ASK) as stream:
                texts.append("".join(stream.text_stream))
        return min(texts) if min(texts) == max(texts) else "mixed"

    with gateway.Anthropic() as client, ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(ask, range(8)))) == 1
    assert len(no_file.records) == 40


def test_one_client_serves_many_event_loops(no_file: Emulator) -> None:
    client = gateway.AsyncAnthropic()
    for _ in range(3):
        assert asyncio.run(_create(client)).content
    with ThreadPoolExecutor(3) as threads:
        answers = list(threads.map(lambda _: asyncio.run(_create(client)), range(3)))
    assert all(answer.content for answer in answers)


@pytest.mark.parametrize("kind", ["Anthropic", "AsyncAnthropic"])
def test_one_client_serves_a_forked_child_too(kind: str, no_file: Emulator, tmp_path: Path) -> None:
    script = tmp_path / "forks.py"
    script.write_text(FORKS)
    done = subprocess.run(  # noqa: S603 - the script is above
        [sys.executable, str(script), kind],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert [record.status for record in no_file.records] == [200] * 4


FORKS = """
import asyncio, os, sys
import gateway

ASK = {"model": "claude-opus-5-5", "max_tokens": 9, "messages": [{"role": "user", "content": "a"}]}
client = getattr(gateway, sys.argv[1])()

def ask():
    answer = client.messages.create(**ASK)
    return answer if sys.argv[1] == "Anthropic" else asyncio.run(answer)

assert ask().content
child = os.fork()
if not child:
    os._exit(0 if ask().content and ask().content else 1)
status = os.waitpid(child, 0)[1]
assert ask().content
sys.exit(os.waitstatus_to_exitcode(status))
"""


def test_another_event_loop_is_told_clearly(no_file: Emulator) -> None:
    """Whatever drives the coroutine, it is not asyncio."""
    client = gateway.AsyncAnthropic()
    client._platform = "Linux"
    with pytest.raises(anthropic.AnthropicError, match="asyncio") as caught:
        _step(client.messages.create(**ASK))
    assert not isinstance(caught.value, anthropic.APIConnectionError)
    assert not list(no_file.records)


def _step(coroutine: Coroutine[Any, Any, Any]) -> None:
    coroutine.send(None)


def test_no_file_is_said_once(
    no_file: Emulator, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.client.opening._said", set())
    for _ in range(3):
        gateway.Anthropic().with_options(timeout=2.0).close()
    assert [record.name for record in caplog.records] == ["gateway"]
    assert "no policy" in caplog.text
