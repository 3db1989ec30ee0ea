"""A client of bytes: what a server really sends, with nothing forgiven and nothing added."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

from tests.faults.asking import Ask, Seen

HEAD_LIMIT_BYTES = 1 << 20
_SPACES = re.compile(rb" {64,}")
"""What large events are made of."""


class Bytewise:
    """One kept-alive connection to a server; it is opened anew once the server has closed it."""

    def __init__(self, port: int, key: str) -> None:
        self._port = port
        self._key = key
        self._pair: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, ask: Ask) -> Seen:
        """Send one call and read its answer to the end."""
        seen = Seen()
        if self._pair is None or self._pair[0].at_eof():
            self.close()
            self._pair = await asyncio.open_connection(
                "127.0.0.1", self._port, limit=HEAD_LIMIT_BYTES
            )
        reader, writer = self._pair
        writer.write(_request(ask, self._key))
        try:
            body = await _answer(reader, seen)
        except (OSError, EOFError, ValueError) as error:
            seen.odd.append(f"the answer is no whole HTTP answer: {type(error).__name__}")
            self.close()
            return seen
        if seen.headers.get("connection", "").lower() == "close":
            self.close()
        _read(seen, body)
        return seen

    def close(self) -> None:
        """Close the connection."""
        if self._pair is not None:
            self._pair[1].transport.abort()
            self._pair = None


def _request(ask: Ask, key: str) -> bytes:
    body = json.dumps({**ask.body, "stream": ask.stream}).encode()
    headers = {
        "host": "127.0.0.1",
        "content-type": "application/json",
        "content-length": str(len(body)),
        "anthropic-version": "2026-10-21",
        "x-api-key": key,
        **ask.headers,
    }
    lines = ["POST /v1/messages HTTP/1.1", *(f"{k}: {v}" for k, v in headers.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def _answer(reader: asyncio.StreamReader, seen: Seen) -> bytes:
    """Read one answer; raises EOFError or ValueError where its framing breaks."""
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")[:-2]
    seen.raw = head
    seen.status = int(first.split(" ")[1])
    seen.headers = {
        name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
    }
    if "content-length" in seen.headers:
        body = await reader.readexactly(int(seen.headers["content-length"]))
    else:
        body = b"".join([chunk async for chunk in _chunks(reader)])
    seen.raw += _SPACES.sub(b" ", body)
    return body


async def _chunks(reader: asyncio.StreamReader) -> Any:
    while size := int(await reader.readuntil(b"\r\n"), 16):
        yield await reader.readexactly(size)
        if await reader.readexactly(2) != b"\r\n":
            raise ValueError("a chunk does not end where it says")
    if await reader.readexactly(2) != b"\r\n":
        raise ValueError("there are trailers")


def _read(seen: Seen, body: bytes) -> None:
    """Take an answer's body apart, strictly."""
    kind = seen.headers.get("content-type")
    try:
        if kind == "text/event-stream":
            _events(seen, body.decode())
        elif kind == "application/json":
            document = json.loads(body)
            if seen.status == 200:
                seen.message = document
            else:
                seen.error = document
        else:
            seen.odd.append(f"the content type is {kind}")
    except (ValueError, KeyError) as error:
        seen.odd.append(f"the body cannot be read: {type(error).__name__}")


def _events(seen: Seen, text: str) -> None:
    text = text.replace("\r\n", "\n")
    if not text.endswith("\n\n"):
        seen.odd.append("the stream ends within an event")
    for block in text.split("\n\n")[:-1]:
        name, _, data = block.partition("\ndata: ")
        event = json.loads(data)
        if name != f"event: {event['type']}":
            seen.odd.append(f"an event is called {name!r} and says {event['type']!r}")
        if event["type"] == "error":
            seen.error = event
        elif seen.error is not None:
            seen.odd.append("an event follows the error")
        elif event["type"] != "ping":
            seen.events.append(event)
