"""A fault as data: what goes wrong, with which requests, and how often.

Frames are counted from 0: a fault `at=3` lets three events pass whole and strikes before the
fourth. A JSON answer is one frame.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from types import UnionType
from typing import Any, Final

from gateway.emulator.problems import Problem, error_type


class Action(StrEnum):
    """What a fault does."""

    STATUS = "status"
    """Answer with a status, headers and a body, without looking at the request."""
    ERROR_EVENT = "error_event"
    """Send an error event in the platform's framing at `at`, then end."""
    CUT = "cut"
    """Close the connection at `at`, or before the head when `before_head`."""
    RESET = "reset"
    """Reset the connection at `at`, or before the head when `before_head`."""
    STALL = "stall"
    """Go silent at `at` or before the head, for `for_s` seconds or until the client goes."""
    DRIP = "drip"
    """Send the answer, or one `part` of it, byte by byte, `every_s` apart, for `for_s` seconds."""
    PING = "ping"
    """At `at`, send nothing but pings, `every_s` apart, for `for_s` seconds or for ever."""
    END = "end"
    """End cleanly at `at`, as if all had been said."""
    MANGLE = "mangle"
    """Answer as always, but for what `mangle` and `headers` change."""


class Mangle(StrEnum):
    """A change to an answer that another action leaves in order; `mangling` makes them."""

    LENGTH_TOO_LONG = "length_too_long"
    """A content-length that promises more bytes than come before the connection closes."""
    LENGTH_TOO_SHORT = "length_too_short"
    """A content-length that promises fewer bytes than come."""
    SURPLUS_BYTES = "surplus_bytes"
    """A whole second answer behind the first, on a connection that stays open."""
    CHUNKED_ABORT = "chunked_abort"
    """The connection closes inside a chunk, at `at`."""
    BAD_CHUNK_SIZE = "bad_chunk_size"
    """A chunk whose size is no number, at `at`."""
    GZIP_GARBAGE = "gzip_garbage"
    """A body that is said to be gzip and is not."""
    GZIP_BOMB = "gzip_bomb"
    """The answer behind filler that inflates to `size_bytes` (256 MB)."""
    HUGE_HEAD = "huge_head"
    """A header of `size_bytes` (1 MB)."""
    MANY_HEADERS = "many_headers"
    """`size_bytes` (48 kB) of small headers."""
    HTTP_1_0 = "http_1_0"
    """HTTP/1.0: no chunks, and the connection closes behind the body."""
    INTERIM_100 = "interim_100"
    """A `100 Continue` that nobody asked for, before the answer."""
    INTERIM_103 = "interim_103"
    """`103 Early Hints` before the answer."""
    STATUS_200 = "status_200"
    """The same answer under status 200."""
    NULL_CONTENT = "null_content"
    """A message whose `content` is null."""
    NO_USAGE = "no_usage"
    """A message without `usage`."""
    NO_STOP_REASON = "no_stop_reason"
    """A message whose `stop_reason` is null."""
    NEGATIVE_COUNTS = "negative_counts"
    """Every count in `usage` is -1."""
    HUGE_COUNTS = "huge_counts"
    """Every count in `usage` is 2**62."""
    NOT_A_MESSAGE = "not_a_message"
    """A message whose `type` is another."""
    INVALID_UTF8 = "invalid_utf8"
    """Bytes that are no UTF-8, inside the first text."""
    NO_MESSAGE_START = "no_message_start"
    """The stream without its `message_start`."""
    NO_MESSAGE_DELTA = "no_message_delta"
    """The stream without its `message_delta`."""
    NO_MESSAGE_STOP = "no_message_stop"
    """The stream without its `message_stop`."""
    SECOND_MESSAGE_START = "second_message_start"
    """The `message_start` once more, at `at`."""
    TRUNCATED_EVENT = "truncated_event"
    """Half the JSON of the event `at`, in whole framing."""
    LARGE_EVENT = "large_event"
    """The event `at` grows to `size_bytes` (5 MB) by spaces that mean nothing."""
    SPLIT = "split"
    """Every byte of the body is a chunk, or a write, of its own."""
    CRLF = "crlf"
    """Lines end with CR LF instead of LF."""
    BAD_CRC = "bad_crc"
    """The frame `at` with a wrong checksum."""
    BAD_PRELUDE_CRC = "bad_prelude_crc"
    """The frame `at` with a wrong checksum of its lengths."""
    ABSURD_FRAME_LENGTH = "absurd_frame_length"
    """The frame `at` says that it is 2 GB long."""


