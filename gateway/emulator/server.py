"""A small HTTP/1.1 server that plays responses, the broken ones too."""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from collections import deque
from typing import Final

from httptools import HttpParserError, HttpRequestParser

from gateway.emulator.http import (
    End,
    Handler,
    Manner,
    Note,
    Request,
    Response,
    head_bytes,
    plain,
)

_LOG: Final = logging.getLogger(__name__)
_MAX_BODY_BYTES: Final = 64 * 1024 * 1024
_LINGER_ZERO: Final = struct.pack("ii", 1, 0)


class Connection(asyncio.Protocol):
    """One client connection: parses requests, plays responses one after the other."""

    def __init__(self, handler: Handler, open_connections: set[Connection]) -> None:
        self._handler = handler
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
        """Answer `Expect: 100-continue`."""
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
        request = Request(
            self._parser.get_method().decode("latin-1"),
            self._target.decode("latin-1"),
            tuple(self._headers),
            b"".join(self._body),
        )
        modern = self._parser.get_http_version() != "1.0"
        entry = (request, Manner(modern and self._parser.should_keep_alive(), modern))
        if self._playing is not None:
            self._waiting.append(entry)
        elif not self._transport.is_closing():
            self._serve(*entry)

    # Playing.

    def _serve(self, request: Request, manner: Manner) -> None:
        response, note = self._handled(request)
        if not response.simple:
            work = self._play(response, note, manner)
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

    async def _play(self, response: Response, note: Note, manner: Manner) -> None:
        sent = 0
        try:
            if response.delay_s:
                await asyncio.sleep(response.delay_s)
            if response.head:
                await self._write(head_bytes(response, manner), response)
            for sent, frame in enumerate(response.frames):
                await self._wait(response, sent)
                if response.end is End.CLEAN and sent + 1 == len(response.frames):
                    # Before the last write: who has read the answer must find it on record.
                    note("complete", sent + 1)
                chunked = manner.chunks and response.length is None
                await self._write(_chunk(frame) if chunked else frame, response)
            sent = len(response.frames)
            await self._finish(response, note, manner)
        except asyncio.CancelledError:
            note("left", sent)
            raise
        self._next()

    async def _wait(self, response: Response, index: int) -> None:
        if index and response.pace_s:
            await asyncio.sleep(response.pace_s)
        if response.pause_s and index == response.pause_at:
            await asyncio.sleep(response.pause_s)

    async def _write(self, data: bytes, response: Response) -> None:
        if response.drip_s is None:
            self._transport.write(data)
        else:
            for byte in data:
                self._transport.write(bytes((byte,)))
                await asyncio.sleep(response.drip_s)
        if not self._writable.is_set():
            await self._writable.wait()

    async def _finish(self, response: Response, note: Note, manner: Manner) -> None:
        sent = len(response.frames)
        if response.end is End.CLEAN:
            if not sent:
                note("complete", 0)
            if response.length is None and manner.chunks:
                self._transport.write(b"0\r\n\r\n")
            if not manner.keep_alive:
                self._transport.close()
            return
        note(response.end.value, sent)
        if response.end is End.STALL:
            await self._stall(response)
        if response.end is End.RESET:
            self._reset()
        else:
            self._transport.close()

    async def _stall(self, response: Response) -> None:
        while response.repeat:
            await self._write(_chunk(response.repeat), response)
            await asyncio.sleep(response.repeat_s)
        await asyncio.get_running_loop().create_future()

    def _reset(self) -> None:
        sock = self._transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
        self._transport.abort()

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


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


class Server:
    """A listening socket that serves one handler."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._connections: set[Connection] = set()
        self._server: asyncio.Server | None = None

    async def start(self, host: str, port: int) -> int:
        """Listen; return the port (the one asked for, or the free one found for 0)."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: Connection(self._handler, self._connections), host, port, backlog=1024
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
