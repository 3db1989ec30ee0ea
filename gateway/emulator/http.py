"""HTTP requests and responses as values; a response says also how it breaks.

A handler is a plain function from a request to a `Response`, which says everything that goes over
the wire and how it ends: whole, cut, reset, stalled, dripped. The server only plays it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from http import HTTPStatus
from typing import Protocol

from gateway.emulator.work import Work

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it came in."""

    method: str
    target: str
    """Path and query as they stood on the request line, percent-encoded."""
    headers: Pairs = field(repr=False)
    """Header pairs in wire order, names as they were spelled."""
    body: bytes = field(repr=False)

    @property
    def path(self) -> str:
        """The target without its query, still percent-encoded."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        """The query without its question mark, still percent-encoded."""
        return self.target.partition("?")[2]

    def header(self, name: str) -> str | None:
        """Return the first value of `name` (lower case), or None."""
        for key, value in self.headers:
            if key.lower() == name:
                return value
        return None


class End(StrEnum):
    """How an answer ends once its frames are out."""

    CLEAN = "clean"
    CUT = "cut"
    """The connection is closed although more was promised."""
    RESET = "reset"
    """The connection is reset (RST)."""
    STALL = "stall"
    """Nothing more is sent, and the connection stays open until the client goes."""


@dataclass(frozen=True, slots=True)
class Drip:
    """Bytes that are sent one by one."""

    every_s: float
    """Seconds between two."""
    for_s: float | None = None
    """From then on whole writes go out; None: never."""
    head: bool = True
    body: bool = True


@dataclass(frozen=True, slots=True)
class Response:
    """Everything that goes over the wire for one request."""

    status: int
    headers: Pairs = ()
    """Without framing; a `content-length` given here is sent as it is, right or wrong."""
    frames: tuple[bytes, ...] = ()
    """The body; each frame is one write."""
    length: int | None = None
    """The content-length to announce; None sends the frames chunked."""
    pace_s: float = 0.0
    """Seconds before each frame but the first."""
    delay_s: float = 0.0
    """Seconds before the head."""
    pause_s: float = 0.0
    """Seconds before the frame numbered `pause_at`."""
    pause_at: int = 0
    drip: Drip | None = None
    head: bool = True
    """False: not even the status line is sent."""
    repeat: bytes = b""
    """Sent again and again, `repeat_s` apart, during a pause or, with `End.STALL`, for ever."""
    repeat_s: float = 0.1
    end: End = End.CLEAN
    version: str = "1.1"
    """`1.0` sends no chunks and closes the connection behind the body."""
    before: bytes = b""
    """Raw bytes before the head."""
    after: bytes = b""
    """Raw bytes behind the last frame, and behind the last chunk where the end is clean."""
    work: Work | None = None
    """What a model does for it, if one does; nothing of this is sent."""

    @property
    def simple(self) -> bool:
        """Whether one write says it all."""
        return (
            self.length is not None
            and len(self.frames) <= 1
            and self.end is End.CLEAN
            and self.drip is None
            and not (self.delay_s or self.pause_s or self.before or self.after)
        )


def plain(status: int, headers: Pairs, body: bytes) -> Response:
    """Return an ordinary answer with a whole body."""
    return Response(status, headers, (body,) if body else (), length=len(body))


Note = Callable[[str, int], None]
"""Told how an exchange ended (`complete`, `cut`, `reset`, `stall`, `left`) and frames sent."""
Handler = Callable[[Request], tuple[Response, Note]]


class Gate(Protocol):
    """What may end a connection before a request is whole."""

    def accepted(self) -> End | None:
        """Say how a new connection ends at once; None: not."""

    def begun(self, request: Request) -> End | None:
        """Say how a connection ends once the head of this request is in; None: not."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How the client can be answered, by its version of HTTP and what it asked for."""

    keep_alive: bool
    chunks: bool
    """False for HTTP/1.0: a body of unknown length ends with the connection."""


def manner_of(response: Response, manner: Manner) -> Manner:
    """Return how a response goes out to a client that can be answered in this manner."""
    return Manner(keep_alive=False, chunks=False) if response.version == "1.0" else manner


def head_bytes(response: Response, manner: Manner) -> bytes:
    """Return the status line and headers of a response."""
    try:
        phrase = HTTPStatus(response.status).phrase
    except ValueError:
        phrase = "Overloaded"  # 529, which no standard names
    lines = [f"HTTP/{response.version} {response.status} {phrase}"]
    lines += [f"{name}: {value}" for name, value in response.headers]
    framed = any(name.lower() == "content-length" for name, _ in response.headers)
    if not framed and response.length is not None:
        lines.append(f"content-length: {response.length}")
    elif not framed and manner.chunks:
        lines.append("transfer-encoding: chunked")
    if not manner.keep_alive:
        lines.append("connection: close")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
