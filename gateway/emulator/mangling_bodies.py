"""Changes to whole answers: compression, and messages that are none."""

from __future__ import annotations

import struct
import zlib
from dataclasses import replace
from functools import cache
from typing import Any, Final

from msgspec.json import decode, encode

from gateway.emulator.drafts import Draft, Steps
from gateway.emulator.faults import Mangle
from gateway.emulator.http import Response

_BOMB_BYTES: Final = 256 * 1024 * 1024
_PIECE_BYTES: Final = 1024 * 1024
_GZIP_HEAD: Final = b"\x1f\x8b\x08" + bytes(6) + b"\xff"
_RAW_DEFLATE: Final = -15
_USAGE: Final = b'"usage":'


def _encoded(draft: Draft, body: bytes) -> Response:
    headers = (*draft.answer.headers, ("content-encoding", "gzip"))
    return replace(draft.with_body(body), headers=headers)


def _gzip_garbage(draft: Draft) -> Response:
    return _encoded(draft, _GZIP_HEAD + b"".join(draft.answer.frames))


def _gzip_bomb(draft: Draft) -> Response:
    """Put filler before the answer; the client has to inflate it all to see the end."""
    filler_of = draft.words.framing.filler
    piece = filler_of(_PIECE_BYTES) if draft.streamed else b" " * _PIECE_BYTES
    count = -(-draft.size(_BOMB_BYTES) // len(piece))
    filler, checksum = _deflated(piece, count)
    body = b"".join(draft.answer.frames)
    trailer = struct.pack(
        "<II", zlib.crc32(body, checksum), (len(piece) * count + len(body)) % 2**32
    )
    return _encoded(draft, _GZIP_HEAD + filler + _last_block(body) + trailer)


@cache
def _deflated(piece: bytes, count: int) -> tuple[bytes, int]:
    """Return `count` pieces, deflated so that more may follow, and their checksum."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, _RAW_DEFLATE)
    # A full flush ends on a whole byte and forgets the past: the same bytes may come again.
    block = deflate.compress(piece) + deflate.flush(zlib.Z_FULL_FLUSH)
    checksum = 0
    for _ in range(count):
        checksum = zlib.crc32(piece, checksum)
    return block * count, checksum


def _last_block(body: bytes) -> bytes:
    deflate = zlib.compressobj(9, zlib.DEFLATED, _RAW_DEFLATE)
    return deflate.compress(body) + deflate.flush()


def _patched(draft: Draft, **values: Any) -> Response:
    """Return a whole message with other values; a value of `...` takes its key away."""

    def change(body: bytes) -> bytes:
        message = {**decode(body), **values}
        return encode({key: value for key, value in message.items() if value is not ...})

    return draft.with_event(0, change)


def _counted(draft: Draft, count: int) -> Response:
    """Put one number in the place of every count, wherever an answer tells its usage."""

    def change(event: bytes) -> bytes:
        told = decode(event)
        of = told.get("message", told)
        of["usage"] = _each(of["usage"], count)
        return encode(told)

    frames = draft.answer.frames
    if not draft.streamed:
        return draft.with_body(*(change(each) if _USAGE in each else each for each in frames))
    framing = draft.words.framing
    return draft.with_body(
        *(
            framing.changed(each, change) if _USAGE in framing.unwrap(each) else each
            for each in frames
        )
    )


def _each(told: Any, count: int) -> Any:
    if isinstance(told, dict):
        return {name: _each(value, count) for name, value in told.items()}
    return count if isinstance(told, int) else told


BODY_STEPS: Final[Steps] = {
    Mangle.GZIP_GARBAGE: _gzip_garbage,
    Mangle.GZIP_BOMB: _gzip_bomb,
    Mangle.NULL_CONTENT: lambda draft: _patched(draft, content=None),
    Mangle.NO_USAGE: lambda draft: _patched(draft, usage=...),
    Mangle.NEGATIVE_COUNTS: lambda draft: _counted(draft, -1),
    Mangle.HUGE_COUNTS: lambda draft: _counted(draft, 2**62),
    Mangle.NO_STOP_REASON: lambda draft: _patched(draft, stop_reason=None),
    Mangle.NOT_A_MESSAGE: lambda draft: _patched(draft, type="completion"),
}
