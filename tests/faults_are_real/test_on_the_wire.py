"""What a client hardly feels, or feels too late, as the bytes that a bare socket gets."""

from __future__ import annotations

import json
import re
import socket
import zlib
from collections.abc import Callable
from contextlib import closing

import pytest

from gateway.emulator import NAMED, Emulator
from tests.faults_are_real.clients import MODELS

GZIP = 16 + zlib.MAX_WBITS
FOR_EVER = {"every_s": 60.0}
"""Long enough that one byte is all that comes."""


def asked(emulator: Emulator, *, stream: bool) -> socket.socket:
    """Ask the direct API over a bare socket."""
    host, _, port = emulator.direct.base_url.removeprefix("http://").partition(":")
    messages = [{"role": "user", "content": "[[words:60]]"}]
    body = json.dumps(
        {"model": MODELS["anthropic"], "max_tokens": 99, "messages": messages, "stream": stream}
    ).encode()
    head = (
        f"POST /v1/messages HTTP/1.1\r\nhost: x\r\nx-api-key: {emulator.api_key}\r\n"
        f"anthropic-version: 2026-10-21\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
    )
    sock = socket.create_connection((host, int(port)), timeout=30)
    sock.sendall(head.encode() + body)
    return sock


def got(sock: socket.socket, enough: Callable[[bytes], bool] = lambda _: False) -> bytes:
    """Return all that comes, or what there is once it is enough."""
    received = b""
    with closing(sock):
        while not enough(received) and (chunk := sock.recv(1024 * 1024)):
            received += chunk
    return received


def parts(answer: bytes) -> tuple[bytes, bytes]:
    head, _, body = answer.partition(b"\r\n\r\n")
    return head, body


def chunks(body: bytes) -> list[bytes]:
    """Return the chunks of a body that ends well."""
    found = []
    while not body.startswith(b"0\r\n"):
        size, _, rest = body.partition(b"\r\n")
        found.append(rest[: int(size, 16)])
        body = rest[int(size, 16) + 2 :]
    return found


def fields(body: bytes) -> list[bytes]:
    return [line for line in b"".join(chunks(body)).splitlines() if line.startswith(b"data: ")]


STREAMED: dict[str, Callable[[bytes, bytes], bool]] = {
    "http-1.0": lambda head, body: (
        head.startswith(b"HTTP/1.0 200 OK") and b"chunked" not in head and body[:5] == b"event"
    ),
    "continue-100": lambda head, body: (
        head == b"HTTP/1.1 100 Continue" and body.startswith(b"HTTP/1.1 200 OK\r\n")
    ),
    "early-hints-103": lambda head, body: (
        head.startswith(b"HTTP/1.1 103 Early Hints\r\n") and body.startswith(b"HTTP/1.1 200 OK\r\n")
    ),
    "many-headers": lambda head, _: len(head.splitlines()) > 4000,
    "huge-head": lambda head, _: len(head) > 1024 * 1024,
    "wrong-content-type": lambda head, _: (
        re.findall(rb"content-type: (.*)\r\n", head) == [b"text/plain"]
    ),
    "split-at-every-byte": lambda _, body: {len(chunk) for chunk in chunks(body)} == {1},
    "crlf-line-ends": lambda _, body: (
        b"".join(chunks(body)).count(b"\r\n\r\n") > 10
        and b"\n" not in b"".join(chunks(body)).replace(b"\r\n", b"")
    ),
    "crlf-split-at-every-byte": lambda _, body: (
        {len(chunk) for chunk in chunks(body)} == {1}
        and b"".join(chunks(body)).count(b"\r\n\r\n") > 10
    ),
    "event-of-5-mb": lambda _, body: max(map(len, fields(body))) > 5 * 1024 * 1024,
    "event-of-12-mb": lambda _, body: max(map(len, fields(body))) > 12 * 1024 * 1024,
}


@pytest.mark.parametrize("name", list(STREAMED))
def test_a_stream_is_what_it_is_said_to_be(emulator: Emulator, name: str) -> None:
    emulator.faults.add(name)
    assert STREAMED[name](*parts(got(asked(emulator, stream=True))))


def test_every_harmless_fault_is_looked_at() -> None:
    assert {name for name, row in NAMED.items() if row.harmless} <= set(STREAMED)


def test_a_whole_answer_comes_byte_by_byte_in_the_end(emulator: Emulator) -> None:
    emulator.faults.add("split-at-every-byte")
    head, body = parts(got(asked(emulator, stream=False)))
    assert b"content-length: %d" % len(body) in head
    assert json.loads(body)["type"] == "message"


@pytest.mark.parametrize("stream", [True, False])
def test_a_bomb_inflates_to_the_answer_behind_filler(emulator: Emulator, stream: bool) -> None:
    emulator.faults.add("gzip-bomb", size_bytes=16 * 1024 * 1024)
    head, body = parts(got(asked(emulator, stream=stream)))
    assert b"content-encoding: gzip" in head
    packed = b"".join(chunks(body)) if stream else body
    assert len(packed) < 32 * 1024
    whole = zlib.decompress(packed, GZIP)
    assert len(whole) > 16 * 1024 * 1024
    assert b'"message_stop"' in whole if stream else json.loads(whole)["content"]


def test_a_head_drips_from_its_first_byte(emulator: Emulator) -> None:
    emulator.faults.add("head-drips", **FOR_EVER)
    assert got(asked(emulator, stream=True), enough=bool) == b"H"


def test_a_body_drips_and_its_head_does_not(emulator: Emulator) -> None:
    emulator.faults.add("body-drips", **FOR_EVER)
    sock = asked(emulator, stream=False)
    head, body = parts(got(sock, enough=lambda seen: len(parts(seen)[1]) > 0))
    assert head.startswith(b"HTTP/1.1 200 OK")
    assert body == b"{"


@pytest.mark.parametrize(("name", "content"), [("pings-for-ever", 0), ("pings-after-events", 3)])
def test_pings_are_all_that_comes(emulator: Emulator, name: str, content: int) -> None:
    emulator.faults.add(name, every_s=0.001)
    seen = got(asked(emulator, stream=True), enough=lambda seen: seen.count(b"event: ping") > 20)
    assert seen.count(b"event: message_start") == 1
    assert seen.count(b"event: content_block") >= content
    assert b"message_stop" not in seen
    assert seen.endswith(b'event: ping\ndata: {"type":"ping"}\n\n\r\n')
