"""From a call to a plan: the upstreams that may serve it, in order.

Pure. An upstream that policy does not allow, or that cannot serve a call whole, is left out with
a reason, so that what the plan holds can be tried without looking for another.
"""

from __future__ import annotations

import datetime as dt
import difflib
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto

from msgspec import Struct

from gateway.call import Call
from gateway.errors import (
    Forbidden,
    Malformed,
    NotReady,
    NotServed,
    Refused,
    TooLarge,
    UnknownModel,
    quoted,
)
from gateway.judging import Judgement
from gateway.policy.decision import Verdict
from gateway.policy.explain import summary
from providers import capabilities, catalog
from providers.contract import Endpoint, Kind, Loss, Operation, Provider


def nobody_says(_model: str) -> frozenset[str] | None:
    """Return None: where an upstream is that nothing is known of."""
    return None


def own_reach(upstream: Upstream, model: str) -> frozenset[str] | None:
    """Return the countries that an upstream's place alone says."""
    return upstream.reach(model)


@dataclass(frozen=True, slots=True)
class Upstream:
    """A configured place where Claude runs."""

    name: str
    provider: Provider
    endpoint: Endpoint
    lenient: bool = False
    """Whether a request may go there without the parts that the platform does not take."""
    reach: Callable[[str], frozenset[str] | None] = field(
        default=nobody_says, repr=False, compare=False
    )
    """Model -> the countries that follow from the place; None: nobody says."""


class Leg(Struct, frozen=True):
    """One upstream of a plan, with what a request loses there."""

    upstream: Upstream
    losses: tuple[Loss, ...] = ()


_ARN = "arn:"
_OWN_BYTES = 1 << 16
"""More than encoding adds to a body: a smaller one need not be encoded to be measured."""
_NAMED = 10
"""How many losses a rejection names: callers choose what they send."""

Ranks = Mapping[str, tuple[float, ...]]
"""Upstream -> where it stands, the lowest first."""


class Cause(Enum):
    """Why an upstream is not in a plan."""

    POLICY = auto()
    MODEL = auto()
    NARROWED = auto()
    FIDELITY = auto()
    ENDPOINT = auto()
    """The platform does not have what is asked for."""
    PINNED = auto()
    """Another upstream holds what the request refers to."""
    SIZE = auto()


@dataclass(frozen=True, slots=True)
class Rejection:
    """An upstream that is not in a plan, and why."""

    upstream: str
    cause: Cause
    reason: str
    lost: tuple[Loss, ...] = ()
    """The first of the parts that it does not take."""


class Plan(Struct, frozen=True):
    """The ordered upstreams one call may be tried at; without any, `refused` says why."""

    operation: Operation
    legs: tuple[Leg, ...]
    rejected: tuple[Rejection, ...] = ()
    judgement: Judgement | None = None
    """What policy said; None: there is no policy."""
    refused: Refused | None = None
    """What the caller is told when no upstream is left."""
    warm: str | None = None
    """The upstream that holds the prompt cache of this conversation."""


def plan(
    call: Call,
    upstreams: Sequence[Upstream],
    out: Callable[[Operation], frozenset[str]] = lambda _operation: frozenset(),
    *,
    judge: Callable[[Call, str], Judgement] | None = None,
    tripped: Container[str] = (),
    ranks: Callable[[Judgement], Ranks | None] = lambda _judgement: None,
    minted_by: str | None = None,
    warm: str | None = None,
    held_by: str | None = None,
    today: dt.date | None = None,
    reach: Callable[[Upstream, str], frozenset[str] | None] = own_reach,
) -> Plan:
    """Return the plan for a call.

    Args:
        call: The call.
        upstreams: The configured upstreams, in their order.
        out: Names the upstreams that do ill: they go last instead of away, for the last one
            allowed is always tried.
        judge: Asks policy of a call for a canonical model; None: there is no policy.
        tripped: The upstreams that were taken out.
        ranks: The order that policies prefer, where it is not the configured one.
        minted_by: The platform that signed the conversation's thinking: it comes before others.
        warm: The upstream where its prompt cache is warm: it comes first, unless it is ill.
        held_by: The one upstream that has what the call refers to; None: any may do.
        today: The day, for models that are no longer served; None: none is taken to be.
        reach: Tells the countries where an upstream may process a model.

    Raises:
        Refused: The call is wrong whatever the upstreams are.
    """
    check_only(call, upstreams)
    model, narrow = named_model(call.asked, upstreams)
    if judge is None:
        refuse_what_nobody_judges(call)
    judgement = judge(call, model) if judge is not None else None
    if not isinstance(call.kind, Kind):
        raise TypeError(f"{call.kind} asks nothing of a model")
    operation = Operation(call.kind, model, call.stream)
    look = _Look(
        call,
        operation,
        narrow,
        judgement,
        tripped=tripped,
        reach=reach,
        today=today,
        held_by=held_by,
    )
    looked = [look.at(upstream) for upstream in upstreams]
    legs = [each for each in looked if isinstance(each, Leg)]
    rejected = tuple(each for each in looked if isinstance(each, Rejection))
    refused = None if legs else _refusal(call, rejected, judgement)
    if len(legs) > 1:
        preferred = ranks(judgement) if judgement is not None else None
        if preferred is not None:
            legs.sort(key=lambda leg: preferred[leg.upstream.name])
        # Sorting keeps what is equal in order: what is sorted by last counts most.
        if minted_by is not None:
            legs.sort(key=lambda leg: leg.upstream.provider.name != minted_by)
        if warm is not None:
            legs.sort(key=lambda leg: leg.upstream.name != warm)
        if ill := out(operation):
            legs.sort(key=lambda leg: leg.upstream.name in ill)
    is_warm = warm is not None and any(leg.upstream.name == warm for leg in legs)
    return Plan(operation, tuple(legs), rejected, judgement, refused, warm if is_warm else None)


