"""What every emulated platform does alike: record, strike faults, answer, count, cache.

A platform subclasses `Platform` and says what its routes, its error bodies and its framing are.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Any, ClassVar, Final

from msgspec.json import encode

from gateway.emulator.answers import answer, seed
from gateway.emulator.billing import NOT_BEGUN, bill, terms
from gateway.emulator.breaking import broken, filled, status_response
from gateway.emulator.cache import PromptCache, boundaries
from gateway.emulator.checks import parse
from gateway.emulator.directives import Directives, directives, stamped
from gateway.emulator.fault_queue import Faults
from gateway.emulator.faults import Action, Asked, Bills, Fault, Moment
from gateway.emulator.framing import SSE, Framing, Words
from gateway.emulator.http import End, Note, Pairs, Request, Response, plain
from gateway.emulator.messages import events, message, usage
from gateway.emulator.models import Model
from gateway.emulator.problems import Problem
from gateway.emulator.records import Record, Records
from gateway.emulator.work import Work

JSON: Pairs = (("content-type", "application/json"),)
_END: Final = {Action.CUT: End.CUT, Action.RESET: End.RESET}
EVENT_STREAM: Pairs = (
    ("content-type", "text/event-stream; charset=utf-8"),
    ("cache-control", "no-cache"),
)


@dataclass(slots=True)
class Ids:
    """Made-up ids, each only once; the same sequence for the same seed."""

    made_from: str = ""
    _count: int = 0

    def next(self, prefix: str) -> str:
        """Return the next id, `prefix` and 24 characters."""
        self._count += 1
        text = f"{self.made_from}:{self._count}".encode()
        return f"{prefix}01{blake2b(text, digest_size=11).hexdigest()}"


@dataclass(slots=True)
class World:
    """What the platforms of one emulator have in common."""

    clock_s: Callable[[], float]
    """Seconds; only differences count."""
    keys: frozenset[str] = field(repr=False)
    """The credentials taken, as API key or bearer token."""
    faults: Faults = field(default_factory=Faults)
    records: Records = field(default_factory=Records)
    cache: PromptCache = field(default_factory=PromptCache)
    ids: Ids = field(default_factory=Ids)
    pace_s: float = 0.0
    """Seconds between the events of every stream that does not say otherwise."""
    elsewhere: str = ""
    """The address of a host that no platform is, for redirects."""


@dataclass(frozen=True, slots=True)
class Told:
    """A message, how the prompt wants it streamed, and what it is billed as."""

    message: dict[str, Any]
    asked: Directives
    work: Work


class Platform(ABC):
    """One emulated platform on one port.

    Args:
        world: What it shares with the other platforms.
    """

    name: ClassVar[str]
    """The platform's name in a configuration: `anthropic`, `bedrock`, `vertex`."""
    message_prefix: ClassVar[str] = "msg_"
    aside: ClassVar[bool] = False
    """Whether it serves no model, so that only faults that name it (or a path) strike it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.base_url = ""
        """Where the platform listens, without a trailing slash; set when it starts."""
        self._words = Words(self.error_frame, self.frame({"type": "ping"}), self.framing)

    # What a platform says for itself.

    framing: ClassVar[Framing] = SSE
    """How it puts events on the wire."""

    @abstractmethod
    def route(self, request: Request) -> Response:
        """Answer a request; raises Problem where the platform refuses it."""

    @abstractmethod
    def failure(self, problem: Problem) -> Response:
        """Return a refusal as this platform words it."""

    @abstractmethod
    def error_frame(self, problem: Problem) -> bytes:
        """Return an error in the middle of a stream as bytes on the wire."""

    def model_of(self, request: Request) -> str | None:
        """Return the model a request asks for, as this platform spells it, if it can be seen.

        Where it is not in the path, that is the body's.
        """
        try:
            model = parse(request.body).get("model")
        except Problem:
            return None
        return model if isinstance(model, str) else None

    def streams(self, request: Request) -> bool:
        """Say whether a request asks for a stream."""
        try:
            return bool(parse(request.body).get("stream"))
        except Problem:
            return False

    def refusal(self, request: Request, problem: Problem) -> Response:  # noqa: ARG002 - some look
        """Return a refusal of this very request."""
        return self.failure(problem)

    # What they have in common.

    def serve(self, request: Request) -> tuple[Response, Note]:
        """Record a request and answer it, with the fault that is due."""
        world = self.world
        record = world.records.open(self.name, request, world.clock_s())
        one = world.faults.take(self._asked(request), named=self.aside)
        response = self._struck(request, one)
        record.status = response.status if response.head else None
        record.fault = None if one is None else one.name or one.action.value
        return response, self._ending(record, response, one)

    def accepted(self) -> End | None:
        """Say how the fault that is due ends a new connection; None: there is none."""
        one = self.world.faults.take(Asked(self.name), Moment.ACCEPT, named=self.aside)
        return None if one is None else _END[one.action]

    def begun(self, request: Request) -> End | None:
        """Record a request whose head is enough for the fault that is due, and say how it ends."""
        world = self.world
        if not world.faults:
            return None
        one = world.faults.take(self._asked(request), Moment.REQUEST_HEAD, named=self.aside)
        if one is None:
            return None
        record = world.records.open(self.name, request, world.clock_s())
        record.fault = one.name or one.action.value
        record.note(_END[one.action].value, 0)
        record.billed = NOT_BEGUN
        return _END[one.action]

    def _ending(self, record: Record, response: Response, one: Fault | None) -> Note:
        own = terms(self.name)

        def note(outcome: str, frames: int) -> None:
            record.note(outcome, frames)
            if record.billed is None and not record.running:
                # The frame that was on its way when the client went has been generated too.
                sent = record.frames + (record.outcome == "left")
                record.billed = bill(response, one, sent, own)

        return note

    def _asked(self, request: Request) -> Asked:
        return Asked(
            self.name,
            request.path,
            request.body,
            model=lambda: self.model_of(request),
            streams=lambda: self.streams(request),
        )

    def _struck(self, request: Request, one: Fault | None) -> Response:
        if one is None:
            return self._good(request)
        one = filled(one, self.world.elsewhere, self.world.clock_s())
        if one.action is Action.STATUS:
            usual = self.refusal(request, one.problem())
            work = self._good(request).work if one.billing is Bills.ALL else None
            return replace(broken(one, status_response(one, usual), self._words), work=work)
        return broken(one, self._good(request), self._words)

    def _good(self, request: Request) -> Response:
        try:
            return self.route(request)
        except Problem as problem:
            return self.refusal(request, problem)

    def frame(self, event: Mapping[str, Any]) -> bytes:
        """Return one stream event as bytes on the wire."""
        return self.framing.wrap(event["type"], encode(event))

    def tell(
        self, body: Mapping[str, Any], model: Model, *, shown_model: str, account: str, scope: str
    ) -> Told:
        """Return the answer to a checked request.

        Args:
            body: The request; `max_tokens` and `messages` are there.
            model: The model that answers.
            shown_model: The model's name in the answer.
            account: Whose prompt cache is used, in any words.
            scope: How far the request may travel; see `billing.Bill`.
        """
        ident = self.world.ids.next(self.message_prefix)
        asked = stamped(directives(body), ident)
        said = answer(body, asked, seed(body, model.id))
        prompt = boundaries(body, f"{self.name}:{account}:{model.id}")
        total = prompt[-1].tokens if prompt else 0
        if total > model.max_input_tokens:
            limit = f"{total} tokens > {model.max_input_tokens} maximum"
            raise Problem(400, f"prompt is too long: {limit}")
        split = self.world.cache.look(prompt, model.min_cache_tokens, self.world.clock_s())
        astray = {} if asked.geo is None else {"inference_geo": asked.geo}
        used = usage(split, said, {**self.extra_usage(body), **astray})
        made = message(ident, asked.model or shown_model, said, used)
        return Told(made, asked, Work(made, model.id, scope))

    def extra_usage(
        self,
        body: Mapping[str, Any],  # noqa: ARG002 - subclasses read it
    ) -> Mapping[str, Any]:
        """Return what this platform adds to `usage` for a request; nothing by default."""
        return {}

    def whole(self, told: Told, headers: Pairs) -> Response:
        """Return a message as a JSON answer."""
        return replace(plain(200, JSON + headers, encode(told.message)), work=told.work)

    def stream(self, told: Told, headers: Pairs) -> Response:
        """Return a message as a stream, one write an event."""
        said = events(told.message, told.asked.events)
        frames = tuple(map(self.frame, said))
        pace_ms = told.asked.pace_ms
        pace_s = self.world.pace_s if pace_ms is None else pace_ms / 1000
        return Response(200, headers, frames, pace_s=pace_s, work=replace(told.work, events=said))
