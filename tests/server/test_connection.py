from __future__ import annotations

import gc
import json
import socket
from collections.abc import Iterator
from contextlib import suppress

import pytest

from gateway.emulator import Emulator
from gateway.server.addresses import is_loopback, own_address
from gateway.server.connection import Connection
from gateway.server.replies import raw
from gateway.wire.contract import Route
from tests.server.lines import line
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
        HEAD + b"x: a\x01b\r\n\r\n",
        HEAD + b"x: a\x7fb\r\n\r\n",
        HEAD + b"x: a\rb\r\n\r\n",
        HEAD + b"x: a\nb: c\r\n\r\n",
        HEAD + b"transfer-encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
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


@pytest.mark.parametrize("length", [b"content-length: 40", b"transfer-encoding: chunked"])
def test_no_body_is_taken_for_the_next_request(
    gateway: Running, emulator: Emulator, length: bytes
) -> None:
    """The parser ends a request that asks for another protocol with its head."""
    with line(gateway) as one:
        one.send(HEAD + b"connection: upgrade\r\nupgrade: h2c\r\n" + length + b"\r\n\r\n")
        reply = one.reply()
        assert reply.error[:2] == (400, "invalid_request_error")
        assert "upgrade" in reply.json["error"]["message"]
        one.send(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n")
        assert one.rest() == b""
    assert len(emulator.records) == 0


@pytest.mark.parametrize("length", [b"", b"content-length: 0\r\n"])
def test_without_a_body_another_protocol_is_not_missed(gateway: Running, length: bytes) -> None:
    asks = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: h2c\r\n"
    with line(gateway) as one:
        for _ in range(2):
            one.send(asks + length + b"\r\n")
            assert one.reply().json == {"status": "ok"}


GET = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n"


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        (b"a:b\r\n" * 99, 200),
        (b"a:b\r\n" * 100, 431),
        (b"a:b\r\n" * 50_000, 431),
        (b"a:" + b"b" * 65_000 + b"\r\n", 200),
        (b"a:" + b"b" * 66_000 + b"\r\n", 431),
        (b"a:" + b"b" * 300_000, 431),
    ],
)
def test_a_head_has_so_many_fields_and_is_so_large(
    gateway: Running, fields: bytes, status: int
) -> None:
    """What is too much gets its answer, however much of it is still on its way."""
    with line(gateway) as one:
        one.send(GET + fields + (b"\r\n" if fields.endswith(b"\r\n") else b""))
        reply = one.reply()
        if status == 200:
            assert reply.json == {"status": "ok"}
        else:
            assert reply.error[:2] == (431, "invalid_request_error")
            assert one.rest() == b""


def test_a_field_behind_the_body_is_no_header(gateway: Running, emulator: Emulator) -> None:
    """The head is judged before, by what stands in front, too."""
    body = json.dumps(BODY).encode()
    chunk = b"%x\r\n%b\r\n0\r\nx-gateway-class: phi\r\nx-gateway-tag-a: b\r\n\r\n" % (
        len(body),
        body,
    )
    with line(gateway) as one:
        for _ in range(2):
            one.send(HEAD + b"transfer-encoding: chunked\r\n\r\n" + chunk)
            assert one.reply().status == 200
    assert len(emulator.records) == 2


@pytest.mark.parametrize(
    ("begun", "more"),
    [
        (b"0\r\n", b"x: y\r\n"),
        (b"0\r\nx: ", b"yyyyyyyy"),
        (b"1;", b"abcdefgh"),
    ],
)
def test_what_frames_a_body_does_not_go_on_for_ever(
    gateway: Running, begun: bytes, more: bytes
) -> None:
    with line(gateway) as one:
        one.send(HEAD + b"transfer-encoding: chunked\r\n\r\n" + begun)
        until(lambda: gateway.app.load.in_flight == 1)
        one.send(more * 20_000)
        assert one.reply().error[:2] == (431, "invalid_request_error")
        assert one.rest() == b""
        until(lambda: gateway.app.load.running == 0)


def test_requests_may_wait_for_one_another(gateway: Running) -> None:
    with line(gateway) as one:
        one.send((GET + b"\r\n") * 10)
        assert [one.reply().status for _ in range(10)] == [200] * 10


def test_but_not_any_number_of_them(gateway: Running) -> None:
    with line(gateway) as one:
        one.send((GET + b"\r\n") * 3000)
        with suppress(ConnectionResetError):
            assert one.rest().count(b"HTTP/1.1 200") < 3000
        until(one.is_shut)


@pytest.mark.parametrize("length", [b"content-length: 9", b"transfer-encoding: chunked"])
def test_an_answer_before_the_end_of_a_body_is_followed_by_the_next(
    gateway: Running, length: bytes
) -> None:
    rest = b"123456789" if length.endswith(b"9") else b"2\r\nab\r\n0\r\n\r\n"
    with line(gateway) as one:
        for _ in range(3):
            one.send(b"POST /nowhere HTTP/1.1\r\nhost: localhost\r\n" + length + b"\r\n\r\n")
            assert one.reply().error[0] == 404
            one.send(rest)
            one.send(GET + b"\r\n")
            assert one.reply().json == {"status": "ok"}


def test_what_nobody_read_of_a_request_is_not_kept(gateway: Running) -> None:
    with line(gateway) as one:
        one.send(b"POST /nowhere HTTP/1.1\r\nhost: localhost\r\ncontent-length: 50000\r\n\r\n")
        one.send(b"x" * 50_000)
        assert one.reply().error[0] == 404
        one.send(GET + b"\r\n")
        assert one.reply().json == {"status": "ok"}
        one.send(
            b"POST /nowhere HTTP/1.1\r\nhost: localhost\r\ncontent-length: 50000\r\n\r\n"
            + b"x" * 50_000
        )
        assert one.reply().error[0] == 404
        open_now = [each for each in gc.get_objects() if isinstance(each, Connection)]
        assert open_now
        assert max(len(each.cycle.body) for each in open_now) == 0


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