def refuse_what_nobody_judges(call: Call) -> None:
    """Refuse what demands something while no policy is there to keep it; raises Forbidden."""
    if call.labels.data_class is not None:
        raise Forbidden("x-gateway-class: there is no policy that says where this class may go.")
    if call.labels.require:
        raise Forbidden("x-gateway-require: there is no policy that could keep this requirement.")
    if call.caller.layers:
        named = ", ".join(sorted(call.caller.layers))
        raise Forbidden(f"There is no policy, and this key is held to the layers {named}.")


def check_only(call: Call, upstreams: Sequence[Upstream]) -> None:
    """Raise the Refused for a call narrowed to an upstream that is not there."""
    names = [upstream.name for upstream in upstreams]
    if not names:
        raise NotReady("No upstream is configured.")
    for name in call.labels.only:
        if name not in names:
            near = difflib.get_close_matches(name, names, 1)
            hint = f" Did you mean {near[0]}?" if near else ""
            raise Malformed(f"x-gateway-only: there is no upstream {name[:100]!r}.{hint}")


@dataclass(frozen=True, slots=True)
class _Resource:
    """An ARN that the configuration names as a model's id: only where it stands is it meant."""

    arn: str
    model: str

    def admits(self, platform_name: str, endpoint: Endpoint) -> bool:
        """Say whether an endpoint serves the model under it."""
        del platform_name
        served = endpoint.models.get(self.model)
        return served is not None and served.id == self.arn


Demand = catalog.Narrowing | _Resource
"""What the way a model was written demands of an upstream."""


def named_model(asked: str, upstreams: Sequence[Upstream]) -> tuple[str, Demand | None]:
    """Return the canonical id and what the way it was written demands; raises UnknownModel."""
    for upstream in upstreams:
        if asked in upstream.endpoint.models:
            return asked, None
    if asked.startswith(_ARN):
        name = _named_by(asked, upstreams)
        return name, _Resource(asked, name)
    try:
        resolved = catalog.resolve(asked)
    except catalog.UnknownModel as error:
        near = f" Near names: {', '.join(error.near)}." if error.near else ""
        raise UnknownModel(f"model: {asked[:200]} is not known.{near}") from None
    return resolved.canonical, resolved.narrow


def _named_by(arn: str, upstreams: Sequence[Upstream]) -> str:
    """Return the canonical id of the model that an upstream serves under an ARN."""
    for upstream in upstreams:
        for name, model in upstream.endpoint.models.items():
            if model.id == arn:
                return name
    raise UnknownModel(
        f"model: no upstream has {quoted(arn, 200)} among its `models`; what an ARN stands for is "
        "known from there alone."
    )


