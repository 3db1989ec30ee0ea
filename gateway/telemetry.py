"""What happens to calls, told to whoever watches: counters, a log, an application of its own.

An `Observer` hears plain values: no content, no key, no header that a caller made up. Times are
seconds of the wire's clock. Nothing here decides or changes anything.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any, Protocol

from msgspec import Struct

from gateway.call import Call
from gateway.dispatch.stream import Outcome, State
from gateway.errors import Refused, new_request_id
from gateway.prices.cost import Cost
from gateway.recordable import short
from gateway.routing import Plan, Upstream
from providers.contract import Failure

__all__ = ["SILENT", "AttemptReport", "CallReport", "Observer", "Silent"]

_LOG = logging.getLogger("gateway.telemetry")
NO_USAGE: Mapping[str, Any] = MappingProxyType({})
MAX_TAGS = 64
OK = 200
INTERNAL = 500
WITHDRAWN = "withdrawn"
"""The outcome of an attempt that policy stopped before a byte of it had left."""
LEFT = State.LEFT.value
BROKEN = "broken"
"""The state of a call that met a mistake of ours."""
REFUSED = "refused"
"""The state of a call that no upstream saw, or that was stopped between two attempts."""


class AttemptReport(Struct, frozen=True):
    """One attempt of a call."""

    upstream: str
    outcome: str
    """`ok`, a failure kind, `withdrawn`, or the state of the call that ended it."""
    status: int | None
    """The status on the wire; None when no answer came."""
    took_s: float


class CallReport(Struct, frozen=True, kw_only=True):
    """What became of one call. None: it is not known, or there was none."""

    door: str
    """`client` or `server`."""
    kind: str
    """`messages` or `count_tokens`."""
    state: str
    """`complete`, `failed`, `left` (nobody waits for it any more), `refused` or `broken`."""
    status: int | None = None
    """The HTTP status that the caller got."""
    refused: str | None = None
    """Why it was refused, in one word."""
    request_id: str | None = None
    """The id that the caller got."""
    decision: str | None = None
    policy: str | None = None
    """The start of the digest of the policies in force, or `none`."""
    caller: str | None = None
    """The name of the caller's key."""
    data_class: str | None = None
    tags: tuple[str, ...] = ()
    """The names of its tags, without their values."""
    model: str | None = None
    """The canonical id of the model asked for."""
    stream: bool | None = None
    upstream: str | None = None
    """Who answered; where nobody did, who was asked last."""
    region: str | None = None
    attempts: tuple[AttemptReport, ...] = ()
    dropped: tuple[str, ...] = ()
    """What was left out for the platform."""
    first_content_s: float | None = None
    """From the call's begin to the first content of a streamed answer."""
    took_s: float
    bytes_in: int | None = None
    """The size of the request's body."""
    usage: Mapping[str, Any] = NO_USAGE
    """What the platform reported, without anything that could be a text."""
    cost: Cost | None = None
    """What the answer cost; None: it broke off, or nothing prices it. What failed attempts may
    have cost stands in the ledger."""


class Observer(Protocol):
    """Told what happens to calls. What it raises is logged and changes nothing.

    Its methods are called between two steps of a call, from whatever thread runs it, so they
    return at once. Every call that began ends exactly once, and so does every attempt.
    """

    def began(self, door: str, kind: str) -> None:
        """A call begins."""
        ...

    def attempt_began(self, upstream: str, model: str) -> None:
        """An attempt begins."""
        ...

    def attempt_ended(self, upstream: str, model: str, outcome: str) -> None:
        """An attempt ended (`AttemptReport.outcome`)."""
        ...

    def moved(self, origin: str, to: str, reason: str) -> None:
        """A call goes on at another upstream; `reason` is the outcome of the attempt before."""
        ...

    def first_content(self, upstream: str, model: str, after_s: float) -> None:
        """A streamed answer has its first content, `after_s` after the call began."""
        ...

    def violated(self, upstream: str, what: str) -> None:
        """An answer shows something other than what was planned: `model`, `workspace`, ..."""
        ...

    def refused(self, reason: str) -> None:
        """A call is refused: by policy, by a limit, or because it is wrong. Its end follows."""
        ...

    def ended(self, report: CallReport) -> None:
        """A call ended."""
        ...


