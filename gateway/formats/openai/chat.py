"""`POST /v1/chat/completions`."""

from __future__ import annotations

import msgspec

from gateway.errors import JSON, envelope
from gateway.formats.contract import Asked, Events, Reply
from gateway.formats.openai import errors
from gateway.formats.openai.answer import completion
from gateway.formats.openai.chunks import Chunks
from gateway.formats.openai.request import translated
from providers.contract import Headers, Kind, header

_DROPPED = "x-gateway-dropped"
_MOST_NAMED = 10
"""How many parts of a request `x-gateway-dropped` names: clients bound the size of headers."""
_FIRST_ERROR = 400
_BAD_GATEWAY = 502
UNTELLABLE = "The upstream's answer cannot be told in this format."


class Chat:
    """The way in for chat completions.

    Args:
        arrived_s: When the request came, in seconds since 1970.
    """

    kind = Kind.MESSAGES

    def __init__(self, arrived_s: float) -> None:
        self._arrived_s = int(arrived_s)

    def read(self, headers: Headers, body: bytes) -> Asked:
        """Read a request; raises Malformed with the path of what is wrong."""
        asked = translated(headers, body)
        replies = _Replies(self._arrived_s, asked.left_out, counts_usage=asked.counts_usage)
        return Asked(asked.headers, asked.fields, asked.raw, replies)

    def refused(self, reply: Reply) -> Reply:
        """Return an error that came before the request was read."""
        return error(reply, own=True)


class _Replies:
    """How one request is answered."""

    def __init__(self, created_s: int, left_out: tuple[str, ...], *, counts_usage: bool) -> None:
        self._created_s = created_s
        self._left_out = left_out
        self._counts_usage = counts_usage

    def whole(self, reply: Reply) -> Reply:
        """Return an answer that came whole, or an error."""
        if reply.status >= _FIRST_ERROR:
            return error(reply, own=False)
        try:
            made = completion(reply.body, self._created_s)
        except (msgspec.DecodeError, RecursionError):
            return _untellable(reply)
        headers = _named(reply.headers, (*self._left_out, *made.left_out))
        return Reply(reply.status, headers, made.body)

    def opened(self, headers: Headers) -> Headers:
        """Return the headers of a good streamed answer."""
        return _named(headers, self._left_out)

    def events(self) -> Events:
        """Return what turns the events of a stream into chunks."""
        return Chunks(self._created_s, counts_usage=self._counts_usage)


def error(reply: Reply, *, own: bool, hint: str | None = None) -> Reply:
    """Return an error in the format's envelope, and an answer that is none as it is.

    Args:
        reply: The answer.
        own: Whether the error is of the request as its caller wrote it.
        hint: Said after its message.
    """
    body = reply.body
    if reply.status >= _FIRST_ERROR:
        body = errors.told(reply.status, body, own=own, hint=hint)
    return Reply(reply.status, _named(reply.headers, ()), body)


def _untellable(reply: Reply) -> Reply:
    body = envelope("api_error", UNTELLABLE, header(reply.headers, "request-id") or "")
    kept = tuple(pair for pair in reply.headers if pair[0] != "content-type")
    headers = (*JSON, *kept, ("x-should-retry", "false"))
    return error(Reply(_BAD_GATEWAY, headers, body), own=False)


def _named(headers: Headers, left_out: tuple[str, ...]) -> Headers:
    """Return the headers with the request's id as this format's clients read it."""
    request_id = header(headers, "request-id")
    if request_id is not None:
        headers = (*headers, ("x-request-id", request_id))
    if not left_out:
        return headers
    before = header(headers, _DROPPED)
    more = len(left_out) - _MOST_NAMED
    shown = left_out if more <= 0 else (*left_out[:_MOST_NAMED], f"and {more} more")
    named = ", ".join(shown if before is None else (before, *shown))
    return (*(pair for pair in headers if pair[0] != _DROPPED), (_DROPPED, named))
