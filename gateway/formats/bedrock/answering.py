"""Answers as Bedrock gives them: JSON, frames, and errors with AWS's names."""

from __future__ import annotations

import msgspec
from msgspec import Raw

from gateway.errors import JSON
from gateway.formats.bedrock import frames
from gateway.formats.bedrock.table import Problem, table
from gateway.formats.contract import Events, Reply
from gateway.formats.envelopes import said
from providers.codecs.sse import iter_events
from providers.contract import Headers, header

PING = frames.chunk(b'{"type":"ping"}')
"""Bedrock has no such event. As a chunk it is one that every client of Anthropic's events passes
over; a type of frame that is in no service model would reach callers of some AWS SDKs."""
KEY_HINT = (
    " AWS clients send it where AWS_BEARER_TOKEN_BEDROCK is set to the gateway key; a signature is "
    "not enough."
)

ERRORS = 400
"""The first status of an error."""
_DELTA = b"event: content_block_delta\ndata: "
_END = b"\n\n"
_LINES = 3
_STREAMED: Headers = (
    ("content-type", frames.CONTENT_TYPE),
    ("x-amzn-bedrock-content-type", "application/json"),
)
_OWN = frozenset({"content-type"})


class _Count(msgspec.Struct):
    input_tokens: Raw


_decode_count = msgspec.json.Decoder(_Count).decode


class Answers:
    """How callers of Bedrock's format are answered."""

    def whole(self, reply: Reply) -> Reply:
        """Return an answer that came whole, good or an error."""
        if reply.status >= ERRORS:
            return refused(reply)
        return Reply(reply.status, _identified(reply.headers), self.good(reply.body))

    def good(self, body: bytes) -> bytes:
        """Return the body of a good answer."""
        return body

    def opened(self, headers: Headers) -> Headers:
        """Return the headers of a good streamed answer."""
        return (*_STREAMED, *_identified(_without(headers)))

    def events(self) -> Events:
        """Return what turns one streamed answer into frames."""
        return Frames()


class Counts(Answers):
    """How callers who count tokens are answered."""

    def good(self, body: bytes) -> bytes:
        """Return the count under Bedrock's name for it."""
        return b'{"inputTokens":%b}' % bytes(_decode_count(body).input_tokens)


class Frames:
    """One streamed answer, an event a frame. After an exception there is no frame."""

    __slots__ = ("_over",)

    def __init__(self) -> None:
        self._over = False

    def feed(self, events: bytes) -> bytes:
        """Return whole events as frames; their JSON is not read."""
        if not self._over and _is_one_delta(events):
            return frames.chunk(events[len(_DELTA) : -len(_END)])
        return b"".join([self._frame(name, data) for name, data in iter_events(events)])

    def end(self) -> bytes:
        """Return an exception where neither the last event nor an error has passed."""
        if self._over:
            return b""
        self._over = True
        return frames.exception(Problem("", 424).in_stream, "The answer ended before it was whole.")

    def _frame(self, name: str, data: bytes) -> bytes:
        if self._over or not name:
            # Who reads server-sent events passes over those without a name.
            return b""
        if name == "ping":
            return PING
        if name == "error":
            self._over = True
            error = said(data)
            return frames.exception(problem(error.type).in_stream, error.message)
        if name == "message_stop":
            self._over = True
        return frames.chunk(data)


def _is_one_delta(events: bytes) -> bool:
    """Say whether this is one delta of the usual shape, which nearly every event is."""
    return (
        events.startswith(_DELTA)
        and events.endswith(_END)
        and events.count(b"\n") == _LINES
        and b"\r" not in events
    )


def refused(reply: Reply, hint: str = "") -> Reply:
    """Return an error in Bedrock's words; the wording of its message is kept."""
    error = said(reply.body)
    found = table().errors.by_status.get(reply.status) or problem(error.type)
    body = msgspec.json.encode({"message": error.message + hint})
    named = (*JSON, ("x-amzn-errortype", found.name))
    return Reply(found.status, (*named, *_identified(_without(reply.headers))), body)


def unread(reply: Reply) -> Reply:
    """Return an error that came before the request was read; who lacks a key is told how."""
    lacks_key = said(reply.body).type == "authentication_error"
    return refused(reply, KEY_HINT if lacks_key else "")


def problem(kind: str) -> Problem:
    """Return what an error of the Messages API is on Bedrock."""
    rows = table().errors.rows
    return rows.get(kind) or rows["api_error"]


def _without(headers: Headers) -> Headers:
    return tuple([pair for pair in headers if pair[0] not in _OWN])


def _identified(headers: Headers) -> Headers:
    return (*headers, ("x-amzn-requestid", header(headers, "request-id") or ""))
