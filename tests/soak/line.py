"""One connection of a caller of the soak, used again while its answers are complete."""

from __future__ import annotations

import asyncio

import httptools

from tests.soak.asking import Ask
from tests.soak.judging import Seen

ENDS_S = 60.0
"""No call takes longer; its clocks end it long before."""
SLOW_S = 0.03
"""How long a slow caller rests after each read."""
CONTENT = b"content_block_start"


class Line(asyncio.Protocol):
    """One connection. A slow one rests after each read."""

    def __init__(self, *, slow: bool) -> None:
        self.open = False
        self._slow = slow
        self._done: asyncio.Future[None] | None = None
        self._parts: list[bytes] = []
        self._transport: asyncio.Transport

    async def ask(self, ask: Ask, key: str, seen: Seen) -> float:
        """Ask, and fill in what is seen; return the seconds to the first content."""
        loop = asyncio.get_running_loop()
        self._seen, self._parts = seen, []
        self._first_s = 0.0
        self._parser = httptools.HttpResponseParser(self)
        self._done = loop.create_future()
        begun_s = loop.time()
        self._transport.write(ask.request(key))
        try:
            async with asyncio.timeout(ENDS_S if ask.leaves_after is None else ask.leaves_after):
                await self._done
        except TimeoutError:
            seen.left = ask.leaves_after is not None
            seen.why = f"no end within {ENDS_S} s"
        seen.body = b"".join(self._parts)
        if not seen.whole:
            self.drop()
        return self._first_s - begun_s if self._first_s else 0.0

    def drop(self) -> None:
        """Go away at once."""
        self.open, self._done = False, None
        self._transport.abort()

    @property
    def streaming(self) -> bool:
        """Whether an answer is on its way here."""
        return self._done is not None and not self._done.done() and self._seen.status == 200

    # What the transport tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self.open = True

    def data_received(self, data: bytes) -> None:
        if self._done is None or self._done.done():
            self.open = False
            return
        if not self._first_s and CONTENT in data:
            self._first_s = asyncio.get_running_loop().time()
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._end(f"not HTTP: {error}")
        if self._slow and not self._transport.is_closing():
            self._transport.pause_reading()
            asyncio.get_running_loop().call_later(SLOW_S, self._resume)

    def connection_lost(self, exc: Exception | None) -> None:
        self.open = False
        self._end("closed" if exc is None else type(exc).__name__)

    def _resume(self) -> None:
        if not self._transport.is_closing():
            self._transport.resume_reading()

    def _end(self, why: str) -> None:
        if self._done is not None and not self._done.done():
            self._seen.why = why
            self._done.set_result(None)

    # What the parser tells.

    def on_header(self, name: bytes, value: bytes) -> None:
        self._seen.headers[name.decode().lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        self._seen.status = self._parser.get_status_code()

    def on_body(self, body: bytes) -> None:
        self._parts.append(body)

    def on_message_complete(self) -> None:
        self._seen.whole = True
        self.open = self._parser.should_keep_alive()
        self._end("")
