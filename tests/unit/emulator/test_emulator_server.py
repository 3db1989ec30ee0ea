"""The server under the emulator, over bare sockets."""

from __future__ import annotations

import asyncio
import logging

import pytest

from gateway.emulator.http import Note, Request, Response, plain
from gateway.emulator.server import Server


def no_note(outcome: str, frames: int) -> None: ...


def echo(request: Request) -> tuple[Response, Note]:
    text = f"{request.method} {request.path}|{request.query}|".encode() + request.body
    if request.path == "/stream":
        return Response(200, (), (text, b"more")), no_note
    if request.path == "/bug":
        raise RuntimeError("the secret prompt")
    return plain(200, (("x-one", "1"),), text), no_note


async def spoken(said: bytes, *, until: bytes, pieces: int = 1) -> bytes:
    """Say something over one connection, in pieces; return what came, up to `until`."""
    server = Server(echo)
    port = await server.start("127.0.0.1", 0)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        size = -(-len(said) // pieces)
        for start in range(0, len(said), size):
            writer.write(said[start : start + size])
            await writer.drain()
            await asyncio.sleep(0)
        async with asyncio.timeout(30):
            return await reader.readuntil(until)
    finally:
        writer.close()
        await server.stop()


GET = b"GET /a%2Fb?x=1 HTTP/1.1\r\nhost: x\r\n\r\n"
PLAIN = b"HTTP/1.1 200 OK\r\nx-one: 1\r\ncontent-length: 16\r\n\r\nGET /a%2Fb|x=1|"


@pytest.mark.parametrize("pieces", [1, 7, len(GET)])
def test_a_request_may_come_in_pieces(pieces: int) -> None:
    got = asyncio.run(spoken(GET, until=b"|x=1|", pieces=pieces))
    assert got == PLAIN.replace(b"16", b"15")


def test_a_connection_serves_many_requests_in_order() -> None:
    one = b"GET /stream HTTP/1.1\r\nhost: x\r\n\r\n"
    last = b"GET /last HTTP/1.1\r\nhost: x\r\n\r\n"
    got = asyncio.run(spoken(one * 2 + GET + last, until=b"/last||"))
    stream = (
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
        b"d\r\nGET /stream||\r\n4\r\nmore\r\n0\r\n\r\n"
    )
    assert got.startswith(stream * 2 + b"HTTP/1.1 200 OK\r\nx-one: 1\r\n")
    assert got.endswith(b"GET /last||")


def test_a_chunked_upload_is_joined() -> None:
    said = b"POST /p HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
    got = asyncio.run(spoken(said + b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", until=b"abcde"))
    assert got.endswith(b"POST /p||abcde")


def test_expect_continue_is_answered() -> None:
    said = b"POST /p HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n"
    assert asyncio.run(spoken(said, until=b"\r\n\r\n")) == b"HTTP/1.1 100 Continue\r\n\r\n"


def test_head_gets_no_body() -> None:
    said = b"HEAD /p HTTP/1.1\r\nhost: x\r\n\r\n" + GET
    got = asyncio.run(spoken(said, until=b"|x=1|"))
    assert got.startswith(b"HTTP/1.1 200 OK\r\nx-one: 1\r\ncontent-length: 9\r\n\r\nHTTP/1.1 200")


def test_what_is_not_http_is_refused() -> None:
    got = asyncio.run(spoken(b"\x16\x03\x01 hello\r\n\r\n", until=b"\r\n\r\n"))
    assert got.startswith(b"HTTP/1.1 400 ")


def test_a_bug_is_a_500_that_quotes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        said = b"GET /bug HTTP/1.1\r\nhost: x\r\n\r\n"
        got = asyncio.run(spoken(said, until=b"request."))
    assert got.startswith(b"HTTP/1.1 500 ")
    assert "RuntimeError" in caplog.text
    assert "secret" not in caplog.text


def test_a_body_without_end_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.emulator.server._MAX_BODY_BYTES", 10)
    said = b"POST /p HTTP/1.1\r\nhost: x\r\ncontent-length: 99\r\n\r\n" + b"x" * 50
    with pytest.raises(asyncio.IncompleteReadError):
        asyncio.run(spoken(said, until=b"never"))
