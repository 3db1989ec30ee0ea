"""The server's door to the endpoints that keep state: batches, files, skills.

Everything else of a request is as for a call: its key, the bounds on what the server bears, and
an error in the Anthropic envelope.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from typing import Protocol

from gateway.answers import Answer
from gateway.call import Caller, read_errand
from gateway.dispatch.download import BrokenOff, Download
from gateway.errors import Refused
from gateway.server.arrival import Arrival
from gateway.server.asgi import Receive, Scope, Send, path_of, text
from gateway.server.body import announced_bytes, read_body
from gateway.server.leaving import Watch, watch
from gateway.server.obtaining import obtained
from gateway.server.replies import raw, reply
from gateway.server.settings import Settings
from gateway.server.shedding import Load, Place
from gateway.stateful import table
from gateway.stateful.order import Order
from gateway.telemetry import Observers
from gateway.wire.contract import Wire
from providers.contract import Area

HOST = re.compile(r"(?:[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
FINISHES_S = 60.0
"""How long what makes or changes a state may go on when its caller has left: until it is known
what was made."""


class Does(Protocol):
    """The part of `gateway.stateful.serving.Stateful` that the door needs."""

    async def answer(self, order: Order, wire: Wire, gone: Callable[[], bool]) -> Answer:
        """Do an errand; raises Refused when no upstream may or can do it."""
        ...


class Has(Protocol):
    """The part of an engine that the door needs."""

    @property
    def stateful(self) -> Does:
        """What does errands."""
        ...

    @property
    def policy(self) -> str:
        """What answers say of the policy in force."""
        ...


class StatefulDoor:
    """Serves what lies in the areas of `gateway/data/stateful.toml`.

    Args:
        engine: What answers.
        wire: What it answers over.
        settings: What the server bears.
        load: What it bears now.
        observers: Told what happens to every request.
        admit: Returns whose request with these headers may be read; raises Refused.
    """

    def __init__(
        self,
        engine: Has,
        wire: Wire,
        settings: Settings,
        load: Load,
        *,
        observers: Observers,
        admit: Callable[[Mapping[bytes, bytes]], Caller],
    ) -> None:
        self._engine = engine
        self._wire = wire
        self._settings = settings
        self._load = load
        self._observers = observers
        self._admit = admit

    def takes(self, scope: Scope) -> bool:
        """Say whether a path is one of these."""
        return table.is_known(path_of(scope))

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; raises Refused."""
        area = table.area_of(path_of(scope))
        if area is None:
            self._admit(dict(scope["headers"]))
            table.match(scope["method"], path_of(scope))
            return
        arrival = Arrival(self._observers, area, scope["headers"], self._wire.now_s)
        try:
            await self._arrived(arrival, area, scope, receive, send)
        except Refused as error:
            arrival.refused(error, self._engine.policy)
            raise

    async def _arrived(
        self, arrival: Arrival[Area], area: Area, scope: Scope, receive: Receive, send: Send
    ) -> None:
        caller = self._admit(arrival.headers)
        arrival.caller = caller.key
        match = table.match(scope["method"], path_of(scope))
        place = self._load.admit(caller.key, announced_bytes(arrival.headers))
        try:
            limit_bytes = self._settings.body_limit_bytes
            body = await read_body(receive, arrival.headers, limit_bytes, place.hold)
            if body is None:
                arrival.left()
                return
            call = read_errand(
                area,
                text(scope["headers"]),
                body,
                caller=caller,
                request_id=arrival.request_id,
            )
            order = Order(
                call,
                match,
                table.checked_query(scope["query_string"].decode("latin-1")),
                _header(arrival.headers, b"content-type") if body else None,
                _header(arrival.headers, b"accept") or "application/json",
                self._own_url(scope, arrival.headers),
            )
            del call, body
            await self._answer(order, scope, receive, send, place)
        finally:
            place.leave()

    async def _answer(
        self, order: Order, scope: Scope, receive: Receive, send: Send, place: Place
    ) -> None:
        safe = order.match.endpoint.safe
        caller = watch(scope, receive, place.drain if safe else lambda: FINISHES_S)
        try:
            doing = self._engine.stateful.answer(order, self._wire, caller.has_left)
            request_id = order.call.request_id
            answer = await obtained(doing, caller, self._engine.policy, request_id)
            del order
            place.let_go()
            if answer.download is not None:
                await hand_on(send, answer, answer.download, caller)
            elif not caller.gone:
                await reply(send, answer)
        except asyncio.CancelledError:
            if not caller.gone:
                raise
        finally:
            caller.stop()

    def _own_url(self, scope: Scope, headers: Mapping[bytes, bytes]) -> str | None:
        """Return the server's own address as this caller reaches it; None: it says none."""
        if self._settings.public_url is not None:
            return self._settings.public_url
        host = headers.get(b"host", b"").decode("latin-1")
        return f"{scope.get('scheme', 'http')}://{host}" if HOST.fullmatch(host) else None


async def hand_on(send: Send, answer: Answer, download: Download, caller: Watch) -> None:
    """Send a download to its end. One that breaks off has no clean end here either."""
    start = {"type": "http.response.start", "status": answer.status}
    try:
        await send({**start, "headers": raw(answer.headers)})
        while data := await download.read():
            if caller.gone:
                return
            await send({"type": "http.response.body", "body": data, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
    except BrokenOff:
        # Nothing is sent any more: the server around this closes the connection.
        return
    finally:
        download.close()


def _header(headers: Mapping[bytes, bytes], name: bytes) -> str | None:
    value = headers.get(name)
    return None if value is None else value.decode("latin-1")
