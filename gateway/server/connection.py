"""One caller's connection: uvicorn's HTTP/1.1 protocol, with the bounds it lacks.

uvicorn bounds neither the size of a head nor the time a head, a body or a slow reader may
take, and answers broken requests in plain text. The times are looked at once a second by
`check`, so a request costs no timer.
"""

from __future__ import annotations

import asyncio
from enum import IntEnum
from typing import Any, cast

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)
from uvicorn.server import ServerState

from gateway.errors import envelope, new_request_id
from gateway.server.settings import Settings


class Phase(IntEnum):
    """What the caller is doing."""

    REST = 0
    """Nothing: waiting for its answer, or between two requests."""
    HEAD = 1
    BODY = 2


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
        self._enter(Phase.REST)
        self.unwritten_bytes = 0
        self.unwritten_since_s = 0.0

    def data_received(self, data: bytes) -> None:
        """Take bytes from the caller."""
        phase, since_s = self.phase, self.phase_since_s
        super().data_received(data)
        if self.phase is phase and self.phase_since_s == since_s:
            self.phase_bytes += len(data)
            if phase is Phase.HEAD and self.phase_bytes > self.settings.head_limit_bytes:
                self.refuse(431, "invalid_request_error", "The head of the request is too large.")

    def on_message_begin(self) -> None:
        """A head begins."""
        super().on_message_begin()
        self._enter(Phase.HEAD)

    def on_headers_complete(self) -> None:
        """A body begins."""
        self._enter(Phase.BODY)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The request is whole."""
        self.phase = Phase.REST
        super().on_message_complete()

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
        if self._latest is None and self.phase is Phase.REST:
            if now_s - self.phase_since_s > self.settings.keep_alive_s:
                self.transport.close()
        elif self._slow(now_s):
            self.refuse(408, "timeout_error", "The request took too long to arrive.")
        elif self._stuck(now_s):
            self.transport.abort()

    def _enter(self, phase: Phase) -> None:
        self.phase = phase
        self.phase_since_s = self.loop.time()
        self.phase_bytes = 0

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

    def _slow(self, now_s: float) -> bool:
        taken_s = now_s - self.phase_since_s
        if self.phase is Phase.HEAD:
            return taken_s > self.settings.head_s
        if self.phase is Phase.BODY:
            extra_s = self.phase_bytes / self.settings.body_rate_bytes
            return taken_s > self.settings.body_s + extra_s
        return False

    def _stuck(self, now_s: float) -> bool:
        """Say whether nothing of what waits to be written has moved for too long."""
        waiting_bytes = self.transport.get_write_buffer_size()
        if waiting_bytes == 0 or waiting_bytes != self.unwritten_bytes:
            self.unwritten_bytes = waiting_bytes
            self.unwritten_since_s = now_s
            return False
        return now_s - self.unwritten_since_s > self.settings.write_s
