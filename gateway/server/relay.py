"""Handing a streamed answer on, and letting the upstream go when nobody listens any more."""

from __future__ import annotations

import asyncio
from typing import Protocol

from gateway.answers import Answer
from gateway.errors import error_event
from gateway.formats.contract import Events
from gateway.formats.unchanged import UNCHANGED
from gateway.server.asgi import Send
from gateway.server.leaving import Watch
from gateway.server.replies import INTERNAL, raw
from gateway.server.report import report
from providers.contract import header

STOPPING = "The gateway is shutting down."


class Source(Protocol):
    """The part of an open stream that is needed here."""

    @property
    def whole(self) -> bool:
        """Whether all events have been read."""
        ...

    async def read(self) -> bytes:
        """Return the next whole events; b"" at the end."""
        ...

    def close(self) -> None:
        """Let the upstream go."""
        ...


async def relay(
    send: Send, answer: Answer, source: Source, caller: Watch, events: Events = UNCHANGED
) -> None:
    """Send an open stream to its end.

    However it stops, the upstream is let go, and a caller who is still there gets a
    well-formed end. Where a caller left and is not cut off, the stream is read and not sent.
    `events` turns it into the caller's format.
    """
    start = {"type": "http.response.start", "status": answer.status}
    try:
        if not caller.gone:
            await send({**start, "headers": raw(answer.headers)})
    except BaseException:
        source.close()
        raise
    end = b""
    whole = False
    try:
        while data := await source.read():
            if caller.gone:
                continue
            if told := events.feed(data):
                await send({"type": "http.response.body", "body": told, "more_body": True})
            whole = source.whole
            if whole and not caller.gone:
                # Nothing is missing: who leaves now has not left the answer.
                caller.stop()
    except asyncio.CancelledError:
        source.close()
        if caller.gone:
            raise
        end = b"" if whole else _error(answer, STOPPING)
    except Exception as error:  # noqa: BLE001 - the caller must hear of any end
        source.close()
        report(error, header(answer.headers, "request-id"))
        end = b"" if whole else _error(answer, INTERNAL)
    if not caller.gone:
        told = events.feed(end) if end else b""
        await send({"type": "http.response.body", "body": told + events.end()})


def _error(answer: Answer, message: str) -> bytes:
    return error_event("api_error", message, header(answer.headers, "request-id") or "")