class Moment(StrEnum):
    """How much of a request a `cut` or a `reset` waits for."""

    ACCEPT = "accept"
    """None of it: it strikes the connection. Where the fault asks for a path, a model, a text or
    a stream, it waits until the request has shown that."""
    REQUEST_HEAD = "request_head"
    """Its head; its body too, where the fault asks for what only a body shows."""
    ANSWER = "answer"
    """All of it."""


class Part(StrEnum):
    """What of an answer drips."""

    HEAD = "head"
    BODY = "body"


class Bills(StrEnum):
    """What an honest platform bills where a fault strikes."""

    NOTHING = "nothing"
    """Nothing was generated."""
    SENT = "sent"
    """The input, and the output as far as it had gone out; see `data/billing.toml` too."""
    ALL = "all"
    """The whole answer was generated, whatever of it arrived."""


class FaultError(ValueError):
    """A fault script that cannot be; the message says which key and what would be right."""

    def __init__(self, key: str, wrong: str) -> None:
        super().__init__(f"{key}: {wrong}")
        self.key = key


@dataclass(frozen=True, slots=True)
class Asked:
    """What a fault may look at before it strikes."""

    platform: str
    path: str = ""
    body: bytes = b""
    model: Callable[[], str | None] = lambda: None
    """The model as the platform is asked for it."""
    streams: Callable[[], bool] = lambda: False
    """Whether it asks for a stream."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong, `times` times, with the requests it matches."""

    action: Action
    name: str | None = None
    """Its name, where it has one; see `NAMED`."""
    times: int = 1
    """How many requests it strikes; -1 for every one."""
    platform: str | None = None
    platforms: tuple[str, ...] = ()
    """Which platforms it can strike; none: all."""
    path: str | None = None
    """A part of the path."""
    model: str | None = None
    """The model as the platform is asked for it."""
    contains: str | None = None
    """A text that stands in the body."""
    streamed: bool | None = None
    """Only requests that ask for a stream, or only those that do not."""
    moment: Moment = Moment.ANSWER
    """For `cut` and `reset`: anything but `answer` is before the head."""
    at: int = 0
    """The frame it strikes; a negative one counts from the end of a stream."""
    extra_bytes: int = 0
    """Bytes of frame `at` that still go out before the fault."""
    before_head: bool = False
    status: int = 529
    """For `status`, and the kind of error for `error_event`."""
    headers: tuple[tuple[str, str], ...] = ()
    """`{date+5}` stands for an HTTP date 5 s ahead, `{elsewhere}` for another host's address."""
    body: str | bytes | None = None
    """For `status`: the raw body; by default the platform's own error for that status."""
    type: str | None = None
    """The error type (or exception name) instead of the status's usual one."""
    code: str | None = None
    """The error code that Anthropic's `details` name."""
    message: str | None = None
    for_s: float | None = None
    every_s: float = 0.005
    part: Part | None = None
    """For `drip`: the part that drips; None: both."""
    mangle: tuple[Mangle, ...] = ()
    """What else is changed, in this order, after the action."""
    size_bytes: int | None = None
    """How large a `mangle` gets; None: as it says."""
    bills: Bills | None = None
    """What an honest platform bills; None: nothing for a `status` or a request that was never
    whole, else what had been sent."""

    @property
    def strikes_at(self) -> Moment:
        """How much of a request must be there to know that it is meant."""
        if self.model is not None or self.contains is not None or self.streamed is not None:
            return Moment.ANSWER
        if self.moment is Moment.ACCEPT and self.path is not None:
            return Moment.REQUEST_HEAD
        return self.moment

    def matches(self, asked: Asked) -> bool:
        """Say whether a request is one this fault strikes."""
        return (
            (self.platform is None or self.platform == asked.platform)
            and (not self.platforms or asked.platform in self.platforms)
            and (self.path is None or self.path in asked.path)
            and (self.contains is None or self.contains.encode() in asked.body)
            and (self.model is None or self.model == asked.model())
            and (self.streamed is None or self.streamed == asked.streams())
        )

    @property
    def billing(self) -> Bills:
        """What an honest platform bills where it strikes."""
        if self.bills is not None:
            return self.bills
        early = self.action is Action.STATUS or self.moment is not Moment.ANSWER
        return Bills.NOTHING if early else Bills.SENT

    def problem(self) -> Problem:
        """Return the error this fault stands for."""
        kind = self.type or error_type(self.status)
        words = self.message or f"A scripted {kind}."
        return Problem(self.status, words, kind=kind, code=self.code)


