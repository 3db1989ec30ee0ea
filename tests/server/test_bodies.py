from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.emulator import Emulator
from gateway.errors import Malformed, TooLarge
from gateway.server.inflate import PIECE_BYTES, inflater
from tests.server.serving import BODY, HEADERS, Running, engine_over, serving

GOOD = json.dumps(BODY).encode()
MESSAGES = b'"max_tokens":1,"messages":[]'


def _with(text: bytes) -> bytes:
    return b'{"model":"claude-opus-5-5",' + MESSAGES + b"," + text + b"}"


BAD = {
    "empty": (b"", "JSON object"),
    "cut": (GOOD[:-1], "JSON object"),
    "an array": (b"[]", "JSON object"),
    "not JSON": (b"{'model': 1}", "JSON object"),
    "repeated key": (_with(b'"model":"claude-haiku-4-5"'), "twice"),
    "repeated key, escaped": (_with(b'"m\\u006fdel":"claude-haiku-4-5"'), "twice"),
    "invalid UTF-8": (_with(b'"x":"\xff"'), "UTF-8"),
    "invalid UTF-8 in a key": (_with(b'"\xc3\x28":1'), "UTF-8"),
    "deep": (_with(b'"x":' + b"[" * 100_000 + b"]" * 100_000), "nested"),
    "lone surrogate as key": (_with(b'"\\ud800":1'), "JSON object"),
    "many keys": (
        b"{" + b",".join(b'"%d":1' % number for number in range(2_000_000)) + b"}",
        "top-level fields",
    ),
    "no model": (b"{" + MESSAGES + b"}", "model"),
    "model is a number": (b'{"model":1,' + MESSAGES + b"}", "model"),
    "model is null": (b'{"model":null,' + MESSAGES + b"}", "model"),
    "stream is a string": (_with(b'"stream":"yes"'), "stream"),
    "stream is null": (_with(b'"stream":null'), "stream"),
    "max_tokens is a string": (b'{"model":"claude-opus-5-5","max_tokens":"1"}', "max_tokens"),
    "max_tokens is a fraction": (b'{"model":"claude-opus-5-5","max_tokens":1.5}', "max_tokens"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_body_is_one_clear_400(gateway: Running, emulator: Emulator, name: str) -> None:
    body, word = BAD[name]
    status, kind, message = gateway.call(body).error
    assert (status, kind) == (400, "invalid_request_error")
    assert word in message
    assert len(emulator.records) == 0


def test_the_server_lives_on_after_bad_bodies(gateway: Running) -> None:
    assert gateway.call(GOOD).status == 200


def test_no_version_is_a_400(gateway: Running) -> None:
    status, _, message = gateway.call(GOOD, {"content-type": "application/json"}).error
    assert status == 400
    assert "anthropic-version" in message


@pytest.fixture(scope="module")
def small(_emulator: Emulator) -> Iterator[Running]:
    with serving(engine_over(_emulator), body_limit_bytes=100_000) as running:
        yield running


def _padded(size: int) -> bytes:
    empty = json.dumps({**BODY, "metadata": {"user_id": ""}}).encode()
    padding = "x" * (size - len(empty))
    return json.dumps({**BODY, "metadata": {"user_id": padding}}).encode()


def test_a_body_at_the_limit_passes_and_one_byte_more_does_not(small: Running) -> None:
    assert small.call(_padded(100_000)).status == 200
    assert small.call(_padded(100_001)).error[:2] == (413, "request_too_large")


def test_a_body_without_a_length_is_bounded_too(small: Running) -> None:
    with small.connect() as sock:
        sock.sendall(b"POST /v1/messages HTTP/1.1\r\nhost: localhost\r\n")
        sock.sendall(b"transfer-encoding: chunked\r\nanthropic-version: 2026-10-21\r\n\r\n")
        for _ in range(11):
            sock.sendall(b"2710\r\n" + b" " * 10_000 + b"\r\n")
        assert sock.recv(12) == b"HTTP/1.1 413"


@pytest.mark.parametrize(
    ("name", "pack"),
    [
        ("gzip", gzip.compress),
        ("x-gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("deflate", lambda data: zlib.compress(data, wbits=-15)),
        ("identity", bytes),
    ],
)
def test_packed_bodies_are_read(
    small: Running, emulator: Emulator, name: str, pack: Callable[[bytes], bytes]
) -> None:
    body = _padded(90_000)
    assert small.call(pack(body), HEADERS | {"content-encoding": name}).status == 200
    assert emulator.records[-1].body == body
    assert emulator.records[-1].header("content-encoding") is None


def test_a_bomb_is_a_413(small: Running, emulator: Emulator) -> None:
    bomb = gzip.compress(b" " * 50_000_000)
    assert len(bomb) < 100_000
    reply = small.call(bomb, HEADERS | {"content-encoding": "gzip"})
    assert reply.error[:2] == (413, "request_too_large")
    assert len(emulator.records) == 0


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (gzip.compress(GOOD)[:-4], "too early"),
        (gzip.compress(GOOD) + b"more", "bytes follow"),
        (b"no gzip", "cannot be inflated"),
        (b"", "too early"),
    ],
)
def test_a_broken_packing_is_a_400(gateway: Running, body: bytes, word: str) -> None:
    status, kind, message = gateway.call(body, HEADERS | {"content-encoding": "gzip"}).error
    assert (status, kind) == (400, "invalid_request_error")
    assert word in message


@pytest.mark.parametrize("name", ["br", "zstd", "gzip, gzip", "compress"])
def test_other_encodings_are_a_415(gateway: Running, name: str) -> None:
    status, _, message = gateway.call(GOOD, HEADERS | {"content-encoding": name}).error
    assert status == 415
    assert "gzip" in message


@given(st.binary(max_size=5000), st.integers(1, 700), st.sampled_from([31, 15]))
def test_inflating_gives_back_what_was_packed(data: bytes, step: int, wbits: int) -> None:
    packed = zlib.compress(data, wbits=wbits)
    unpack = inflater("gzip" if wbits == 31 else "deflate", len(data))
    assert unpack is not None
    parts = [packed[start : start + step] for start in range(0, len(packed), step)]
    assert b"".join(piece for part in parts for piece in unpack.feed(part)) == data
    unpack.end()


@given(st.integers(1, 400))
def test_no_byte_over_the_limit_is_inflated(step: int) -> None:
    packed = zlib.compress(b"x" * 10_000)
    unpack = inflater("deflate", 9_999)
    assert unpack is not None
    parts = [packed[start : start + step] for start in range(0, len(packed), step)]
    pieces: list[bytes] = []
    with pytest.raises(TooLarge):
        pieces.extend(piece for part in parts for piece in unpack.feed(part))
    assert sum(map(len, pieces)) <= 9_999


def test_output_that_ends_on_a_piece_is_whole() -> None:
    for size in (PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 3 * PIECE_BYTES):
        unpack = inflater("gzip", 4 * PIECE_BYTES)
        assert unpack is not None
        assert sum(map(len, unpack.feed(gzip.compress(bytes(size))))) == size
        unpack.end()


def test_a_packed_body_that_never_came_is_malformed() -> None:
    unpack = inflater("deflate", 10)
    assert unpack is not None
    with pytest.raises(Malformed):
        unpack.end()