class _Look:
    """One call, held against each upstream."""

    def __init__(
        self,
        call: Call,
        operation: Operation,
        narrow: catalog.Narrowing | _Resource | None,
        judgement: Judgement | None,
        *,
        tripped: Container[str],
        reach: Callable[[Upstream, str], frozenset[str] | None],
        today: dt.date | None,
        held_by: str | None,
    ) -> None:
        self._reach = reach
        self._today = today
        self._held_by = held_by
        self._call = call
        self._operation = operation
        self._narrow = narrow
        self._judgement = judgement
        self._verdicts = None if judgement is None else verdicts_by_name(judgement)
        self._tripped = tripped
        inside = judgement.models if judgement is not None else ()
        # What the catalog does not know, such as `default`, policy has judged by its name.
        self._inside = [model for model in inside if catalog.is_known(model)]

    def at(self, upstream: Upstream) -> Leg | Rejection:
        """Return the leg, or why the upstream cannot be one."""
        against = self._policy(upstream) or self._narrowed(upstream) or self._model(upstream)
        if against is not None:
            return Rejection(upstream.name, *against)
        try:
            losses = upstream.provider.losses(self._operation, self._call.fields, upstream.endpoint)
        except RecursionError:
            raise Malformed("The request body is nested too deeply.") from None
        lost = losses if not upstream.lenient else [loss for loss in losses if not loss.droppable]
        if lost:
            named = tuple(lost[:_NAMED])
            reason = "; ".join(f"{loss.name}: {loss.reason}" for loss in named)
            reason += f"; and {len(lost) - _NAMED} more" if len(lost) > _NAMED else ""
            return Rejection(upstream.name, Cause.FIDELITY, reason, named)
        leg = Leg(upstream, losses)
        against = self._size(leg)
        return leg if against is None else Rejection(upstream.name, *against)

    def _policy(self, upstream: Upstream) -> tuple[Cause, str] | None:
        if upstream.name in self._tripped:
            return TRIPPED
        return None if self._verdicts is None else against(self._verdicts.get(upstream.name))

    def _narrowed(self, upstream: Upstream) -> tuple[Cause, str] | None:
        if self._held_by is not None and upstream.name != self._held_by:
            return Cause.PINNED, f"{self._held_by} holds what the request refers to"
        only = self._call.labels.only
        if only and upstream.name not in only:
            return Cause.NARROWED, "not named in x-gateway-only"
        narrow = self._narrow
        if narrow is not None and not narrow.admits(upstream.provider.name, upstream.endpoint):
            return Cause.NARROWED, f"the model id {self._call.asked} names another place"
        within = self._call.within
        if within is not None and not within.admits(self._reach(upstream, self._operation.model)):
            return Cause.NARROWED, f"it is not known to stay where {within.written} does"
        return None

    def _model(self, upstream: Upstream) -> tuple[Cause, str] | None:
        found = unserved(upstream, self._operation.model, self._today)
        if found is not None:
            return found
        for model in self._inside:
            if model not in upstream.endpoint.models:
                return Cause.MODEL, f"does not serve {model}, which the request names too"
        return None

    def _size(self, leg: Leg) -> tuple[Cause, str] | None:
        """Say that the body is larger than the platform takes, as it would be sent there."""
        at, fields = leg.upstream, self._call.fields
        most = at.endpoint.models[self._operation.model].body_bytes
        size = len(fields.raw)
        if most is None or size + _OWN_BYTES <= most:
            return None
        # What wraps a body in a count is not part of it.
        if self._operation.kind is Kind.MESSAGES:
            encoded = at.provider.encode(self._operation, fields, at.endpoint, leg.losses)
            size = len(encoded.body)
        return (Cause.SIZE, f"takes bodies up to {most} bytes, not {size}") if size > most else None


def unserved(upstream: Upstream, model: str, today: dt.date | None) -> tuple[Cause, str] | None:
    """Return why an upstream does not serve a model on a day; None: it does."""
    served = upstream.endpoint.models.get(model)
    if served is None:
        return Cause.MODEL, f"does not serve {model}{_absence(upstream, model)}"
    ended = served.retires_on
    if ended is not None and today is not None and today > ended:
        return Cause.MODEL, f"serves {model} no longer: it was retired there on {ended}"
    return None


def _absence(upstream: Upstream, model: str) -> str:
    """Return why an endpoint has no id for a model, in brackets; "" where that is not known."""
    try:
        known = capabilities.load(upstream.provider.name)
    except LookupError:
        return ""
    why = capabilities.absence(known, upstream.endpoint, model)
    return f" ({why})" if why else ""


TRIPPED = (Cause.POLICY, "taken out: an answer from there broke its plan")


def against(verdict: Verdict | None) -> tuple[Cause, str] | None:
    """Return what policy has against an upstream; None: nothing."""
    if verdict is None:
        return Cause.POLICY, "policy knows nothing of it"
    if verdict.allowed:
        return None
    rules = dict.fromkeys(reason.rule for reason in verdict.reasons)
    return Cause.POLICY, f"policy does not allow it: {', '.join(rules)}"


def verdicts_by_name(judgement: Judgement) -> dict[str, Verdict]:
    """Return what policy said, by upstream."""
    return {verdict.upstream: verdict for verdict in judgement.decision.candidates}


def _refusal(call: Call, rejected: Sequence[Rejection], judgement: Judgement | None) -> Refused:
    """Return the error for an empty plan: what the caller can mend comes first."""
    causes = {rejection.cause for rejection in rejected}
    if judgement is not None and not judgement.decision.allowed:
        return Forbidden(summary(judgement.decision))
    reasons = " ".join(f"[{each.upstream}] {each.reason}." for each in rejected)
    if Cause.FIDELITY in causes:
        if call.kind is Kind.COUNT_TOKENS:
            return NotServed(f"No upstream can count these tokens: {reasons}")
        return Malformed(f"No upstream takes this request whole: {reasons}")
    if Cause.SIZE in causes:
        return TooLarge(f"No upstream takes a body of this size: {reasons}")
    if causes & {Cause.NARROWED, Cause.POLICY, Cause.PINNED}:
        return Forbidden(f"No upstream is left for this request: {reasons}")
    return UnknownModel(f"model: no upstream serves {call.asked}: {reasons}")
