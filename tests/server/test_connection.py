from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import suppress

import pytest

from gateway.emulator import Emulator
from gateway.server.addresses import is_loopback, own_address
from gateway.server.replies import raw
from gateway.wire.contract import Route
from tests.server.serving import Running, Scripted, Source, engine_over, serving, streamed, until

HEAD = b"POST /v1/messages HTTP/1.1\r\nhost: localhost\r\nanthropic-version: 2026-10-21\r\n"


def _all(sock: socket.socket) -> bytes:
    received = b""
    while data := sock.recv(65536):
        received += data
    return received


def _refusal(answer: bytes) -> tuple[int, str]:
    head, _, body = answer.partition(b"\r\n\r\n")
    document = json.loads(body)
    assert document["request_id"].encode() in head
    assert b"connection: close" in head
    return int(head.split()[1]), document["error"]["type"]


@pytest.mark.parametrize(
    "request_bytes",
    [
        HEAD + b"content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        HEAD + b"content-length: 2\r\ncontent-length: 3\r\n\r\n{}",
        HEAD + b"content-length: -1\r\n\r\n",
        HEAD + b"content-length: x\r\n\r\n",
        HEAD + b"transfer-encoding: gzip\r\n\r\n",
        HEAD + b"transfer-encoding: chunked\r\n\r\nxyz\r\n",
        HEAD + b"bad name: x\r\n\r\n",
        HEAD + b"x: a\x00b\r\n\r\n",
        HEAD + b"x: a\r\n folded\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"SSH-2.0-OpenSSH\r\n",
    ],
)
def test_what_is_not_http_gets_an_envelope_and_a_close(
    gateway: Running, emulator: Emulator, request_bytes: bytes
) -> None:
    with gateway.connect() as sock:
        sock.sendall(request_bytes)
        assert _refusal(_all(sock)) == (400, "invalid_request_error")
    assert len(emulator.records) == 0


@pytest.fixture(scope="module")
def impatient(_emulator: Emulator) -> Iterator[Running]:
    engine = engine_over(_emulator)
    with serving(engine, head_s=0.01, body_s=0.01, keep_alive_s=1) as running:
        yield running


@pytest.mark.parametrize(
    ("begun", "status"),
    [(b"POST /v1/mess", 408), (HEAD, 408), (HEAD + b"content-length: 9\r\n\r\n{", 408), (b"", 0)],
)
def test_who_does_not_finish_is_not_waited_for(
    impatient: Running, begun: bytes, status: int
) -> None:
    with impatient.connect() as sock:
        sock.sendall(begun)
        answer = _all(sock)
    assert answer.startswith(b"HTTP/1.1 408") if status else answer == b""
    until(lambda: impatient.app.drain.running == 0)


def test_an_endless_head_is_cut_short(gateway: Running) -> None:
    with gateway.connect() as sock:
        sock.sendall(HEAD)
        try:
            for _ in range(64):
                sock.sendall(b"x-long: " + b"x" * 100_000 + b"\r\n")
            answer = _all(sock)
        except ConnectionError:
            return
    assert answer.startswith(b"HTTP/1.1 431") or answer == b""


def test_rubbish_behind_a_request_does_not_get_into_its_answer() -> None:
    source = Source(b"event: ping\n\n")
    with serving(Scripted(lambda _call: streamed(source))) as gateway, gateway.connect() as sock:
        body = b'{"model":"claude-opus-5-5"}'
        sock.sendall(HEAD + b"content-length: %d\r\n\r\n" % len(body) + body)
        answer = sock.recv(65536)
        sock.sendall(b"rubbish\r\n\r\n")
        with suppress(ConnectionResetError):
            answer += _all(sock)
        assert answer.startswith(b"HTTP/1.1 200")
        assert answer.count(b"HTTP/1.1") == 1
        until(lambda: source.closed)


def test_a_header_value_cannot_end_its_line() -> None:
    values = [value for _, value in raw((("a", "b\r\nc: d"), ("a", "é\x00"), ("a", "plain, text")))]
    assert values == [b"b\\r\\nc: d", b"\\xe9\\x00", b"plain, text"]


@pytest.mark.parametrize(
    ("theirs", "ours", "same"),
    [
        ("127.0.0.1", "127.0.0.1", True),
        ("localhost", "127.0.0.1", True),
        ("::1", "localhost", True),
        ("127.0.0.1", "0.0.0.0", True),
        ("localhost", "::", True),
        ("gateway.test", "gateway.test", True),
        ("api.anthropic.com", "0.0.0.0", False),
        ("10.0.0.1", "127.0.0.1", False),
        ("127.0.0.1", "10.0.0.1", False),
    ],
)
def test_own_address(theirs: str, ours: str, same: bool) -> None:
    here, elsewhere = Route("me", "http", theirs, 8787), Route("else", "http", theirs, 8788)
    assert own_address([elsewhere, here], ours, 8787) == ("me" if same else None)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST.", "a.localhost", "127.9.9.9", "[::1]"])
def test_loopback_is_seen(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["", "0.0.0.0", "localhost.test", "127.0.0.1.test", "10.0.0.1"])
def test_nothing_else_is_loopback(host: str) -> None:
    assert not is_loopback(host)
