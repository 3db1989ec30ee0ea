"""Changes to the events of a stream and to the frames that carry them."""

from __future__ import annotations

import struct
import zlib
from typing import Final

from msgspec.json import decode

from gateway.emulator.drafts import Draft, Step, Steps
from gateway.emulator.faults import Mangle
from gateway.emulator.http import Response

_LARGE_BYTES: Final = 5 * 1024 * 1024
_NO_UTF8: Final = b"\xff\xfe"
_DELTA_END: Final = b'"}}'
_TEXT: Final = b'"text":"'
_ABSURD_BYTES: Final = 2**31 - 1
_PRELUDE: Final = slice(8, 12)


def _without(draft: Draft, kind: str) -> Response:
    unwrap = draft.words.framing.unwrap
    frames = (frame for frame in draft.answer.frames if decode(unwrap(frame))["type"] != kind)
    return draft.with_body(*frames)


def _second_start(draft: Draft) -> Response:
    frames = draft.answer.frames
    return draft.with_body(*frames[: draft.at], frames[0], *frames[draft.at :])


def _invalid_utf8(draft: Draft) -> Response:
    if not draft.streamed:
        return draft.with_event(0, lambda body: body.replace(_TEXT, _TEXT + _NO_UTF8, 1))
    unwrap = draft.words.framing.unwrap
    texts = (i for i, frame in enumerate(draft.answer.frames) if _ends_in_text(unwrap(frame)))
    return draft.with_event(
        next(texts), lambda event: event[: -len(_DELTA_END)] + _NO_UTF8 + _DELTA_END
    )


def _ends_in_text(event: bytes) -> bool:
    return b"content_block_delta" in event and event.endswith(_DELTA_END)


def _large_event(draft: Draft) -> Response:
    spaces = b" " * draft.size(_LARGE_BYTES)
    return draft.with_event(draft.at, lambda event: event[:1] + spaces + event[1:])


def _split(draft: Draft) -> Response:
    body = b"".join(draft.answer.frames)
    return draft.with_body(*(body[i : i + 1] for i in range(len(body))))


def _crlf(draft: Draft) -> Response:
    return draft.with_body(*(frame.replace(b"\n", b"\r\n") for frame in draft.answer.frames))


def _flipped(draft: Draft, place: int) -> Response:
    frame = bytearray(draft.answer.frames[draft.at])
    frame[place] ^= 0xFF
    return draft.with_frame(draft.at, bytes(frame))


def _absurd_length(draft: Draft) -> Response:
    frame = draft.answer.frames[draft.at]
    lengths = struct.pack(">I", _ABSURD_BYTES) + frame[4 : _PRELUDE.start]
    checksum = struct.pack(">I", zlib.crc32(lengths))
    return draft.with_frame(draft.at, lengths + checksum + frame[_PRELUDE.stop :])


def _in_streams(step: Step) -> Step:
    """Return a change that leaves alone what is no stream, such as a refusal."""
    return lambda draft: step(draft) if draft.streamed else draft.answer


_EVENT_STEPS: Final[Steps] = {
    Mangle.NO_MESSAGE_START: lambda draft: _without(draft, "message_start"),
    Mangle.NO_MESSAGE_DELTA: lambda draft: _without(draft, "message_delta"),
    Mangle.NO_MESSAGE_STOP: lambda draft: _without(draft, "message_stop"),
    Mangle.SECOND_MESSAGE_START: _second_start,
    Mangle.TRUNCATED_EVENT: lambda draft: draft.with_event(
        draft.at, lambda event: event[: len(event) // 2]
    ),
    Mangle.CRLF: _crlf,
    Mangle.BAD_CRC: lambda draft: _flipped(draft, -1),
    Mangle.BAD_PRELUDE_CRC: lambda draft: _flipped(draft, _PRELUDE.start),
    Mangle.ABSURD_FRAME_LENGTH: _absurd_length,
}
FRAME_STEPS: Final[Steps] = {
    Mangle.INVALID_UTF8: _invalid_utf8,
    Mangle.LARGE_EVENT: _large_event,
    Mangle.SPLIT: _split,
    **{name: _in_streams(step) for name, step in _EVENT_STEPS.items()},
}
