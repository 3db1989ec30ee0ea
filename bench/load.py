"""Load: a fixed number of connections, each sending its next request when answered."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass

import httptools

VERSION = "2026-10-21"


@dataclass(frozen=True)
class Workload:
    name: str
    body_bytes: int
    stream: bool
    connections: int


WORKLOADS = (
    Workload("1 KB", 1_000, stream=False, connections=16),
    Workload("48 KB", 48_000, stream=False, connections=16),
    Workload("1 MB", 1_000_000, stream=False, connections=4),
    Workload("1 KB, 60 events", 1_000, stream=True, connections=32),
    Workload("48 KB, 60 events", 48_000, stream=True, connections=32),
    Workload("1 MB, 60 events", 1_000_000, stream=True, connections=8),
)


def request(work: Workload) -> bytes:
    """Return one request, compact JSON as the SDK writes it."""
    fields = {
        "max_tokens": 1024,
        "messages": [{"role": "user", "content": "x" * (work.body_bytes - 110)}],
        "model": "claude-opus-5-5",
        "stream": work.stream,
    }
    body = json.dumps(fields, separators=(",", ":")).encode()
    head = (
        "POST /v1/messages HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
        f"anthropic-version: {VERSION}\r\nx-api-key: bench\r\naccept: application/json\r\n"
        "user-agent: Anthropic/Python 2.12.0\r\nx-stainless-lang: python\r\n"
        "x-stainless-os: Linux\r\nx-stainless-arch: x64\r\nx-stainless-retry-count: 0\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Caller(asyncio.Protocol):
    """One connection that asks again as soon as it is answered."""

    def __init__(self, sent: bytes, count: Count) -> None:
        self.sent = sent
        self.count = count

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.ask()

    def ask(self) -> None:
        self.parser = httptools.HttpResponseParser(self)
        self.transport.write(self.sent)

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_message_complete(self) -> None:
        assert self.parser.get_status_code() == 200, self.parser.get_status_code()
        self.count.answered += 1
        if self.count.going:
            asyncio.get_running_loop().call_soon(self.ask)
        else:
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.count.going:
            self.count.broken += 1


@dataclass
class Count:
    answered: int = 0
    broken: int = 0
    going: bool = True


async def run(port: int, work: Workload, seconds: float, count: Count) -> None:
    """Send load to a port for a while."""
    loop = asyncio.get_running_loop()
    sent = request(work)
    for _ in range(work.connections):
        await loop.create_connection(lambda: Caller(sent, count), "127.0.0.1", port)
    await asyncio.sleep(seconds)
