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
from gateway.server import heads
from gateway.server.closing import GentleTransport
from gateway.server.heads import Fault
from gateway.server.leaving import EXTENSION, Watch
from gateway.server.pace import Outflow, Pace
from gateway.server.settings import Settings
from gateway.server.unanswered import Unanswered, hung_up

WAITING_REQUESTS = 16
"""How many requests may wait on one connection while another is answered."""


class Phase(Enum):
    """What the caller is doing."""

    IDLE = auto()
    """Nothing: it has sent nothing yet, or its last request is whole and answered."""
    HEAD = auto()
    BODY = auto()
    ANSWER = auto()
    """It waits for an answer, or reads it."""
    LEAVING = auto()
    """It is told that the connection ends, and has not ended its side."""


EARNING = frozenset({Phase.BODY, Phase.LEAVING})
"""What may go on for as long as enough of it comes."""


class Connection(HttpToolsProtocol):
    """One connection. `config.app` must have the server's `settings`."""

    transport: GentleTransport  # pyright: ignore[reportIncompatibleVariableOverride]

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
        self.watch: Watch | None = None
        """What is told when the caller leaves."""
        self.received_bytes = 0
        self._extensions = {EXTENSION: self}
        self._unanswered = Unanswered()
        self._fault = heads.NOT_HTTP
        """What the caller is told when the parser gives up."""
        self._requests = 0
        self._barren_bytes = 0
        """What came since the last whole head or piece of a body: a head, or a body's framing."""
        self._unread_bytes = 0
        """What came of a request that is answered already, and was thrown away."""
        self._seen = (0, Phase.IDLE)
        self._seen_bytes = 0
        self._pace = Pace(self.settings.rate_bytes)
        self._pace.begin(self.settings.keep_alive_s, self.loop.time())
        self._outflow = Outflow(self.settings.write_s, self.settings.rate_bytes)

    # Callbacks of the transport.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the caller in."""
        super().connection_made(GentleTransport(cast("asyncio.Transport", transport)))

    def connection_lost(self, exc: Exception | None) -> None:
        """Take leave of the caller."""
        self.gone = True
        self._unanswered.left()
        super().connection_lost(exc)
        if self.watch is not None:
            self.watch.left()
        # The scope holds them, and so this connection: nothing should wait for the collector.
        self._extensions.clear()

    def data_received(self, data: bytes) -> None:
        """Take bytes from the caller."""
        self.received_bytes += len(data)
        if self.transport.lingering:
            self._throw_away(len(data))
            return
        self._barren_bytes += len(data)
        super().data_received(data)
        if self._barren_bytes > self.settings.head_limit_bytes:
            self.refuse(heads.TOO_LARGE)

    # Callbacks of the parser.

    def on_message_begin(self) -> None:
        """A head begins."""
        super().on_message_begin()
        cast("dict[str, Any]", self.scope)["extensions"] = self._extensions
        self._requests += 1
        self._unread_bytes = 0
        self.transport.sending = True

    def on_headers_complete(self) -> None:
        """A head is whole."""
        fault = self._fault_of_head()
        if fault is not None:
            self._fault = fault
            raise ValueError(fault.message)  # The parser takes it for an error of its own.
        super().on_headers_complete()
        self._unanswered.add(self.cycle)
        self._barren_bytes = 0
        # What follows a body would be taken into the head, which is judged already.
        self.headers = []
        if self.expect_100_continue:
            # Who is not told to go on may send the body or not: that is known when it came.
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        """A piece of a body is here."""
        self._barren_bytes = 0
        super().on_body(body)
        if self.cycle.response_complete:
            self._throw_away(len(body))

    def on_message_complete(self) -> None:
        """A request is whole."""
        super().on_message_complete()
        self.transport.sending = False
        cycle = self.cycle
        cycle.more_body = False
        if self.expect_100_continue and not cycle.response_started:
            cycle.keep_alive = self._is_kept_alive()

    def on_response_complete(self) -> None:
        """An answer is out."""
        if self.cycle.response_complete:
            # What of its request nobody has read would be kept until the next one.
            self.cycle.body.clear()
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer what the parser does not take."""
        del msg
        self.transport.sending = True
        self.refuse(self._fault)

    # What is decided.

    def refuse(self, fault: Fault) -> None:
        """Answer with an error and close; where an answer is due or sent already, only close."""
        if self.transport.is_closing():
            return
        if self._answered():
            self.transport.abort()
            return
        request_id = new_request_id()
        body = envelope(fault.type, fault.message, request_id)
        head = (
            b"content-type: application/json\r\nrequest-id: %b\r\nx-should-retry: false\r\n"
            b"content-length: %d\r\nconnection: close\r\n\r\n"
        )
        filled = head % (request_id.encode(), len(body))
        self.transport.write(b"".join((STATUS_LINE[fault.status], filled, body)))
        if self.phase is Phase.BODY:
            # Whoever reads the body waits for no more of it.
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.close()

    def check(self, now_s: float) -> None:
        """Close the connection of a caller who is too slow."""
        if self.flow.read_paused and hung_up(self.transport):
            self.transport.abort()
            return
        phase = self.phase
        if self._seen != (seen := (self._requests, phase)):
            self._seen = seen
            self._pace.begin(self._patience_s(phase), now_s)
        came_bytes, self._seen_bytes = self.received_bytes - self._seen_bytes, self.received_bytes
        slow = self._pace.is_slow(came_bytes if phase in EARNING else 0, now_s)
        waiting_bytes = self.transport.get_write_buffer_size()
        if self._outflow.is_slow(waiting_bytes, now_s) or (slow and phase is Phase.LEAVING):
            self.transport.abort()
        elif slow and phase is Phase.IDLE:
            self.transport.close()
        elif slow:
            self.refuse(heads.SLOW)

    @property
    def phase(self) -> Phase:
        """What the caller is doing now, as uvicorn's own state tells."""
        cycle = self._latest
        if self.transport.lingering:
            return Phase.LEAVING
        if cast("object", self.scope) is None:
            return Phase.IDLE
        if cycle is None:
            return Phase.HEAD
        if self.pipeline:
            return Phase.ANSWER
        if cycle.scope is not self.scope:
            return Phase.HEAD if cycle.response_complete else Phase.ANSWER
        if cycle.more_body:
            return Phase.BODY
        return Phase.IDLE if cycle.response_complete else Phase.ANSWER

    @property
    def _latest(self) -> RequestResponseCycle | None:
        """The newest request; None before the first, whatever uvicorn's annotation says."""
        return cast("RequestResponseCycle | None", self.cycle)

    @property
    def _parser(self) -> Any:
        """The parser, which publishes no types; it is there until the connection is lost."""
        return self.parser

    def _fault_of_head(self) -> Fault | None:
        settings = self.settings
        if len(self.headers) > settings.header_limit:
            return heads.too_many(settings.header_limit)
        # The head lies within what came since the last one.
        if (
            self._barren_bytes > settings.head_limit_bytes
            and heads.size_bytes(self.url, self.headers) > settings.head_limit_bytes
        ):
            return heads.TOO_LARGE
        if self._parser.should_upgrade() and heads.has_body(self.headers):
            # The parser would take the body for the other protocol's: for the next request.
            return heads.UPGRADE
        return heads.CROWDED if len(self.pipeline) >= WAITING_REQUESTS else None

    def _is_kept_alive(self) -> bool:
        return self.cycle.scope["http_version"] == "1.1" and bool(self._parser.should_keep_alive())

    def _answered(self) -> bool:
        """Say whether an error written now would be taken for part of another answer."""
        cycle = self._latest
        if cycle is None:
            return False
        phase = self.phase
        return cycle.response_started if phase is Phase.BODY else phase is Phase.ANSWER

    def _patience_s(self, phase: Phase) -> float:
        """Return how long the caller may do a thing."""
        settings = self.settings
        if phase is Phase.ANSWER:
            return float("inf")
        if phase is Phase.IDLE:
            return settings.keep_alive_s
        return settings.body_s if phase is Phase.BODY else settings.head_s

    def _throw_away(self, size_bytes: int) -> None:
        """Throw away what is of no use any more, up to a bound."""
        self._unread_bytes += size_bytes
        if self._unread_bytes > 2 * self.settings.body_limit_bytes:
            self.transport.shut()
