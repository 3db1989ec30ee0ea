"""Handing a streamed answer on, and letting the upstream go when nobody listens any more."""

from __future__ import annotations

import asyncio
from typing import Protocol

from gateway.engine import Answer
from gateway.errors import error_event
from gateway.server.asgi import Receive, Send
from gateway.server.replies import INTERNAL, raw
from gateway.server.report import report
from providers.contract import header

STOPPING = "The gateway is shutting down."


class Source(Protocol):
    """The part of an open stream that is needed here."""

    async def read(self) -> bytes:
        """Return the next whole events; b"" at the end."""
        ...

    def close(self) -> None:
        """Let the upstream go."""
        ...


class Watch:
    """Cancels the task that serves a caller as soon as the caller is gone."""

    __slots__ = ("_serving", "_watching", "gone")

    def __init__(self, receive: Receive) -> None:
        self.gone = False
        self._serving = asyncio.current_task()
        self._watching = asyncio.get_running_loop().create_task(self._run(receive))

    def stop(self) -> None:
        """Watch no more."""
        self._watching.cancel()

    async def _run(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self.gone = True
        if self._serving is not None:
            self._serving.cancel()


async def relay(send: Send, answer: Answer, source: Source, watch: Watch) -> None:
    """Send an open stream to its end.

    However it stops, the upstream is let go, and a caller who is still there gets a
    well-formed end.
    """
    await send(
        {"type": "http.response.start", "status": answer.status, "headers": raw(answer.headers)}
    )
    end = b""
    try:
        while data := await source.read():
            await send({"type": "http.response.body", "body": data, "more_body": True})
    except asyncio.CancelledError:
        source.close()
        if watch.gone:
            raise
        end = _error(answer, STOPPING)
    except Exception as error:  # noqa: BLE001 - the caller must hear of any end
        source.close()
        report(error)
        end = _error(answer, INTERNAL)
    await send({"type": "http.response.body", "body": end})


def _error(answer: Answer, message: str) -> bytes:
    return error_event("api_error", message, header(answer.headers, "request-id") or "")
