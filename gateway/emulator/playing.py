"""Plays one response on a connection, however it breaks."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Final

from gateway.emulator.http import Drip, End, Manner, Note, Response, head_bytes

_LINGER_ZERO: Final = struct.pack("ii", 1, 0)


class Player:
    """Writes one response to a connection.

    Args:
        transport: The connection.
        writable: Not set while the client reads too slowly.
        response: What is played.
        manner: How the client can be answered.
    """

    def __init__(
        self,
        transport: asyncio.Transport,
        writable: asyncio.Event,
        response: Response,
        manner: Manner,
    ) -> None:
        self._transport = transport
        self._writable = writable
        self._response = response
        self._manner = manner
        self._chunked = manner.chunks and response.length is None
        self._now_s = asyncio.get_running_loop().time
        self._began_s = self._now_s()

    async def play(self, note: Note) -> None:
        """Send everything, and tell `note` how it ended; a client that goes cancels this."""
        response, sent = self._response, 0
        try:
            if response.delay_s:
                await asyncio.sleep(response.delay_s)
            if response.head:
                await self._write(response.before + head_bytes(response, self._manner), head=True)
            for sent, frame in enumerate(response.frames):
                await self._wait(sent)
                await self._write(self._framed(frame) + self._behind(sent + 1, note))
            sent = len(response.frames)
            await self._finish(note)
        except asyncio.CancelledError:
            note("left", sent)
            raise

    def _behind(self, sent: int, note: Note) -> bytes:
        """Return what goes out in one write with the last frame: readers must get both at once."""
        response = self._response
        if response.end is not End.CLEAN or sent < len(response.frames):
            return b""
        # Before the last write: who has read the answer must find it on record.
        note("complete", sent)
        return (b"0\r\n\r\n" if self._chunked else b"") + response.after

    async def _wait(self, index: int) -> None:
        response = self._response
        if index and response.pace_s:
            await asyncio.sleep(response.pace_s)
        if not response.pause_s or index != response.pause_at:
            return
        until_s = self._now_s() + response.pause_s
        while response.repeat and self._now_s() < until_s:
            await self._write(self._framed(response.repeat))
            await asyncio.sleep(response.repeat_s)
        await asyncio.sleep(max(0.0, until_s - self._now_s()))

    async def _finish(self, note: Note) -> None:
        response, sent = self._response, len(self._response.frames)
        if response.end is End.CLEAN:
            if not sent:
                await self._write(self._behind(0, note))
            if not self._manner.keep_alive:
                self._transport.close()
            return
        note(response.end.value, sent)
        if response.after:
            await self._write(response.after)
        if response.end is End.STALL:
            await self._stall()
        if response.end is End.RESET:
            reset(self._transport)
        else:
            self._transport.close()

    async def _stall(self) -> None:
        response = self._response
        while response.repeat:
            await self._write(self._framed(response.repeat))
            await asyncio.sleep(response.repeat_s)
        await asyncio.get_running_loop().create_future()

    def _framed(self, frame: bytes) -> bytes:
        return b"%x\r\n%b\r\n" % (len(frame), frame) if self._chunked else frame

    async def _write(self, data: bytes, *, head: bool = False) -> None:
        drip = self._response.drip
        at = 0
        while drip is not None and at < len(data) and self._drips(drip, head):
            self._transport.write(data[at : at + 1])
            at += 1
            await asyncio.sleep(drip.every_s)
        if at < len(data):
            self._transport.write(data[at:])
        if self._transport.is_closing():
            # The client has gone; asyncio is about to say so, which cancels this.
            await asyncio.get_running_loop().create_future()
        if not self._writable.is_set():
            await self._writable.wait()

    def _drips(self, drip: Drip, head: bool) -> bool:
        if not (drip.head if head else drip.body):
            return False
        return drip.for_s is None or self._now_s() < self._began_s + drip.for_s


def reset(transport: asyncio.Transport) -> None:
    """Reset a connection instead of closing it."""
    sock = transport.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
    transport.abort()
