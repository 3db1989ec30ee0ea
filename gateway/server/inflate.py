"""Inflating a request body no further than a limit. Pure."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Protocol

from gateway.errors import Malformed, TooLarge
from gateway.server.refusals import UnknownEncoding

PIECE_BYTES = 1 << 20
"""How much is inflated at a time, so that others get their turn in between."""

_GZIP = 16 + zlib.MAX_WBITS
_ZLIB_METHOD = 8


class _Inflater(Protocol):
    """What `zlib.decompressobj` returns."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    @property
    def unconsumed_tail(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = 0, /) -> bytes: ...


class Inflate:
    """One packed body: feed it, then `end` it. More than `limit_bytes` is refused."""

    def __init__(self, encoding: str, limit_bytes: int) -> None:
        self._encoding = encoding
        self._limit_bytes = limit_bytes
        self._left_bytes = limit_bytes
        self._inflater: _Inflater | None = None
        if encoding == "gzip":
            self._inflater = zlib.decompressobj(_GZIP)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield what `data` inflates to, in pieces; raises TooLarge or Malformed."""
        more = bool(data)
        while more:
            inflater = self._inflater = self._inflater or _deflate(data)
            if inflater.eof:
                raise self._broken("bytes follow its end")
            room_bytes = min(PIECE_BYTES, self._left_bytes + 1)
            try:
                piece = inflater.decompress(data, room_bytes)
            except zlib.error:
                raise self._broken("it cannot be inflated") from None
            self._left_bytes -= len(piece)
            if self._left_bytes < 0:
                raise too_large(self._limit_bytes)
            data = inflater.unused_data or inflater.unconsumed_tail
            more = bool(data) or (len(piece) == room_bytes and not inflater.eof)
            yield piece

    def end(self) -> None:
        """Say that the body ended; raises Malformed when something is missing."""
        if self._inflater is None or not self._inflater.eof:
            raise self._broken("it ends too early")

    def _broken(self, what: str) -> Malformed:
        return Malformed(f"The request body is not valid {self._encoding}: {what}.")


def inflater(encoding: str | None, limit_bytes: int) -> Inflate | None:
    """Return what unpacks a `content-encoding`; None for a plain body; raises UnknownEncoding."""
    name = (encoding or "").strip().lower()
    if name in {"", "identity"}:
        return None
    if name in {"gzip", "x-gzip"}:
        return Inflate("gzip", limit_bytes)
    if name == "deflate":
        return Inflate("deflate", limit_bytes)
    raise UnknownEncoding(
        f"content-encoding: {name[:50]} is not read here; send gzip, deflate or no encoding."
    )


def too_large(limit_bytes: int) -> TooLarge:
    """Return the refusal of a body over the limit."""
    return TooLarge(f"The request body is over the limit of {limit_bytes} bytes.")


def _deflate(data: bytes) -> _Inflater:
    """Return an inflater for `deflate`, which is sent with and without zlib's wrapping."""
    wrapped = data[0] & 0x0F == _ZLIB_METHOD and (data[0] >> 4) < _ZLIB_METHOD
    return zlib.decompressobj(zlib.MAX_WBITS if wrapped else -zlib.MAX_WBITS)
