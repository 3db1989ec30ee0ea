"""A small HTTP/1.1 server that plays responses, the broken ones too."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import Final

from httptools import HttpParserError, HttpRequestParser

from gateway.emulator.http import (
    End,
    Gate,
    Handler,
    Manner,
    Note,
    Request,
    Response,
    head_bytes,
    manner_of,
    plain,
)
from gateway.emulator.playing import Player, reset

_LOG: Final = logging.getLogger(__name__)
_MAX_BODY_BYTES: Final = 64 * 1024 * 1024


class Connection(asyncio.Protocol):
    """One client connection: parses requests, plays responses one after the other."""

    def __init__(
        self, handler: Handler, gate: Gate | None, open_connections: set[Connection]
    ) -> None:
        self._handler = handler
        self._gate = gate
        self._open = open_connections
        self._parser = HttpRequestParser(self)
        self._waiting: deque[tuple[Request, Manner]] = deque()
        self._playing: asyncio.Task[None] | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self._transport: asyncio.Transport

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - asyncio promises it
        self._transport = transport
        self._open.add(self)
        self._end(self._gate.accepted() if self._gate is not None else None)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio calls it so
        """Stop playing: the client has gone, or we went."""
        self._open.discard(self)
        self._waiting.clear()
        if self._playing is not None:
            self._playing.cancel()

    def data_received(self, data: bytes) -> None:
        """Parse what came."""
        try:
            self._parser.feed_data(data)
        except HttpParserError:
            self._transport.write(b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n")
            self._transport.close()

    def pause_writing(self) -> None:
        """Hold the player: the client reads slowly."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """Let the player go on."""
        self._writable.set()

    # What the parser calls.

    def on_message_begin(self) -> None:
        """Begin a request."""
        self._target = b""
        self._headers: list[tuple[str, str]] = []
        self._body: list[bytes] = []
        self._size_bytes = 0

    def on_url(self, url: bytes) -> None:
        """Take a piece of the target."""
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take one header."""
        self._headers.append((name.decode("latin-1"), value.decode("latin-1")))

    def on_headers_complete(self) -> None:
        """Strike what a head is enough for, and answer `Expect: 100-continue`."""
        if self._gate is not None:
            self._end(self._gate.begun(self._request(b"")))
        for name, value in self._headers:
            if name.lower() == "expect" and value.lower() == "100-continue":
                self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body."""
        self._size_bytes += len(body)
        if self._size_bytes > _MAX_BODY_BYTES:
            self._transport.close()
            return
        self._body.append(body)

    def on_message_complete(self) -> None:
        """Serve the request, or queue it behind the one being answered."""
        request = self._request(b"".join(self._body))
        modern = self._parser.get_http_version() != "1.0"
        entry = (request, Manner(modern and self._parser.should_keep_alive(), modern))
        if self._playing is not None:
            self._waiting.append(entry)
        elif not self._transport.is_closing():
            self._serve(*entry)

    def _request(self, body: bytes) -> Request:
        return Request(
            self._parser.get_method().decode("latin-1"),
            self._target.decode("latin-1"),
            tuple(self._headers),
            body,
        )

    def _end(self, end: End | None) -> None:
        if end is End.RESET:
            reset(self._transport)
        elif end is not None:
            self._transport.close()

    # Playing.

    def _serve(self, request: Request, manner: Manner) -> None:
        response, note = self._handled(request)
        manner = manner_of(response, manner)
        if not response.simple:
            work = self._play(Player(self._transport, self._writable, response, manner), note)
            self._playing = asyncio.get_running_loop().create_task(work)
            return
        note("complete", len(response.frames))
        head = head_bytes(response, manner)
        body = b"" if request.method == "HEAD" else b"".join(response.frames)
        self._transport.write(head + body)
        if not manner.keep_alive:
            self._transport.close()

    def _handled(self, request: Request) -> tuple[Response, Note]:
        try:
            return self._handler(request)
        except Exception as wrong:  # noqa: BLE001 - a server outlives a bug in one answer
            # No traceback and no message: they may quote the prompt.
            _LOG.error("%s %s: %s", request.method, request.path, type(wrong).__name__)
            return plain(500, (), b"The emulator failed on this request."), _forget

    async def _play(self, player: Player, note: Note) -> None:
        await player.play(note)
        self._next()

    def _next(self) -> None:
        self._playing = None
        while self._waiting and not self._busy() and not self._transport.is_closing():
            self._serve(*self._waiting.popleft())

    def _busy(self) -> bool:
        return self._playing is not None

    def drop(self) -> None:
        """Close at once, whatever is being sent."""
        self._transport.abort()


def _forget(outcome: str, frames: int) -> None:
    """Take no note of how an exchange ended."""


class Server:
    """A listening socket that serves one handler, behind a gate if there is one."""

    def __init__(self, handler: Handler, gate: Gate | None = None) -> None:
        self._handler = handler
        self._gate = gate
        self._connections: set[Connection] = set()
        self._server: asyncio.Server | None = None

    async def start(self, host: str, port: int) -> int:
        """Listen; return the port (the one asked for, or the free one found for 0)."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: Connection(self._handler, self._gate, self._connections),
            host,
            port,
            backlog=1024,
        )
        bound: int = self._server.sockets[0].getsockname()[1]
        return bound

    async def stop(self) -> None:
        """Stop listening and drop every connection."""
        if self._server is not None:
            self._server.close()
        for connection in list(self._connections):
            connection.drop()
        # One turn of the loop lets the players see that they were cancelled.
        await asyncio.sleep(0)
        await asyncio.sleep(0)
