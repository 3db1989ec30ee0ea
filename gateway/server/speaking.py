"""Understanding one caller, and answering it, in the format it speaks."""

from __future__ import annotations

import time
from dataclasses import replace

from gateway.answers import Answer
from gateway.call import Call, Caller, made_call, read_call
from gateway.formats import ways
from gateway.formats.contract import Replies, Reply, Way
from gateway.server.asgi import RawHeaders, Scope, Send
from gateway.server.leaving import Watch
from gateway.server.relay import Source, relay
from gateway.server.replies import reply
from providers.contract import Headers, Kind

CALLS = {"/v1/messages": Kind.MESSAGES, "/v1/messages/count_tokens": Kind.COUNT_TOKENS}
"""Path of the Messages API -> what a POST to it asks for."""


class Speaker:
    """The two sides of a talk with one caller.

    Args:
        kind: What its request asks for; None: it is no call.
        headers: Of its request.
        send: Takes ASGI messages.
        way: How the caller came in; None: it speaks the Messages API, which needs no words of ours.
    """

    __slots__ = ("_headers", "_replies", "_send", "_way", "kind")

    def __init__(
        self, kind: Kind | None, headers: RawHeaders, send: Send, way: Way | None = None
    ) -> None:
        self.kind = kind
        self._headers = headers
        self._send = send
        self._way = way
        self._replies: Replies | None = None

    def read(self, body: bytes, caller: Caller, request_id: str) -> Call:
        """Read the caller's request; raises the Refused that says what is wrong with it."""
        told = _text(self._headers)
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

    async def reply(self, answer: Answer) -> None:
        """Send an answer that is whole."""
        await reply(self._send, answer if self._way is None else self._told(answer, self._way))

    async def relay(self, answer: Answer, source: Source, caller: Watch) -> None:
        """Send an open stream to its end."""
        if self._replies is None:
            await relay(self._send, answer, source, caller)
            return
        opened = replace(answer, headers=self._replies.opened(answer.headers))
        await relay(self._send, opened, source, caller, self._replies.events())

    def _told(self, answer: Answer, way: Way) -> Answer:
        turn = way.refused if self._replies is None else self._replies.whole
        told = turn(Reply(answer.status, answer.headers, answer.body))
        return replace(answer, status=told.status, headers=told.headers, body=told.body)


def speaker(scope: Scope, send: Send) -> Speaker:
    """Return who speaks with the caller of a request; what it asks for follows from its path."""
    path: str = scope["path"]
    kind = CALLS.get(path)
    if kind is not None:
        return Speaker(kind, scope["headers"], send)
    written: bytes | None = scope.get("raw_path")
    told = path if written is None else written.decode("latin-1")
    way = ways.find(told, _text(scope["headers"]), time.time())
    return Speaker(None if way is None else way.kind, scope["headers"], send, way)


def _text(headers: RawHeaders) -> Headers:
    return tuple([(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers])
