"""Seeded damage: the same generator makes the same bytes of the same sample."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

TOKENS = (
    *(b"\n", b"\r", b"\r\n", b"\n\n", b"\r\n\r\n", b"\r\r", b"\n\r", b": x\n\n", b"\xef\xbb\xbf"),
    *(b"\x00", b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x80\xa8"),
    *(b"event: ", b"data: ", b"event:", b"data:", b"data\n", b"event\n", b"id: 1\n", b"retry: 1\n"),
    *(b"event: message_stop\n", b"event: error\n", b"event: ping\ndata: {}\n\n"),
    *(b'{"type":"message_stop"}', b'"type":"error"', b'"usage":{', b'"usage":null', b'"type":'),
    *(b"{", b"}", b"[", b"]", b'"', b"\\", b"\\ud800", b"\\u0000", b",", b":", b"null", b"true"),
    *(b"0", b"-1", b"1e999", b"9" * 30, b"18446744073709551616", b"0x10", b"0\r\n\r\n"),
    *(b"HTTP/1.1 200 OK\r\n", b"HTTP/1.0 200 OK\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"),
    *(b"content-length: 5\r\n", b"transfer-encoding: chunked\r\n", b"content-encoding: gzip\r\n"),
    *(b"connection: close\r\n", b"connection: keep-alive\r\n", b"upgrade: websocket\r\n"),
    *(b"expect: 100-continue\r\n", b"host: x\r\n", b"x: " + b"y" * 5000 + b"\r\n", b" folded\r\n"),
)
LARGE_BYTES = 10 << 20
SMALL_BYTES = 100
ONE_IN = 400
"""So seldom is a case a large one."""


def mutated(rng: random.Random, sample: bytes, others: Sequence[bytes] = ()) -> bytes:
    """Return a sample with a few things done to it; now and then as it is, or of any bytes."""
    if rng.random() < 0.02:
        return rng.randbytes(rng.randrange(200))
    data = sample
    for _ in range(rng.choice((0, 1, 1, 1, 2, 3, 6))):
        data = rng.choice(_DAMAGES)(rng, data)
    if others and rng.random() < 0.1:
        other = rng.choice(others)
        data = data[: _at(rng, data)] + other[_at(rng, other) :]
    if rng.random() < 1 / ONE_IN:
        data = _swollen(rng, data)
    return data


def pieces(rng: random.Random, data: bytes) -> list[bytes]:
    """Return the data as a network may bring it: whole, in a few pieces, or byte by byte."""
    way = rng.random()
    if way < 0.2 or len(data) < 2:
        return [data] if data else []
    if way < 0.3 and len(data) < 5000:
        return [data[at : at + 1] for at in range(len(data))]
    most = min(len(data) - 1, rng.choice((1, 3, 20)))
    cuts = sorted(rng.sample(range(1, len(data)), most))
    return [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]


def shuffled(rng: random.Random, parts: Sequence[bytes]) -> list[bytes]:
    """Return parts with some left out, doubled or in another place."""
    found = list(parts)
    for _ in range(rng.choice((0, 1, 1, 2, 4))):
        if not found:
            break
        at = rng.randrange(len(found))
        match rng.randrange(4):
            case 0:
                del found[at]
            case 1:
                found.insert(rng.randrange(len(found)), found[at])
            case 2:
                del found[at:]
            case _:
                found.insert(rng.randrange(len(found)), found.pop(at))
    return found


def _at(rng: random.Random, data: bytes) -> int:
    return rng.randrange(len(data) + 1)


def _span(rng: random.Random, data: bytes) -> tuple[int, int]:
    start = _at(rng, data)
    return start, min(len(data), start + rng.choice((1, 2, 8, 64, 1000)))


def _flip(rng: random.Random, data: bytes) -> bytes:
    if not data:
        return data
    at = rng.randrange(len(data))
    return data[:at] + bytes([data[at] ^ (1 << rng.randrange(8))]) + data[at + 1 :]


def _random(rng: random.Random, data: bytes) -> bytes:
    at = _at(rng, data)
    return data[:at] + rng.randbytes(rng.choice((1, 2, 4, 30))) + data[at:]


def _token(rng: random.Random, data: bytes) -> bytes:
    at = _at(rng, data)
    return data[:at] + rng.choice(TOKENS) + data[at:]


def _token_over(rng: random.Random, data: bytes) -> bytes:
    start, end = _span(rng, data)
    return data[:start] + rng.choice(TOKENS) + data[end:]


def _cut(rng: random.Random, data: bytes) -> bytes:
    start, end = _span(rng, data)
    return data[:start] + data[end:]


def _end(rng: random.Random, data: bytes) -> bytes:
    return data[: _at(rng, data)]


def _again(rng: random.Random, data: bytes) -> bytes:
    start, end = _span(rng, data)
    return data[:end] + data[start:end] * rng.choice((1, 2, 10)) + data[end:]


def _line_ends(rng: random.Random, data: bytes) -> bytes:
    """Change every line end, or one."""
    ends = (b"\n", b"\r", b"\r\n")
    return data.replace(rng.choice(ends), rng.choice(ends), rng.choice((-1, 1, 3)))


def _nested(rng: random.Random, data: bytes) -> bytes:
    depth = rng.choice((3, 100, 3000))
    opened, closed = rng.choice(((b"[", b"]"), (b'{"a":', b"}")))
    at = _at(rng, data)
    return data[:at] + opened * depth + b"1" + closed * depth + data[at:]


def _swollen(rng: random.Random, data: bytes) -> bytes:
    """Repeat a piece until it is as large as what has bounds; a small piece not that often."""
    start, end = _span(rng, data)
    piece = rng.choice((data[start:end] or b"x", b"x", b"\n"))
    small = 1 < len(piece) < SMALL_BYTES
    times = (LARGE_BYTES // 50 if small else LARGE_BYTES) // len(piece)
    return data[:end] + piece * times + data[end:]


_DAMAGES: tuple[Callable[[random.Random, bytes], bytes], ...] = (
    *(_flip, _random, _token, _token, _token_over, _cut, _end, _again, _line_ends, _nested),
)