class Silent:
    """An observer that does nothing; override what is of use."""

    def began(self, door: str, kind: str) -> None:
        """A call begins."""

    def attempt_began(self, upstream: str, model: str) -> None:
        """An attempt begins."""

    def attempt_ended(self, upstream: str, model: str, outcome: str) -> None:
        """An attempt ended."""

    def moved(self, origin: str, to: str, reason: str) -> None:
        """A call goes on at another upstream."""

    def first_content(self, upstream: str, model: str, after_s: float) -> None:
        """A streamed answer has its first content."""

    def violated(self, upstream: str, what: str) -> None:
        """An answer shows something other than what was planned."""

    def refused(self, reason: str) -> None:
        """A call is refused."""

    def ended(self, report: CallReport) -> None:
        """A call ended."""


SILENT = Silent()


class Observers:
    """Several observers; for each thing that happens, those that wish to hear of it."""

    __slots__ = (
        "_all",
        "attempt_began",
        "attempt_ended",
        "began",
        "ended",
        "first_content",
        "moved",
        "refused",
        "violated",
    )

    def __init__(self, *observers: Observer) -> None:
        self._all = tuple(each for each in observers if each is not SILENT)
        self.began = self._hearing("began")
        self.attempt_began = self._hearing("attempt_began")
        self.attempt_ended = self._hearing("attempt_ended")
        self.moved = self._hearing("moved")
        self.first_content = self._hearing("first_content")
        self.violated = self._hearing("violated")
        self.refused = self._hearing("refused")
        self.ended = self._hearing("ended")

    def joined_by(self, observer: Observer) -> Observers:
        """Return these and one more."""
        return Observers(*self._all, observer)

    def _hearing(self, name: str) -> tuple[Callable[..., None], ...]:
        does_nothing = getattr(Silent, name)
        heard = (each for each in self._all if getattr(type(each), name, None) != does_nothing)
        return tuple(getattr(each, name) for each in heard)


def tell(hearing: tuple[Callable[..., None], ...], *words: object) -> None:
    """Tell those who wish to hear of something; a mistake of one is its own."""
    for hears in hearing:
        try:
            hears(*words)
        except Exception as error:  # noqa: BLE001 - no call fails because somebody watches
            whose = getattr(hears, "__qualname__", "an observer")
            _LOG.error("%s: %s", whose, type(error).__name__)


