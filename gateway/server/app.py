"""The server door: an ASGI application over an engine.

Every answer is the engine's, or an error in the Anthropic envelope with a `request-id`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Protocol

from gateway import models
from gateway.answers import Answer
from gateway.call import Call, Caller
from gateway.errors import NotReady, Refused, WrongMethod
from gateway.memory import Resident
from gateway.server import side
from gateway.server.addresses import is_loopback_host_header
from gateway.server.arrival import Arrival
from gateway.server.asgi import Receive, Scope, Send
from gateway.server.body import announced_bytes, read_body
from gateway.server.counting import Counts
from gateway.server.drain import Drain
from gateway.server.keys import Keys
from gateway.server.leaving import Watch, watch
from gateway.server.ledger_reports import PATHS, NoReports, Tells
from gateway.server.metrics import Metrics
from gateway.server.obtaining import obtained
from gateway.server.refusals import OperatorsOnly, WrongHost
from gateway.server.relay import STOPPING
from gateway.server.replies import failed, refused
from gateway.server.report import report
from gateway.server.settings import DOOR, Settings
from gateway.server.shedding import Load, Place
from gateway.server.speaking import Speaker, speaker
from gateway.server.stateful import Does, StatefulDoor
from gateway.server.status import Shows, Status
from gateway.telemetry import Observer, Observers
from gateway.wire.contract import Wire
from providers.contract import Kind

NO_REPORTS = NoReports()
OPERATOR = Caller("operator", door=DOOR)
KEYLESS = Caller(door=DOOR)
"""Who calls a server that asks for no key: a program on the same machine."""


class Serves(Shows, Protocol):
    """The part of `gateway.engine.Engine` that a server needs."""

    def observe(self, observer: Observer) -> None:
        """Tell one more observer of what happens to calls."""
        ...

    @property
    def stateful(self) -> Does:
        """What does errands: batches, files, skills."""
        ...

    async def answer(self, call: Call, wire: Wire, gone: Callable[[], bool]) -> Answer:
        """Serve a call; raises Refused when no upstream may or can see it.

        `gone` says whether its caller has left: then nothing more is tried for it.
        """
        ...


def app(
    engine: Serves,
    wire: Wire,
    settings: Settings,
    *observers: Observer,
    reports: Tells = NO_REPORTS,
) -> App:
    """Return the ASGI application that answers with `engine` over `wire`."""
    return App(engine, wire, settings, *observers, reports=reports)


class App:
    """The ASGI application. `drain` says when a server around it may stop, `load` what it bears.

    Args:
        engine: What answers.
        wire: What it answers over.
        settings: What the server bears, and whom it answers.
        observers: Told what happens to every request for a call.
        reports: What answers operators who ask for usage and cost.
    """

    def __init__(
        self,
        engine: Serves,
        wire: Wire,
        settings: Settings,
        *observers: Observer,
        reports: Tells = NO_REPORTS,
    ) -> None:
        self.settings = settings
        self.load = Load(settings.bounds, Resident(settings.memory_bytes))
        self.drain = Drain(self.load, settings.drain_s)
        self._engine = engine
        self._wire = wire
        self._keys = Keys(settings.by_key)
        self._admin_keys = Keys(dict.fromkeys(settings.admin_keys, OPERATOR), "admin")
        self._reports = reports
        counts = Counts(models.served(engine.upstreams), wire.now_s)
        self._observers = Observers(counts, *observers)
        for observer in (counts, *observers):
            engine.observe(observer)
        self.status = Status(engine, counts, wire.now_s, self.load, began_s=wire.now_s())
        self._metrics = Metrics(self.status)
        self._stateful = StatefulDoor(
            engine, wire, settings, self.load, observers=self._observers, admit=self._admit
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request (ASGI 3.0)."""
        if scope["type"] != "http":
            raise NotImplementedError(f"this application speaks HTTP only, not {scope['type']}")
        speaks = speaker(scope, send)
        try:
            if speaks.kind is None and self._stateful.takes(scope):
                await self._stateful.serve(scope, receive, send)
            elif speaks.kind is None:
                await speaks.reply(await self._aside(scope, speaks))
            else:
                await self._call(speaks.kind, scope, receive, speaks)
        except Refused as error:
            await speaks.reply(refused(error, self._engine.policy))

    async def _call(self, kind: Kind, scope: Scope, receive: Receive, speaks: Speaker) -> None:
        arrival = Arrival(self._observers, kind, scope["headers"], self._wire.now_s)
        try:
            await self._arrived(arrival, scope, receive, speaks)
        except Refused as error:
            arrival.refused(error, self._engine.policy)
            raise

    async def _arrived(
        self, arrival: Arrival[Kind], scope: Scope, receive: Receive, speaks: Speaker
    ) -> None:
        if scope["method"] != "POST":
            raise WrongMethod(scope["method"], scope["path"], "POST")
        caller = self._admit(arrival.headers)
        arrival.caller = caller.key
        place = self.load.admit(caller.key, announced_bytes(arrival.headers))
        try:
            read = self._read(arrival, receive, caller, place, speaks)
            # Passed on without a name of its own: nothing here keeps the body from going.
            await self._answer(await read, scope, receive, speaks, place)
        finally:
            place.leave()

    async def _read(
        self,
        arrival: Arrival[Kind],
        receive: Receive,
        caller: Caller,
        place: Place,
        speaks: Speaker,
    ) -> Call | Answer | None:
        """Return the call; None when the caller left; the answer to a mistake of ours."""
        try:
            limit_bytes = self.settings.body_limit_bytes
            body = await read_body(receive, arrival.headers, limit_bytes, place.hold)
            if body is None:
                arrival.left()
                return None
            return speaks.read(body, caller, arrival.request_id)
        except Refused:
            raise
        except Exception as error:  # noqa: BLE001 - the caller gets an envelope whatever it was
            report(error, arrival.request_id)
            arrival.broke()
            return failed(arrival.request_id)

    async def _answer(
        self,
        call: Call | Answer | None,
        scope: Scope,
        receive: Receive,
        speaks: Speaker,
        place: Place,
    ) -> None:
        if isinstance(call, Answer):
            await speaks.reply(call)
        if not isinstance(call, Call):
            return
        caller = watch(scope, receive, place.drain)
        try:
            answer = await self._obtain(call, caller)
            # The answer may last long: its request is needed no more.
            del call
            place.let_go()
            if answer.stream is not None:
                await speaks.relay(answer, answer.stream, caller)
            elif not caller.gone:
                await speaks.reply(answer)
        except asyncio.CancelledError:
            if not caller.gone:
                raise
        finally:
            caller.stop()

    async def _obtain(self, call: Call, caller: Watch) -> Answer:
        """Return the engine's answer, or the one that says why there is none."""
        answering = self._engine.answer(call, self._wire, caller.has_left)
        return await obtained(answering, caller, self._engine.policy, call.request_id)

    async def _aside(self, scope: Scope, speaks: Speaker) -> Answer:
        try:
            if speaks.lists:
                self._admit(dict(scope["headers"]))
                side.check_method(scope)
                query = scope["query_string"].decode("latin-1")
                return speaks.listed(query, self._engine.offers())
            if scope["path"] in PATHS:
                return await self._told(scope)
            if side.is_for_operators(scope):
                self._identify(dict(scope["headers"]))
            elif not side.is_open(scope["path"]):
                self._admit(dict(scope["headers"]))
            stopping = self.drain.asked
            return await side.answer(scope, self.status, self._metrics, stopping=stopping)
        except Refused:
            raise
        except Exception as error:  # noqa: BLE001 - the same
            report(error)
            return failed()

    async def _told(self, scope: Scope) -> Answer:
        """Tell an operator of usage and cost."""
        if self.drain.asked:
            raise NotReady(STOPPING)
        self._oversee(dict(scope["headers"]))
        side.check(scope)
        return await self._reports.answer(scope, self._engine.policy)

    def _oversee(self, headers: Mapping[bytes, bytes]) -> None:
        """Raise the Refused for a request that is no operator's."""
        if self._admin_keys:
            self._admin_keys.caller(headers)
        elif self._keys:
            raise OperatorsOnly
        else:
            self._identify(headers)

    def _admit(self, headers: Mapping[bytes, bytes]) -> Caller:
        """Return whose request may be read; raises the Refused that says why not."""
        if self.drain.asked:
            raise NotReady(STOPPING)
        return self._identify(headers)

    def _identify(self, headers: Mapping[bytes, bytes]) -> Caller:
        """Return whose request it is; raises the Refused for one that is nobody's."""
        if self._keys:
            return self._keys.caller(headers)
        if not is_loopback_host_header(headers.get(b"host", b"localhost")):
            # A web page may reach a loopback address under a name it owns (DNS rebinding).
            raise WrongHost("Without gateway keys, call this gateway as localhost or 127.0.0.1.")
        return KEYLESS
