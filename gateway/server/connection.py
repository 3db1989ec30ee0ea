"""One caller's connection: uvicorn's HTTP/1.1 protocol, with the bounds it lacks.

uvicorn bounds neither the size of a head nor the time a head, a body or a slow reader may
take, and answers broken requests in plain text. `check` looks at all that once a second, so a
request costs no timer. The connection also tells who serves a caller that the caller left.
"""

from __future__ import annotations

import asyncio
from enum import Enum, auto
from typing import Any, cast

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)
from uvicorn.server import ServerState

from gateway.errors import envelope, new_request_id
from gateway.server.leaving import EXTENSION
from gateway.server.settings import Settings
from gateway.server.unanswered import Unanswered, hung_up


class Phase(Enum):
    """What the caller is doing."""

    NEW = auto()
    """It has sent nothing yet."""
    HEAD = auto()
    BODY = auto()
    REST = auto()
    """Its request is whole, or it is between two requests."""


class Connection(HttpToolsProtocol):
    """One connection. `config.app` must have the server's `settings`."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.settings = cast("Settings", cast("Any", config.app).settings)
        self.gone = False
        """The caller left."""
        self.serving: asyncio.Task[Any] | None = None
        """What is cancelled when the caller leaves."""
        self.head_bytes = 0
        self.received_bytes = 0
        self._extensions = {EXTENSION: self}
        self._unanswered = Unanswered()
        self._seen: tuple[object, Phase] = (None, Phase.NEW)
        self._seen_bytes = 0
        self._seen_s = self.loop.time()
        self._waiting_bytes = 0
        self._waiting_s = 0.0

    def connection_lost(self, exc: Exception | None) -> None:
        """Take leave of the caller."""
        self.gone = True
        self._unanswered.left()
        super().connection_lost(exc)
        if self.serving is not None:
            self.serving.cancel()

    def data_received(self, data: bytes) -> None:
        """Take bytes from the caller."""
        before = self.scope
        super().data_received(data)
        self.received_bytes += len(data)
        cycle = self._latest
        if self.scope is not before or (cycle is not None and cycle.scope is before):
            self.head_bytes = 0
            return
        self.head_bytes += len(data)
        if self.head_bytes > self.settings.head_limit_bytes:
            self.refuse(431, "invalid_request_error", "The head of the request is too large.")

    def on_message_begin(self) -> None:
        """A head begins."""
        super().on_message_begin()
        cast("dict[str, Any]", self.scope)["extensions"] = self._extensions

    def on_headers_complete(self) -> None:
        """A head is whole."""
        super().on_headers_complete()
        self._unanswered.add(self.cycle)

    def send_400_response(self, msg: str) -> None:
        """Answer what is not HTTP."""
        del msg
        self.refuse(400, "invalid_request_error", "The request is not valid HTTP/1.1.")

    def refuse(self, status: int, kind: str, message: str) -> None:
        """Answer with an error and close; where an answer is due or sent already, only close."""
        if self._answered():
            self.transport.abort()
            return
        request_id = new_request_id()
        body = envelope(kind, message, request_id)
        head = (
            b"content-type: application/json\r\nrequest-id: %b\r\nx-should-retry: false\r\n"
            b"content-length: %d\r\nconnection: close\r\n\r\n"
        )
        filled = head % (request_id.encode(), len(body))
        self.transport.write(b"".join((STATUS_LINE[status], filled, body)))
        self.transport.close()

    def check(self, now_s: float) -> None:
        """Close the connection of a caller who is too slow."""
        if self.transport.is_closing():
            return
        if self.flow.read_paused and hung_up(self.transport):
            self.transport.abort()
            return
        phase = self.phase
        if self._seen != (seen := (self.scope, phase)):
            self._seen, self._seen_s, self._seen_bytes = seen, now_s, self.received_bytes
        if phase is Phase.NEW:
            if now_s - self._seen_s > self.settings.keep_alive_s:
                self.transport.close()
        elif self._slow(phase, now_s - self._seen_s):
            self.refuse(408, "timeout_error", "The request took too long to arrive.")
        elif self._stuck(now_s):
            self.transport.abort()

    @property
    def phase(self) -> Phase:
        """What the caller is doing now, as uvicorn's own state tells."""
        cycle = self._latest
        if cast("object", self.scope) is None:
            return Phase.NEW
        if cycle is None or cycle.scope is not self.scope:
            return Phase.HEAD
        return Phase.BODY if cycle.more_body else Phase.REST

    @property
    def _latest(self) -> RequestResponseCycle | None:
        """The newest request; None before the first, whatever uvicorn's annotation says."""
        return cast("RequestResponseCycle | None", self.cycle)

    def _answered(self) -> bool:
        """Say whether an error written now would be taken for part of another answer."""
        cycle = self._latest
        if cycle is None:
            return False
        if self.phase is Phase.BODY:
            return cycle.response_started
        return not cycle.response_complete

    def _slow(self, phase: Phase, taken_s: float) -> bool:
        if phase is Phase.HEAD:
            return taken_s > self.settings.head_s
        if phase is Phase.BODY:
            came_bytes = self.received_bytes - self._seen_bytes
            return taken_s > self.settings.body_s + came_bytes / self.settings.body_rate_bytes
        return False

    def _stuck(self, now_s: float) -> bool:
        """Say whether nothing of what waits to be written has moved for too long."""
        waiting_bytes = self.transport.get_write_buffer_size()
        if waiting_bytes == 0 or waiting_bytes != self._waiting_bytes:
            self._waiting_bytes, self._waiting_s = waiting_bytes, now_s
            return False
        return now_s - self._waiting_s > self.settings.write_s