_NUMBER = int | float
_KINDS: Final[Mapping[str, type | UnionType]] = {
    **dict.fromkeys(("times", "at", "extra_bytes", "status", "size_bytes"), int),
    **dict.fromkeys(("before_head", "streamed"), bool),
    **dict.fromkeys(("for_s", "every_s"), _NUMBER),
    "body": str | bytes,
    **dict.fromkeys(
        ("name", "platform", "path", "model", "contains", "type", "code", "message"), str
    ),
}
KEYS: Final = frozenset(f.name for f in fields(Fault))
"""The keys of a fault in a script."""


def fault(data: Mapping[str, Any]) -> Fault:
    """Return a fault from a mapping (TOML, JSON); raises FaultError naming the wrong key."""
    for key in data:
        if key not in KEYS:
            raise FaultError(key, f"no such key in a fault; known are {', '.join(sorted(KEYS))}")
    for key, kind in _KINDS.items():
        value = data.get(key)
        odd_bool = isinstance(value, bool) and kind is not bool
        if value is not None and (odd_bool or not isinstance(value, kind)):
            raise FaultError(key, f"should be of type {getattr(kind, '__name__', kind)}")
    made = Fault(
        **{
            **data,
            "action": _one("action", Action, data.get("action", "")),
            "moment": _one("moment", Moment, data.get("moment", Moment.ANSWER)),
            "part": None if data.get("part") is None else _one("part", Part, data["part"]),
            "bills": None if data.get("bills") is None else _one("bills", Bills, data["bills"]),
            "mangle": tuple(_one("mangle", Mangle, step) for step in _list(data, "mangle")),
            "platforms": tuple(map(str, _list(data, "platforms"))),
            "headers": _pairs(data.get("headers", ())),
        }
    )
    if made.moment is not Moment.ANSWER and made.action not in {Action.CUT, Action.RESET}:
        raise FaultError("moment", "only a cut or a reset strikes before a request is whole")
    return made


def _one(key: str, kind: type[StrEnum], value: Any) -> StrEnum:
    try:
        return kind(value)
    except ValueError:
        raise FaultError(key, f"should be one of {', '.join(kind)}") from None


def _list(data: Mapping[str, Any], key: str) -> list[Any]:
    value = data.get(key, ())
    if not isinstance(value, list | tuple):
        raise FaultError(key, "should be a list")
    return list(value)


def _pairs(headers: Any) -> tuple[tuple[str, str], ...]:
    rows = headers.items() if isinstance(headers, Mapping) else headers
    try:
        return tuple((str(name), str(value)) for name, value in rows)
    except (TypeError, ValueError):
        raise FaultError("headers", "should be a table, or a list of [name, value]") from None


def as_dict(one: Fault) -> dict[str, Any]:
    """Return a fault as `fault` takes it."""
    return asdict(one)
