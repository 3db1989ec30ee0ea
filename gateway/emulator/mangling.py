"""The changes a fault makes to an answer: those of HTTP, and the list of all."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import Final

from gateway.emulator.drafts import Draft, Steps
from gateway.emulator.faults import Fault, Mangle
from gateway.emulator.framing import Words
from gateway.emulator.http import End, Response
from gateway.emulator.mangling_bodies import BODY_STEPS
from gateway.emulator.mangling_frames import FRAME_STEPS

_INTERIM_100: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_INTERIM_103: Final = b"HTTP/1.1 103 Early Hints\r\nlink: </style.css>; rel=preload\r\n\r\n"
_SURPLUS: Final = b'{"surplus":"these bytes belong to nobody"}'
_SECOND_ANSWER: Final = (
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b"
    % (len(_SURPLUS), _SURPLUS)
)
_OFF_BY: Final = 20
_HEAD_BYTES: Final = 1024 * 1024
_HEADERS_BYTES: Final = 48 * 1024


def mangled(one: Fault, good: Response, words: Words) -> Response:
    """Return a response after every change that a fault names, in their order."""
    for name in one.mangle:
        good = STEPS[name](Draft(one, good, words))
    return good


def _length_off(draft: Draft, by: int) -> Response:
    return replace(draft.answer, length=max(0, sum(map(len, draft.answer.frames)) + by))


def _abandoned(draft: Draft, size_line: bytes | None = None, *, kept: float = 1.0) -> Response:
    """Return an answer whose chunk `at` is announced by `size_line` and partly there."""
    frames = draft.answer.frames[: draft.at]
    frame = draft.answer.frames[draft.at]
    line = b"%x" % len(frame) if size_line is None else size_line
    raw = line + b"\r\n" + frame[: int(len(frame) * kept)]
    return replace(draft.answer, frames=frames, length=None, after=raw, end=End.CUT)


def _with_headers(draft: Draft, *more: tuple[str, str]) -> Response:
    return replace(draft.answer, headers=(*draft.answer.headers, *more))


def _many_headers(draft: Draft) -> Response:
    count = draft.size(_HEADERS_BYTES) // len("x-00000: 1\r\n")
    return _with_headers(draft, *((f"x-{number:05}", "1") for number in range(count)))


_HTTP_STEPS: Final[Steps] = {
    Mangle.LENGTH_TOO_LONG: lambda draft: replace(_length_off(draft, _OFF_BY), end=End.CUT),
    Mangle.LENGTH_TOO_SHORT: lambda draft: _length_off(draft, -_OFF_BY),
    Mangle.SURPLUS_BYTES: lambda draft: replace(draft.answer, after=_SECOND_ANSWER),
    Mangle.CHUNKED_ABORT: lambda draft: _abandoned(draft, kept=0.5),
    Mangle.BAD_CHUNK_SIZE: lambda draft: _abandoned(draft, b"many"),
    Mangle.HUGE_HEAD: lambda draft: _with_headers(draft, ("x-huge", "a" * draft.size(_HEAD_BYTES))),
    Mangle.MANY_HEADERS: _many_headers,
    Mangle.INTERIM_100: lambda draft: replace(draft.answer, before=_INTERIM_100),
    Mangle.INTERIM_103: lambda draft: replace(draft.answer, before=_INTERIM_103),
    Mangle.HTTP_1_0: lambda draft: replace(draft.answer, version="1.0"),
    Mangle.STATUS_200: lambda draft: replace(draft.answer, status=200),
}
STEPS: Final[Steps] = MappingProxyType({**_HTTP_STEPS, **BODY_STEPS, **FRAME_STEPS})
"""What each change is."""
