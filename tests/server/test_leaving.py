from __future__ import annotations

import asyncio
import json
import socket

import anthropic
import pytest

from gateway.answers import Answer
from gateway.call import Call
from gateway.emulator import Emulator
from gateway.server import Settings, app
from gateway.wire.aio import AsyncWire
from tests.server.serving import (
    BODY,
    Reply,
    Running,
    Scripted,
    Source,
    serving,
    streamed,
    until,
)

EVENT = b'event: ping\ndata: {"type": "ping"}\n\n'


def _send(sock: socket.socket, *, stream: bool) -> None:
    body = json.dumps({**BODY, "stream": stream}).encode()
    sock.sendall(
        b"POST /v1/messages HTTP/1.1\r\nhost: localhost\r\nanthropic-version: 2026-10-21\r\n"
        b"content-length: %d\r\n\r\n" % len(body) + body
    )


@pytest.mark.parametrize("stream", [True, False])
def test_who_leaves_before_the_answer_ends_the_upstream(
    gateway: Running, emulator: Emulator, stream: bool
) -> None:
    emulator.faults.add("stall", before_head=True)
    with gateway.connect() as sock:
        _send(sock, stream=stream)
        until(lambda: len(emulator.records))
    until(lambda: emulator.records[-1].left)
    assert len(emulator.records) == 1
    until(lambda: gateway.app.drain.running == 0)


def test_who_leaves_a_stream_ends_the_upstream(gateway: Running, emulator: Emulator) -> None:
    emulator.faults.add("stall", at=5)
    sdk = anthropic.Anthropic(base_url=gateway.url, api_key="any")
    with sdk.messages.stream(
        model="claude-opus-5-5", max_tokens=64, messages=[{"role": "user", "content": "hello"}]
    ) as stream:
        assert next(iter(stream.text_stream))
    until(lambda: emulator.records[-1].left)
    until(lambda: gateway.app.drain.running == 0)


def test_a_reset_is_noticed_like_an_end(gateway: Running, emulator: Emulator) -> None:
    emulator.faults.add("stall", at=5)
    sock = gateway.connect()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    _send(sock, stream=True)
    assert sock.recv(12) == b"HTTP/1.1 200"
    sock.close()
    until(lambda: emulator.records[-1].left)


def test_who_leaves_in_the_middle_of_a_body_is_forgotten(gateway: Running) -> None:
    with gateway.connect() as sock:
        sock.sendall(b"POST /v1/messages HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\n{")
        until(lambda: gateway.app.drain.running == 1)
    until(lambda: gateway.app.drain.running == 0)


def test_the_engine_is_cancelled_where_it_waits() -> None:
    ended: list[str] = []

    async def wait(_call: Call) -> Answer:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise
        raise AssertionError("nothing sets it")

    engine = Scripted(wait)
    with serving(engine) as gateway:
        with gateway.connect() as sock:
            _send(sock, stream=False)
            until(lambda: engine.calls)
        until(lambda: ended)


def test_another_server_says_it_with_a_message() -> None:
    """The plain ASGI way, without a connection of ours."""
    ended: list[str] = []

    async def serve() -> list[str]:
        leave = asyncio.Event()

        async def wait(_call: Call) -> Answer:
            leave.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                ended.append("cancelled")
                raise
            raise AssertionError("nothing sets it")

        messages: list[dict[str, object]] = [
            {"type": "http.request", "body": json.dumps(BODY).encode()}
        ]

        async def receive() -> dict[str, object]:
            if messages:
                return messages.pop()
            await leave.wait()
            return {"type": "http.disconnect"}

        async def send(message: object) -> None:
            ended.append(f"sent {message}")

        scope = {
            "type": "http",
            "method": "POST",
            "path": "/v1/messages",
            "headers": [(b"anthropic-version", b"2026-10-21")],
        }
        await app(Scripted(wait), AsyncWire(), Settings())(scope, receive, send)
        return ended

    assert asyncio.run(serve()) == ["cancelled"]


def test_who_takes_no_byte_is_cut_off() -> None:
    source = Source(EVENT * 5000, endless=True)
    with serving(Scripted(lambda _call: streamed(source)), write_s=0.1) as gateway:
        with gateway.connect() as sock:
            _send(sock, stream=True)
            until(lambda: source.closed)
        until(lambda: gateway.app.drain.running == 0)


def test_a_mistake_in_a_stream_ends_it_with_an_error_event(
    caplog: pytest.LogCaptureFixture,
) -> None:
    source = Source(EVENT)
    source.error = ZeroDivisionError("prompt")
    source.go_on.set()
    with serving(Scripted(lambda _call: streamed(source))) as gateway:
        reply = gateway.call(BODY)
    assert _error_of(reply)["type"] == "api_error"
    assert source.closed
    assert "ZeroDivisionError" in caplog.text
    assert "prompt" not in caplog.text + reply.body.decode()


def test_a_connection_serves_one_call_after_another(gateway: Running) -> None:
    with gateway.connect() as sock:
        for _ in range(3):
            _send(sock, stream=False)
            answer = b""
            while not answer.endswith(b"}}"):
                answer += sock.recv(65536)
            assert answer.startswith(b"HTTP/1.1 200")


def _error_of(reply: Reply) -> dict[str, str]:
    last = reply.body.rstrip().split(b"\n\n")[-1]
    assert last.startswith(b"event: error\ndata: ")
    document = json.loads(last.partition(b"data: ")[2])
    assert document["request_id"] == "req_test"
    error: dict[str, str] = document["error"]
    return error
