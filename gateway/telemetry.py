"""What happens to calls, told to whoever watches: counters, a log, an application of its own.

An `Observer` hears plain values: no content, no key, no header that a caller made up. Times are
seconds of the wire's clock. Nothing here decides or changes anything.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Protocol

from msgspec import Struct

from gateway.call import Call
from gateway.dispatch.stream import Outcome, State
from gateway.errors import Refused, new_request_id
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


def tell(observers: Iterable[Observer], word: Callable[[Observer], None]) -> None:
    """Tell each observer; a mistake of one is its own."""
    for observer in observers:
        try:
            word(observer)
        except Exception as error:  # noqa: BLE001 - no call fails because somebody watches
            _LOG.error("observer %s: %s", type(observer).__name__, type(error).__name__)


class Course:
    """What has happened to one call so far. It ends once; what comes later is not told.

    It keeps no part of the request: an answer may be read for an hour.
    """

    __slots__ = (
        "_attempts",
        "_began_s",
        "_ended",
        "_known",
        "_model",
        "_now_s",
        "_observers",
        "_tried",
        "_trying_s",
    )

    def __init__(
        self, observers: tuple[Observer, ...], call: Call, now_s: Callable[[], float]
    ) -> None:
        self._observers = observers
        self._now_s = now_s
        self._began_s = now_s()
        self._known = _asked(call)
        """The fields of the report, as far as they are known."""
        self._model = ""
        self._attempts: list[AttemptReport] = []
        self._tried: Upstream | None = None
        self._trying_s: float | None = None
        """When the attempt under way began; None: none is."""
        self._ended = False
        tell(observers, lambda each: each.began(call.caller.door, call.kind.value))

    def planned(self, plan: Plan, decision: str | None, policy: str) -> None:
        """Take what was decided."""
        self._model = plan.operation.model
        self._known.update(model=self._model, decision=decision, policy=policy)

    def started(self, upstream: Upstream) -> None:
        """Tell of an attempt that begins."""
        before, name = self._tried, upstream.name
        self._tried, self._trying_s = upstream, self._now_s()
        if before is not None and before.name != name:
            why = self._attempts[-1].outcome
            tell(self._observers, lambda each: each.moved(before.name, name, why))
        tell(self._observers, lambda each: each.attempt_began(name, self._model))

    def failed(self, failure: Failure) -> None:
        """Tell of an attempt that failed."""
        self._close(failure.kind.value, failure.upstream_status)

    def withdrawn(self) -> None:
        """Tell of an attempt that policy stopped."""
        self._close(WITHDRAWN, None)

    def content(self, at_s: float | None) -> None:
        """Tell of the first content of a streamed answer, where it is here."""
        tried = self._tried
        if at_s is None or tried is None or "first_content_s" in self._known:
            return
        self._known["first_content_s"] = after_s = at_s - self._began_s
        tell(self._observers, lambda each: each.first_content(tried.name, self._model, after_s))

    def violated(self, upstream: str, what: str) -> None:
        """Tell that an answer is not what was planned."""
        tell(self._observers, lambda each: each.violated(upstream, what))

    def answered(
        self,
        outcome: Outcome,
        request_id: str,
        usage: Mapping[str, Any],
        dropped: tuple[str, ...],
    ) -> None:
        """End a call that an upstream answered."""
        kind = "ok" if outcome.state is State.COMPLETE else outcome.state.value
        self._close(kind if outcome.failure is None else outcome.failure.kind.value, OK)
        self._known.update(request_id=request_id, usage=usage, dropped=dropped)
        self._end(outcome.state.value, OK)

    def gave_up(self, status: int, request_id: str, *, left: bool) -> None:
        """End a call whose every attempt failed, or whose caller left (`left`)."""
        self._known["request_id"] = request_id
        if left:
            self._end(LEFT, None)
        else:
            self._end(State.FAILED.value, status)

    def refused(self, error: Refused, policy: str) -> None:
        """End a call that is refused; the error gets the id that its caller will see."""
        known = self._known
        error.request_id = known["request_id"] or new_request_id()
        known.update(request_id=error.request_id, refused=error.reason)
        known.setdefault("policy", policy)
        known.setdefault("decision", error.decision)
        tell(self._observers, lambda each: each.refused(error.reason))
        self._end(REFUSED, error.status)

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
        tell(self._observers, lambda each: each.attempt_ended(tried.name, self._model, outcome))

    def _end(self, state: str, status: int | None) -> None:
        if self._ended:
            return
        self._ended = True
        self._close(state, None)
        if not self._observers:
            return
        tried = self._tried
        report = CallReport(
            **self._known,
            state=state,
            status=status,
            upstream=None if tried is None else tried.name,
            region=None if tried is None else tried.endpoint.region,
            attempts=tuple(self._attempts),
            took_s=self._now_s() - self._began_s,
        )
        tell(self._observers, lambda each: each.ended(report))


def _asked(call: Call) -> dict[str, Any]:
    """Return what a call asks for, as far as it may be told."""
    labels, caller = call.labels, call.caller
    return {
        "door": caller.door,
        "kind": call.kind.value,
        "stream": call.stream,
        "caller": caller.key,
        "data_class": short(labels.data_class),
        "tags": tuple([short(name) for name, _ in labels.tags[:MAX_TAGS]]),
        "bytes_in": len(call.fields.raw),
        "request_id": call.request_id,
    }
