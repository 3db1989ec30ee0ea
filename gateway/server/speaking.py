"""Understanding one caller, and answering it, in the format it speaks."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from gateway.answers import Answer
from gateway.call import Call, Caller, made_call, read_call
from gateway.errors import new_request_id
from gateway.formats import ways
from gateway.formats.contract import Listing, Offer, Replies, Reply, Way
from gateway.server.asgi import RawHeaders, Scope, Send, path_of, text
from gateway.server.leaving import Watch
from gateway.server.relay import Source, relay
from gateway.server.replies import reply
from providers.contract import Kind

CALLS = {"/v1/messages": Kind.MESSAGES, "/v1/messages/count_tokens": Kind.COUNT_TOKENS}
"""Path of the Messages API -> what a POST to it asks for."""


class Speaker:
    """The two sides of a talk with one caller.

    Args:
        kind: What its request asks for; None: it is no call.
        headers: Of its request.
        send: Takes ASGI messages.
        way: How the caller came in; None: it speaks the Messages API, which needs no words of ours.
        listing: What it asks to be told in its format; None: nothing.
    """

    __slots__ = ("_headers", "_listing", "_replies", "_send", "_way", "kind")

    def __init__(
        self,
        kind: Kind | None,
        headers: RawHeaders,
        send: Send,
        way: Way | None = None,
        listing: Listing | None = None,
    ) -> None:
        self.kind = kind
        self._headers = headers
        self._send = send
        self._way = way
        self._listing = listing
        self._replies: Replies | None = None

    def read(self, body: bytes, caller: Caller, request_id: str) -> Call:
        """Read the caller's request; raises the Refused that says what is wrong with it."""
        told = text(self._headers)
        if self._way is None:
            kind = self.kind or Kind.MESSAGES
            return read_call(kind, told, body, caller=caller, request_id=request_id)
        asked = self._way.read(told, body)
        self._replies = asked.replies
        return made_call(
            self._way.kind or Kind.MESSAGES,
            asked.headers,
            asked.raw,
            asked.fields,
            caller=caller,
            request_id=request_id,
            within=asked.within,
        )

    @property
    def lists(self) -> bool:
        """Whether the caller asks what is served, in another format than the Models API."""
        return self._listing is not None

    def listed(self, query: str, offers: Sequence[Offer]) -> Answer:
        """Return what the caller asks to be told; raises Refused."""
        if self._listing is None:
            raise RuntimeError("nothing was asked")
        told = self._listing.told(text(self._headers), query, offers, new_request_id())
        return Answer(told.status, told.headers, told.body)

    async def reply(self, answer: Answer) -> None:
        """Send an answer that is whole."""
        await reply(self._send, self._told(answer))

    async def relay(self, answer: Answer, source: Source, caller: Watch) -> None:
        """Send an open stream to its end."""
        if self._replies is None:
            await relay(self._send, answer, source, caller)
            return
        opened = replace(answer, headers=self._replies.opened(answer.headers))
        await relay(self._send, opened, source, caller, self._replies.events())

    def _told(self, answer: Answer) -> Answer:
        """Return an answer in the caller's format."""
        refuses = self._way or self._listing
        if refuses is None:
            return answer
        turn = refuses.refused if self._replies is None else self._replies.whole
        told = turn(Reply(answer.status, answer.headers, answer.body))
        return replace(answer, status=told.status, headers=told.headers, body=told.body)


def speaker(scope: Scope, send: Send) -> Speaker:
    """Return who speaks with the caller of a request; what it asks for follows from its path."""
    headers: RawHeaders = scope["headers"]
    kind = CALLS.get(scope["path"])
    if kind is not None:
        return Speaker(kind, headers, send)
    path = path_of(scope)
    way = ways.find(path, text(headers), time.time())
    if way is not None:
        return Speaker(way.kind, headers, send, way)
    return Speaker(None, headers, send, listing=ways.listing(path))
