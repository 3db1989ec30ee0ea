"""Hostile bytes at a running server: what a caller may send, and what may come back."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import random
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from gateway.emulator import Emulator
from tests.fuzz import clouds, samples
from tests.fuzz.mutating import mutated, pieces
from tests.server.serving import BODY, Running, engine_over, serving, until

BATCH = 100
"""Cases at a time, each on a connection of its own."""
ENDS_S = 20.0
"""How long a connection may stay open; the server's own clocks end each within three seconds."""
KNOWN_PATHS = frozenset({"/v1/messages", "/v1/messages/count_tokens"})


def _request(first: str, body: bytes = b"", *headers: str) -> bytes:
    length = [f"content-length: {len(body)}"] if body else []
    lines = [first, "host: localhost", "anthropic-version: 2026-10-21", *length, *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def _chunked(body: bytes) -> bytes:
    parts = (body[:10], body[10:])
    return b"".join(b"%x\r\n%b\r\n" % (len(each), each) for each in parts) + b"0\r\n\r\n"


def _good() -> tuple[bytes, ...]:
    """Return well-made requests of every kind."""
    post, bodies = "POST /v1/messages HTTP/1.1", samples.bodies()
    count = json.dumps({"model": samples.COUNTED, "messages": BODY["messages"]}).encode()
    return (
        *(_request(post, body, "x-stainless-timeout: 600") for body in bodies),
        _request("POST /v1/messages/count_tokens?beta=true HTTP/1.1", count),
        _request(post, b"", "transfer-encoding: chunked") + _chunked(bodies[0]),
        _request(post, gzip.compress(bodies[1], mtime=0), "content-encoding: gzip"),
        _request(post, bodies[1], "expect: 100-continue", "x-gateway-tag-team: a"),
        _request(post, bodies[0]) + _request(post, bodies[1]),
        *(_request(f"POST {path} HTTP/1.1", clouds.bodies()[0]) for path in clouds.PATHS),
        *(_request(f"POST {path} HTTP/1.1", clouds.bodies()[2]) for path in clouds.PATHS),
        _request("GET /inference-profiles?type=SYSTEM_DEFINED&maxResults=3 HTTP/1.1"),
        _request("GET /v1/models?limit=2 HTTP/1.1") + _request("GET /readyz?verbose HTTP/1.1"),
        _request("HEAD / HTTP/1.1") + _request("GET /metrics HTTP/1.1", b"", "connection: close"),
    )


GOOD = _good()


def case(number: int) -> tuple[bytes, list[bytes]]:
    """Return what one caller sends, whole and in pieces."""
    rng = random.Random(f"door:{number}")
    data = mutated(rng, rng.choice(GOOD), GOOD)[: 4 << 20]
    return data, pieces(rng, data)


class Door:
    """A gateway over the emulator, with short clocks for callers."""

    def __init__(self, running: Running, emulator: Emulator, errors: list[str]) -> None:
        self._running = running
        self._emulator = emulator
        self._errors = errors

    def run(self, numbers: range) -> None:
        """Try cases at once, each on its own connection; raises AssertionError."""
        asyncio.run(self._batch(numbers))
        until(lambda: self._running.app.drain.running == 0)
        assert self._errors == []
        assert {record.path for record in self._emulator.records} <= KNOWN_PATHS
        assert self._running.call(BODY).status == 200

    async def _batch(self, numbers: range) -> None:
        results = await asyncio.gather(*map(self._case, numbers), return_exceptions=True)
        for number, result in zip(numbers, results, strict=True):
            if isinstance(result, BaseException):
                result.add_note(f"It was case {number}.")
                raise result

    async def _case(self, number: int) -> None:
        data, cut = case(number)
        async with asyncio.timeout(ENDS_S):
            reader, writer = await asyncio.open_connection("127.0.0.1", self._running.port)
            reading = asyncio.create_task(_read(reader))
            # Who is refused is not listened to any longer.
            with suppress(ConnectionError):
                for piece in cut:
                    writer.write(piece)
                    await writer.drain()
            got = await reading
            writer.close()
        well_answered(data, got)


async def _read(reader: asyncio.StreamReader) -> bytes:
    parts = []
    with suppress(ConnectionError):
        while part := await reader.read(65536):
            parts.append(part)
    return b"".join(parts)


@contextmanager
def door(emulator: Emulator) -> Iterator[Door]:
    """Run a gateway for the cases of a test."""
    errors: list[str] = []
    handler = logging.Handler(logging.ERROR)
    handler.emit = lambda record: errors.append(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger().addHandler(handler)
    clocks: dict[str, Any] = {"head_s": 0.5, "body_s": 0.5, "keep_alive_s": 1}
    limits: dict[str, Any] = {"body_limit_bytes": 1 << 20, "rate_bytes": 1 << 20}
    try:
        with serving(engine_over(emulator), **clocks, **limits) as running:
            yield Door(running, emulator, errors)
    finally:
        logging.getLogger().removeHandler(handler)


def well_answered(sent: bytes, got: bytes) -> None:
    """Check what came back: whole answers, errors in the envelope; only the last may be cut."""
    while got:
        assert got.startswith(b"HTTP/1.1 "), got[:200]
        head, end, rest = got.partition(b"\r\n\r\n")
        if not end:
            return
        lines = head.decode("latin-1").split("\r\n")
        status = int(lines[0].split(" ")[1])
        headers = {
            name.lower(): value for name, _, value in (each.partition(": ") for each in lines[1:])
        }
        body, got = _body(headers, rest, status, headless=b"HEAD" in sent)
        if body is not None and status >= 400 and body:
            _envelope(status, headers, body)


def _envelope(status: int, headers: dict[str, str], body: bytes) -> None:
    assert status not in {500, 502}, body
    told = json.loads(body)
    assert headers["content-type"] == "application/json"
    if "x-amzn-errortype" in headers:
        assert told["message"]
        assert headers["x-amzn-requestid"] == headers["request-id"]
        return
    error = (told[0] if isinstance(told, list) else told)["error"]
    assert error["message"]
    if "code" in error:
        assert error["code"] == status
        return
    assert told["type"] == "error"
    assert told["request_id"] == headers["request-id"]
    assert error["type"]


def _body(
    headers: dict[str, str], rest: bytes, status: int, *, headless: bool
) -> tuple[bytes | None, bytes]:
    """Return a body and what follows it; None: it is not whole."""
    if status < 200 or status in {204, 304}:
        return b"", rest
    if headers.get("transfer-encoding") == "chunked":
        return _dechunked(rest)
    size = int(headers["content-length"])
    if headless and (rest == b"" or rest.startswith(b"HTTP/1.1 ")):
        return b"", rest
    return (rest[:size], rest[size:]) if len(rest) >= size else (None, b"")


def _dechunked(rest: bytes) -> tuple[bytes | None, bytes]:
    parts = []
    while True:
        line, end, rest = rest.partition(b"\r\n")
        if not end:
            return None, b""
        size = int(line, 16)
        if len(rest) < size + 2:
            return None, b""
        assert rest[size : size + 2] == b"\r\n"
        parts.append(rest[:size])
        rest = rest[size + 2 :]
        if not size:
            return b"".join(parts), rest