class Course:
    """What has happened to one call so far. It ends once; what comes later is not told.

    It keeps no body: an answer may be read for an hour.
    """

    __slots__ = (
        "_attempts",
        "_began_s",
        "_bytes_in",
        "_caller",
        "_content_s",
        "_decision",
        "_ended",
        "_kind",
        "_labels",
        "_model",
        "_now_s",
        "_observers",
        "_policy",
        "_request_id",
        "_stream",
        "_tried",
        "_trying_s",
    )

    def __init__(self, observers: Observers, call: Call, now_s: Callable[[], float]) -> None:
        self._observers = observers
        self._now_s = now_s
        self._began_s = now_s()
        self._caller = call.caller
        self._labels = call.labels
        self._kind = call.kind.value
        self._stream = call.stream
        self._bytes_in = len(call.fields.raw)
        self._request_id = call.request_id
        self._decision: str | None = None
        self._policy: str | None = None
        self._model: str | None = None
        self._attempts: list[AttemptReport] = []
        self._tried: Upstream | None = None
        self._trying_s: float | None = None
        """When the attempt under way began; None: none is."""
        self._content_s: float | None = None
        self._ended = False
        tell(observers.began, call.caller.door, self._kind)

    def planned(self, plan: Plan, decision: str | None, policy: str) -> None:
        """Take what was decided."""
        self._model = plan.operation.model
        self._decision = decision
        self._policy = policy

    def started(self, upstream: Upstream) -> None:
        """Tell of an attempt that begins."""
        before, name = self._tried, upstream.name
        self._tried, self._trying_s = upstream, self._now_s()
        if before is not None and before.name != name:
            tell(self._observers.moved, before.name, name, self._attempts[-1].outcome)
        tell(self._observers.attempt_began, name, self._model)

    def failed(self, failure: Failure) -> None:
        """Tell of an attempt that failed."""
        self._close(failure.kind.value, failure.upstream_status)

    def withdrawn(self) -> None:
        """Tell of an attempt that policy stopped."""
        self._close(WITHDRAWN, None)

    def content(self, at_s: float | None) -> None:
        """Tell of the first content of a streamed answer, where it is here."""
        if at_s is None or self._tried is None or self._content_s is not None:
            return
        self._content_s = at_s - self._began_s
        tell(self._observers.first_content, self._tried.name, self._model, self._content_s)

    def violated(self, upstream: str, what: str) -> None:
        """Tell that an answer is not what was planned."""
        tell(self._observers.violated, upstream, what)

    def answered(
        self,
        outcome: Outcome,
        request_id: str,
        usage: Mapping[str, Any],
        dropped: tuple[str, ...],
        cost: Cost | None = None,
    ) -> None:
        """End a call that an upstream answered."""
        kind = "ok" if outcome.state is State.COMPLETE else outcome.state.value
        self._close(kind if outcome.failure is None else outcome.failure.kind.value, OK)
        self._request_id = request_id
        self._end(outcome.state.value, OK, usage=usage, dropped=dropped, cost=cost)

    def gave_up(self, status: int, request_id: str, *, left: bool) -> None:
        """End a call whose every attempt failed, or whose caller left (`left`)."""
        self._request_id = request_id
        if left:
            self._end(LEFT, None)
        else:
            self._end(State.FAILED.value, status)

    def refused(self, error: Refused, policy: str) -> None:
        """End a call that is refused; the error gets the id that its caller will see."""
        self._request_id = error.request_id = self._request_id or new_request_id()
        self._decision = self._decision or error.decision
        self._policy = self._policy or policy
        tell(self._observers.refused, error.reason)
        self._end(REFUSED, error.status, refused=error.reason)

    @contextmanager
    def ending(self, policy: Callable[[], str]) -> Iterator[None]:
        """End the call where it is refused or stopped inside the block; `policy` is its word."""
        try:
            yield
        except Refused as error:
            self.refused(error, policy())
            raise
        except BaseException as error:
            self.stopped(error)
            raise

    def stopped(self, error: BaseException) -> None:
        """End a call that nobody waits for any more, or that met a mistake of ours."""
        if isinstance(error, Exception):
            self._end(BROKEN, INTERNAL)
        else:
            self._end(LEFT, None)

    def _close(self, outcome: str, status: int | None) -> None:
        tried, began_s = self._tried, self._trying_s
        if tried is None or began_s is None:
            return
        self._trying_s = None
        took_s = self._now_s() - began_s
        self._attempts.append(AttemptReport(tried.name, outcome, status, took_s))
        tell(self._observers.attempt_ended, tried.name, self._model, outcome)

    def _end(
        self,
        state: str,
        status: int | None,
        *,
        refused: str | None = None,
        usage: Mapping[str, Any] = NO_USAGE,
        dropped: tuple[str, ...] = (),
        cost: Cost | None = None,
    ) -> None:
        if self._ended:
            return
        self._ended = True
        self._close(state, None)
        if not self._observers.ended:
            return
        tried, labels = self._tried, self._labels
        report = CallReport(
            door=self._caller.door,
            kind=self._kind,
            state=state,
            status=status,
            refused=refused,
            request_id=self._request_id,
            decision=self._decision,
            policy=self._policy,
            caller=self._caller.key,
            data_class=short(labels.data_class),
            tags=tuple([short(name) for name, _ in labels.tags[:MAX_TAGS]]),
            model=self._model,
            stream=self._stream,
            upstream=None if tried is None else tried.name,
            region=None if tried is None else tried.endpoint.region,
            attempts=tuple(self._attempts),
            dropped=dropped,
            first_content_s=self._content_s,
            took_s=self._now_s() - self._began_s,
            bytes_in=self._bytes_in,
            usage=usage,
            cost=cost,
        )
        tell(self._observers.ended, report)
