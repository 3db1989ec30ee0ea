"""From a call to a plan: the upstreams that may serve it, in the configured order.

Pure. An upstream that cannot serve a call whole is left out with a reason, so that what the
plan holds can be tried without looking again.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from msgspec import Struct

from gateway.call import Call
from gateway.errors import Forbidden, Malformed, NotReady, NotServed, Refused, UnknownModel
from providers import catalog
from providers.contract import Endpoint, Kind, Loss, Operation, Provider


@dataclass(frozen=True, slots=True)
class Upstream:
    """A configured place where Claude runs."""

    name: str
    provider: Provider
    endpoint: Endpoint
    lenient: bool = False
    """Whether a request may go there without the parts that the platform does not take."""


class Leg(Struct, frozen=True):
    """One upstream of a plan, with what a request loses there."""

    upstream: Upstream
    losses: tuple[Loss, ...] = ()


class Cause(Enum):
    """Why an upstream is not in a plan."""

    MODEL = auto()
    NARROWED = auto()
    FIDELITY = auto()


@dataclass(frozen=True, slots=True)
class Rejection:
    """An upstream that is not in a plan, and why."""

    upstream: str
    cause: Cause
    reason: str


class Plan(Struct, frozen=True):
    """The ordered upstreams one call may be tried at; never empty."""

    operation: Operation
    legs: tuple[Leg, ...]
    rejected: tuple[Rejection, ...] = ()


def plan(
    call: Call,
    upstreams: Sequence[Upstream],
    ejected: Callable[[str], frozenset[str]] = lambda _model: frozenset(),
) -> Plan:
    """Return the plan for a call; raises the Refused that fits when no upstream is left.

    `ejected` names the ill upstreams for a model: they go last instead of out, for the last
    one allowed is always tried.
    """
    _refuse_what_nobody_judges(call)
    _check_only(call, upstreams)
    model, narrow = _model(call, upstreams)
    operation = Operation(call.kind, model, call.stream)
    legs: list[Leg] = []
    rejected: list[Rejection] = []
    for upstream in upstreams:
        verdict = _judge(call, operation, upstream, narrow)
        if isinstance(verdict, Leg):
            legs.append(verdict)
        else:
            rejected.append(verdict)
    if not legs:
        raise _refusal(call, rejected)
    ill = ejected(model) if len(legs) > 1 else None
    if ill:
        legs.sort(key=lambda leg: leg.upstream.name in ill)
    return Plan(operation, tuple(legs), tuple(rejected))


def _refuse_what_nobody_judges(call: Call) -> None:
    """A label that demands something is refused while no policy is there to keep it."""
    if call.labels.data_class is not None:
        raise Forbidden("x-gateway-class: there is no policy that says where this class may go.")
    if call.labels.require:
        raise Forbidden("x-gateway-require: there is no policy that could keep this requirement.")


def _check_only(call: Call, upstreams: Sequence[Upstream]) -> None:
    names = [upstream.name for upstream in upstreams]
    if not names:
        raise NotReady("No upstream is configured.")
    for name in call.labels.only:
        if name not in names:
            near = difflib.get_close_matches(name, names, 1)
            hint = f" Did you mean {near[0]}?" if near else ""
            raise Malformed(f"x-gateway-only: there is no upstream {name[:100]!r}.{hint}")


def _model(call: Call, upstreams: Sequence[Upstream]) -> tuple[str, catalog.Narrowing | None]:
    """Return the canonical id and what the way it was written demands."""
    for upstream in upstreams:
        if call.asked in upstream.endpoint.models:
            return call.asked, None
    try:
        resolved = catalog.resolve(call.asked)
    except catalog.UnknownModel as error:
        near = f" Near names: {', '.join(error.near)}." if error.near else ""
        raise UnknownModel(f"model: {call.asked[:200]} is not known.{near}") from None
    return resolved.canonical, resolved.narrow


def _judge(
    call: Call, operation: Operation, upstream: Upstream, narrow: catalog.Narrowing | None
) -> Leg | Rejection:
    def no(cause: Cause, reason: str) -> Rejection:
        return Rejection(upstream.name, cause, reason)

    if call.labels.only and upstream.name not in call.labels.only:
        return no(Cause.NARROWED, "not named in x-gateway-only")
    if narrow is not None and not narrow.admits(upstream.provider.name, upstream.endpoint):
        return no(Cause.NARROWED, f"the model id {call.asked} names another place")
    if operation.model not in upstream.endpoint.models:
        return no(Cause.MODEL, f"does not serve {operation.model}")
    try:
        losses = upstream.provider.losses(operation, call.fields, upstream.endpoint)
    except RecursionError:
        raise Malformed("The request body is nested too deeply.") from None
    lost = losses if not upstream.lenient else [loss for loss in losses if not loss.droppable]
    if lost:
        return no(Cause.FIDELITY, "; ".join(f"{loss.name}: {loss.reason}" for loss in lost))
    return Leg(upstream, losses)


def _refusal(call: Call, rejected: Sequence[Rejection]) -> Refused:
    """Return the error for an empty plan: what the caller can mend comes first."""
    causes = {rejection.cause for rejection in rejected}
    reasons = " ".join(f"[{each.upstream}] {each.reason}." for each in rejected)
    if Cause.FIDELITY in causes:
        if call.kind is Kind.COUNT_TOKENS:
            return NotServed(f"No upstream can count these tokens: {reasons}")
        return Malformed(f"No upstream takes this request whole: {reasons}")
    if Cause.NARROWED in causes:
        return Forbidden(f"No upstream is left for this request: {reasons}")
    return UnknownModel(f"model: no upstream serves {call.asked}: {reasons}")
