"""Reading a request's body, whole and within its limit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from gateway.errors import NotReady
from gateway.server.asgi import Receive
from gateway.server.inflate import Inflate, inflater, too_large
from gateway.server.relay import STOPPING

Hold = Callable[[int], None]
"""Told of every piece of a body that is kept; what it raises ends the reading."""


def announced_bytes(headers: Mapping[bytes, bytes]) -> int:
    """Return how large a request says its body is; 0 where it does not say."""
    length = headers.get(b"content-length", b"0")
    return int(length) if length.isdigit() else 0


async def read_body(
    receive: Receive, headers: Mapping[bytes, bytes], limit_bytes: int, hold: Hold
) -> bytes | None:
    """Return the body, inflated; None when the caller left before its end.

    Raises TooLarge as soon as the limit is passed, UnknownEncoding, Malformed for a packed
    body that is broken, NotReady when the server stops meanwhile, and what `hold` raises.
    """
    try:
        return await _read(receive, headers, limit_bytes, hold)
    except asyncio.CancelledError:
        raise NotReady(STOPPING) from None


async def _read(
    receive: Receive, headers: Mapping[bytes, bytes], limit_bytes: int, hold: Hold
) -> bytes | None:
    if announced_bytes(headers) > limit_bytes:
        raise too_large(limit_bytes)
    encoding = headers.get(b"content-encoding")
    if encoding is None:
        return await _plain(receive, limit_bytes, hold)
    unpack = inflater(encoding.decode("latin-1"), limit_bytes)
    if unpack is None:
        return await _plain(receive, limit_bytes, hold)
    return await _packed(receive, limit_bytes, unpack, hold)


async def _plain(receive: Receive, limit_bytes: int, hold: Hold) -> bytes | None:
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        data = message.get("body", b"")
        size += len(data)
        if size > limit_bytes:
            raise too_large(limit_bytes)
        hold(len(data))
        if not message.get("more_body", False):
            return b"".join((*chunks, data)) if chunks else data
        chunks.append(data)


async def _packed(receive: Receive, limit_bytes: int, unpack: Inflate, hold: Hold) -> bytes | None:
    pieces: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        data = message.get("body", b"")
        size += len(data)
        if size > limit_bytes:
            raise too_large(limit_bytes)
        for piece in unpack.feed(data):
            hold(len(piece))
            pieces.append(piece)
            await asyncio.sleep(0)
        if not message.get("more_body", False):
            unpack.end()
            return b"".join(pieces)
