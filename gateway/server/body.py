"""Reading a request's body, whole and within its limit."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from gateway.server.asgi import Receive
from gateway.server.inflate import Inflate, inflater, too_large


async def read_body(
    receive: Receive, headers: Mapping[bytes, bytes], limit_bytes: int
) -> bytes | None:
    """Return the body, inflated; None when the caller left before its end.

    Raises TooLarge as soon as the limit is passed, UnknownEncoding, or Malformed for a packed
    body that is broken.
    """
    if int(headers.get(b"content-length", b"0")) > limit_bytes:
        raise too_large(limit_bytes)
    encoding = headers.get(b"content-encoding")
    if encoding is None:
        return await _plain(receive, limit_bytes)
    unpack = inflater(encoding.decode("latin-1"), limit_bytes)
    if unpack is None:
        return await _plain(receive, limit_bytes)
    return await _packed(receive, limit_bytes, unpack)


async def _plain(receive: Receive, limit_bytes: int) -> bytes | None:
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
        if not message.get("more_body", False):
            return b"".join((*chunks, data)) if chunks else data
        chunks.append(data)


async def _packed(receive: Receive, limit_bytes: int, unpack: Inflate) -> bytes | None:
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
            pieces.append(piece)
            await asyncio.sleep(0)
        if not message.get("more_body", False):
            unpack.end()
            return b"".join(pieces)
