"""What becomes of an answer whose caller left: cut at once, or read on for its usage."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.answers import Answer
from gateway.audit import Audit
from gateway.call import Call
from gateway.emulator import Emulator
from gateway.engine import Engine
from gateway.journal import Journal
from gateway.server import Settings, app
from gateway.wire.aio import AsyncWire
from gateway.wire.contract import Wire
from tests.fidelity.gateways import engine_at
from tests.server.lines import line, post
from tests.server.serving import (
    BODY,
    Running,
    Scripted,
    Source,
    engine_over,
    serving,
    streamed,
    until,
)
from tests.sockets.raw import Line as PeerLine
from tests.sockets.raw import chunked, http, peer

EVENT = b'event: ping\ndata: {"type": "ping"}\n\n'
STREAM = {**BODY, "stream": True}
SLOW = {
    **STREAM,
    "messages": [{"role": "user", "content": "hello [[words:40]] [[pace_ms:5]]"}],
}
WHOLE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-opus-5-5",
    "content": [{"type": "text", "text": "hello"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 5, "output_tokens": 7},
}
START = {**WHOLE, "content": [], "stop_reason": None, "usage": {"input_tokens": 5}}
EVENTS: list[dict[str, Any]] = [
    {"type": "message_start", "message": START},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_stop", "index": 0},
    {
        "type": "message_delta",
        "delta": {"stop_reason": "end_turn", "stop_sequence": None},
        "usage": {"output_tokens": 7},
    },
    {"type": "message_stop"},
]
SSE = [f"event: {each['type']}\ndata: {json.dumps(each)}\n\n".encode() for each in EVENTS]


class Recorded:
    """Writes a journal for an engine, and reads it."""

    def __init__(self, where: Path) -> None:
        self._where = where

    def keeps(self, engine: Engine) -> Engine:
        engine.audit = Audit(Journal.open(self._where, fsync="never", now=time.time))
        return engine

    def data(self, kind: str) -> list[dict[str, Any]]:
        lines = [
            json.loads(text)
            for file in self._where.glob("*.jsonl")
            for text in file.read_text().splitlines()
        ]
        return [each["data"] for each in lines if each["kind"] == kind]

    def end(self) -> dict[str, Any]:
        """Return the one record of how a call ended."""
        until(lambda: self.data("finished"))
        (found,) = self.data("finished")
        return found


@pytest.fixture
def recorded(tmp_path: Path) -> Recorded:
    return Recorded(tmp_path / "journal")


@pytest.fixture(params=[True, False], ids=["drain", "close"])
def drains(request: pytest.FixtureRequest) -> bool:
    assert isinstance(request.param, bool)
    return request.param


def leave_after_first_event(gateway: Running, body: dict[str, Any]) -> None:
    with line(gateway) as one:
        one.send(post(body))
        assert one.begun() == 200
        assert b"message_start" in one.sock.recv(1) + one._file.peek()


def is_idle(gateway: Running) -> Callable[[], bool]:
    return lambda: gateway.app.load.running == 0


def test_a_left_stream_is_read_to_its_end_or_cut(
    drains: bool, emulator: Emulator, recorded: Recorded
) -> None:
    with serving(recorded.keeps(engine_over(emulator)), drains=drains) as gateway:
        leave_after_first_event(gateway, SLOW)
        until(is_idle(gateway))
        end = recorded.end()
        until(lambda: emulator.records[0].outcome != "open")
    assert emulator.records[0].left is not drains
    assert (end["state"], end["whole"]) == ("left", drains)
    assert (end["usage"]["output_tokens"] > 30) is drains


def test_a_left_answer_that_is_not_streamed_too(
    drains: bool, emulator: Emulator, recorded: Recorded
) -> None:
    emulator.faults.add("stall", before_head=True, for_s=0.2)
    with serving(recorded.keeps(engine_over(emulator)), drains=drains) as gateway:
        with line(gateway) as one:
            one.send(post())
            until(lambda: len(emulator.records))
        until(is_idle(gateway))
    end = recorded.end()
    assert end["state"] == "left"
    assert end.get("whole", False) is drains
    assert ("usage" in end) is drains


def test_who_stays_gets_all_of_it_as_ever(
    drains: bool, emulator: Emulator, recorded: Recorded
) -> None:
    with serving(recorded.keeps(engine_over(emulator)), drains=drains) as gateway:
        assert b"message_stop" in gateway.call(STREAM).body
        assert (recorded.end()["state"], recorded.end()["whole"]) == ("complete", True)


def test_who_leaves_with_all_of_it_has_not_left_it(drains: bool, recorded: Recorded) -> None:
    """Clients close when they have read `message_stop`, whatever else may come."""
    left = threading.Event()

    def talk(upstream: PeerLine) -> None:
        upstream.request()
        upstream.say(chunked(*SSE, end=False))
        until(left.is_set)
        upstream.gone()

    with (
        peer(talk) as there,
        serving(recorded.keeps(engine_at(there.url, "anthropic")), drains=drains) as gateway,
    ):
        with line(gateway) as one:
            one.send(post(STREAM))
            assert one.begun() == 200
            got = b""
            while b"message_stop" not in got:
                got += one._file.readline()
        left.set()
        assert (recorded.end()["state"], recorded.end()["whole"]) == ("complete", True)


@pytest.mark.parametrize("stream", [True, False])
def test_nothing_is_tried_again_for_nobody(stream: bool, recorded: Recorded) -> None:
    left = threading.Event()

    def talk(upstream: PeerLine) -> None:
        while upstream.request():
            until(left.is_set)
            upstream.say(http(b"{}", 503))

    with (
        peer(talk) as there,
        serving(recorded.keeps(engine_at(there.url, "anthropic")), drains=True) as gateway,
    ):
        with line(gateway) as one:
            one.send(post({**BODY, "stream": stream}))
            until(lambda: there.requests)
        until(lambda: gateway.app.load.draining == 1)
        left.set()
        until(is_idle(gateway))
        assert len(there.requests) == 1
    assert (len(recorded.data("started")), len(recorded.data("failed"))) == (1, 1)
    assert recorded.end()["state"] == "left"


def test_the_engine_is_told_whether_its_caller_is_there() -> None:
    told: list[bool] = []
    left = threading.Event()

    class Asks(Scripted):
        async def answer(
            self, call: Call, wire: Wire, gone: Callable[[], bool] = lambda: False
        ) -> Answer:
            told.append(gone())
            while not left.is_set():  # noqa: ASYNC110 - another thread sets it
                await asyncio.sleep(0.002)
            told.append(gone())
            return Answer(200, ())

    with serving(Asks(lambda _call: None), drains=True) as gateway:
        with line(gateway) as one:
            one.send(post())
            until(lambda: told)
        until(lambda: gateway.app.load.draining == 1)
        left.set()
        until(is_idle(gateway))
    assert told == [False, True]


def test_it_drains_for_so_long(emulator: Emulator, recorded: Recorded) -> None:
    emulator.faults.add("stall", at=5)
    engine = recorded.keeps(engine_over(emulator))
    with serving(engine, drains=True, disconnect_drain_s=0.1) as gateway:
        leave_after_first_event(gateway, STREAM)
        until(lambda: emulator.records[0].left)
        until(is_idle(gateway))
    assert (recorded.end()["state"], recorded.end()["whole"]) == ("left", False)


@pytest.fixture
def sources() -> Iterator[list[Source]]:
    made: list[Source] = []
    yield made
    for source in made:
        source.go_on.set()


def opening(sources: list[Source]) -> Scripted:
    def opened(_call: Call) -> Answer:
        sources.append(Source(EVENT))
        return streamed(sources[-1])

    return Scripted(opened)


def leave(gateway: Running) -> None:
    with line(gateway) as one:
        one.send(post())
        assert one.begun() == 200


def test_so_many_drain_at_a_time_and_the_next_is_cut(sources: list[Source]) -> None:
    with serving(opening(sources), drains=True, in_flight=10) as gateway:
        load = gateway.app.load
        leave(gateway)
        until(lambda: load.draining == 1)
        leave(gateway)
        until(lambda: sources[1].closed)
        assert (load.draining, load.cut, sources[0].closed) == (1, 1, False)
        sources[0].go_on.set()
        until(is_idle(gateway))
        leave(gateway)
        until(lambda: load.draining == 1)
        assert not sources[0].closed
        sources[2].go_on.set()


def test_who_drains_takes_nobodys_place(sources: list[Source]) -> None:
    with serving(opening(sources), drains=True, in_flight=1) as gateway, line(gateway) as one:
        leave(gateway)
        until(lambda: gateway.app.load.draining == 1)
        one.send(post())
        assert one.begun() == 200
        assert gateway.app.load.running == 2
        for source in sources:
            source.go_on.set()


def test_a_stop_waits_for_what_drains(sources: list[Source]) -> None:
    with serving(opening(sources), drains=True) as gateway:
        leave(gateway)
        until(lambda: gateway.app.load.draining == 1)
        gateway.app.drain.asked = True
        assert gateway.call(BODY).status == 503
        assert gateway.status == []
        sources[0].go_on.set()
    assert gateway.status == [0]
    assert not sources[0].closed


def test_a_stop_does_not_wait_longer_than_it_may(sources: list[Source]) -> None:
    with serving(opening(sources), drains=True, drain_s=0.01) as gateway:
        leave(gateway)
        until(lambda: gateway.app.load.draining == 1)
    assert sources[0].closed
    assert gateway.status == [0]


def test_nobody_is_watched_by_a_task() -> None:
    tasks: list[int] = []

    async def count(_call: Call) -> Answer:
        tasks.append(len(asyncio.all_tasks()))
        return Answer(200, ())

    with serving(Scripted(count), drains=True) as gateway:
        assert gateway.call(BODY).status == 200
    assert tasks == [2], "the server's own, and this call's"


@pytest.mark.parametrize(
    ("before", "streams", "sent"),
    [(True, True, []), (True, False, []), (False, True, ["http.response.start"])],
)
def test_on_another_server_nothing_is_sent_to_nobody(
    before: bool, streams: bool, sent: list[str]
) -> None:
    """The plain ASGI way, without a connection of ours."""
    done: list[str] = []

    async def serve() -> None:
        left = asyncio.Event()
        source = Source(EVENT, EVENT)
        source.go_on.set()
        messages = [{"type": "http.request", "body": json.dumps(BODY).encode()}]

        async def receive() -> dict[str, Any]:
            if messages:
                return messages.pop()
            await left.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            done.append(message["type"])
            await leave()

        async def leave() -> None:
            left.set()
            while not door.load.draining:  # noqa: ASYNC110 - a count is no event
                await asyncio.sleep(0)

        async def do(_call: Call) -> Answer:
            if before:
                await leave()
            return streamed(source) if streams else Answer(200, (), b"{}")

        door = app(Scripted(do), AsyncWire(), Settings(drains=True))
        scope = {
            "type": "http",
            "method": "POST",
            "path": "/v1/messages",
            "headers": [(b"anthropic-version", b"2026-10-21")],
        }
        await door(scope, receive, send)
        assert (door.load.running, source.closed) == (0, False)

    asyncio.run(serve())
    assert done == sent
