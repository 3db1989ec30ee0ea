"""Answers as Vertex AI gives them: Anthropic's own words, and Google's where Google refuses."""

from __future__ import annotations

import msgspec

from gateway.errors import JSON
from gateway.formats.contract import Events, Reply
from gateway.formats.envelopes import said
from gateway.formats.unchanged import UNCHANGED
from gateway.formats.vertex.table import table
from providers.contract import Headers

KEY_HINT = " Clients of Vertex AI send the key as the access token."
_ERRORS = 400
"""The first status of an error."""


class Answers:
    """How callers of Vertex AI's format are answered.

    Args:
        listed: Whether an error of Google's is a list of one, as it is before a stream.
    """

    __slots__ = ("_listed",)

    def __init__(self, *, listed: bool) -> None:
        self._listed = listed

    def whole(self, reply: Reply) -> Reply:
        """Return an answer that came whole, good or an error."""
        return reply if reply.status < _ERRORS else refused(reply, listed=self._listed)

    def opened(self, headers: Headers) -> Headers:
        """Return the headers of a good streamed answer."""
        return headers

    def events(self) -> Events:
        """Return what lets the events of the Messages API pass."""
        return UNCHANGED


def refused(reply: Reply, *, listed: bool, hint: str = "") -> Reply:
    """Return an error as Vertex AI words it: Google's object, or Anthropic's envelope as it is."""
    error = said(reply.body)
    code = table().errors.rows.get(error.type)
    if code is None:
        return reply
    told = {"error": {"code": reply.status, "message": error.message + hint, "status": code}}
    kept = tuple([pair for pair in reply.headers if pair[0] != "content-type"])
    return Reply(reply.status, (*JSON, *kept), msgspec.json.encode([told] if listed else told))


def unread(reply: Reply, *, listed: bool) -> Reply:
    """Return an error that came before the request was read; who lacks a key is told how."""
    lacks_key = said(reply.body).type == "authentication_error"
    return refused(reply, listed=listed, hint=KEY_HINT if lacks_key else "")
