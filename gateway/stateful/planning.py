"""From an errand to a plan: the upstreams that may do it. Pure.

What makes a state may go to any upstream that policy allows. What uses one goes to the upstream
that holds it, or nowhere.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass

from gateway.errors import Forbidden, Malformed, NotServed, Refused, UnknownModel
from gateway.judging import Judgement
from gateway.policy.explain import summary
from gateway.routing import (
    TRIPPED,
    Cause,
    Leg,
    Plan,
    Ranks,
    Rejection,
    Upstream,
    against,
    check_only,
    refuse_what_nobody_judges,
    unserved,
    verdicts_by_name,
)
from gateway.stateful.batch import Batch, Item, Needs, losses
from gateway.stateful.hold import NOT_HELD, Hold
from gateway.stateful.order import Order
from gateway.stateful.pins import Gone, Pin, UnknownState
from providers import capabilities, catalog
from providers.contract import Area, Keeper, Kind, Loss, Operation


@dataclass(frozen=True, slots=True)
class Task:
    """An errand with all that is known of it before it is planned."""

    order: Order
    needs: Needs
    batch: Batch | None = None
    """What it carries, where that is a batch."""
    pin: Pin | None = None
    """What it goes to; None: it makes something, lists, or nobody has pinned it."""
    held: Hold = NOT_HELD
    """Where what it carries must go."""


def keeps(upstream: Upstream, area: Area) -> bool:
    """Say whether an upstream's platform has an area of endpoints."""
    if not isinstance(upstream.provider, Keeper):
        return False
    try:
        return area in capabilities.load(upstream.provider.name).areas
    except LookupError:
        return False


def plan(
    task: Task,
    upstreams: Sequence[Upstream],
    judgement: Judgement | None,
    *,
    tripped: Container[str] = (),
    ranks: Callable[[Judgement], Ranks | None] = lambda _judgement: None,
    out: frozenset[str] = frozenset(),
    today: dt.date | None = None,
) -> Plan:
    """Return the plan of an errand.

    Args:
        task: The errand.
        upstreams: The configured upstreams, in their order.
        judgement: What policy says of it; None: there is no policy.
        tripped: The upstreams that were taken out.
        ranks: The order that policies prefer.
        out: The upstreams that do ill: they go last.
        today: The day, for models that are no longer served; None: none is taken to be.

    Raises:
        Refused: It is wrong whatever policy says, or nobody knows what it goes to.
    """
    order, pin = task.order, task.pin
    check_only(order.call, upstreams)
    if judgement is None:
        refuse_what_nobody_judges(order.call)
    if pin is not None and pin.upstream not in {each.name for each in upstreams}:
        raise Gone(pin)
    one_of = _one_of(task, upstreams)
    look = _Look(task, judgement, tripped, one_of, today=today)
    looked = [look.at(upstream) for upstream in upstreams]
    legs = [each for each in looked if isinstance(each, Leg)]
    rejected = tuple(each for each in looked if isinstance(each, Rejection))
    refused = None if legs else _refusal(task, rejected, judgement)
    if len(legs) > 1:
        preferred = ranks(judgement) if judgement is not None else None
        if preferred is not None:
            legs.sort(key=lambda leg: preferred[leg.upstream.name])
        legs.sort(key=lambda leg: leg.upstream.name in out)
    operation = Operation(Kind.MESSAGES, task.needs.model)
    return task.held.checked(Plan(operation, tuple(legs), rejected, judgement, refused))


def _one_of(task: Task, upstreams: Sequence[Upstream]) -> str | None:
    """Return the one upstream that an errand can mean; None: any may do it.

    Raises:
        UnknownState: Nobody knows which upstream has the state.
        Malformed: A list is of one upstream, and several have one.
    """
    order, endpoint = task.order, task.order.match.endpoint
    if task.pin is not None:
        return task.pin.upstream
    if endpoint.does == "create":
        return task.held.upstream
    only = order.call.labels.only
    having = [
        each.name
        for each in upstreams
        if keeps(each, endpoint.area) and (not only or each.name in only)
    ]
    if len(having) == 1:
        return having[0]
    if not having:
        return None
    if order.match.pinned is not None:
        raise UnknownState(*order.match.pinned)
    raise Malformed(
        f"Several upstreams have {endpoint.area}: {', '.join(having)}. A list is of one of them: "
        "name it in x-gateway-only. There is no list of all, for their pages do not join."
    )


class _Look:
    """One errand, held against each upstream."""

    def __init__(
        self,
        task: Task,
        judgement: Judgement | None,
        tripped: Container[str],
        one_of: str | None,
        *,
        today: dt.date | None,
    ) -> None:
        self._task = task
        self._today = today
        self._verdicts = None if judgement is None else verdicts_by_name(judgement)
        self._tripped = tripped
        self._one_of = one_of

    def at(self, upstream: Upstream) -> Leg | Rejection:
        """Return the leg, or why the upstream cannot be one."""
        found = (
            self._endpoint(upstream)
            or self._policy(upstream)
            or self._narrowed(upstream)
            or self._models(upstream)
        )
        if found is not None:
            return Rejection(upstream.name, *found)
        batch = self._task.batch
        if batch is None:
            return Leg(upstream)
        lost = losses(batch, lambda item: losses_of(upstream, item), lenient=upstream.lenient)
        if lost:
            reason = "; ".join(f"{loss.name}: {loss.reason}" for loss in lost[:10])
            return Rejection(upstream.name, Cause.FIDELITY, reason, lost[:10])
        return Leg(upstream)

    def _endpoint(self, upstream: Upstream) -> tuple[Cause, str] | None:
        area = self._task.order.match.endpoint.area
        if not keeps(upstream, area):
            return Cause.ENDPOINT, _without(upstream, area)
        if self._one_of is not None and upstream.name != self._one_of:
            return Cause.PINNED, "does not hold what is asked for"
        return None

    def _policy(self, upstream: Upstream) -> tuple[Cause, str] | None:
        if upstream.name in self._tripped:
            return TRIPPED
        return None if self._verdicts is None else against(self._verdicts.get(upstream.name))

    def _narrowed(self, upstream: Upstream) -> tuple[Cause, str] | None:
        only = self._task.order.call.labels.only
        if only and upstream.name not in only:
            return Cause.NARROWED, "not named in x-gateway-only"
        for name, narrow in self._task.needs.narrow:
            if not narrow.admits(upstream.provider.name, upstream.endpoint):
                return Cause.NARROWED, f"the model id {name} names another place"
        return None

    def _models(self, upstream: Upstream) -> tuple[Cause, str] | None:
        needs = self._task.needs
        known = (model for model in needs.inside if catalog.is_known(model))
        found = (unserved(upstream, model, self._today) for model in (*needs.named, *known))
        return next((each for each in found if each is not None), None)


def _without(upstream: Upstream, area: Area) -> str:
    """Return why an upstream has none of an area, as its platform's data says it."""
    try:
        told = capabilities.load(upstream.provider.name).supports.get(area)
    except LookupError:
        told = None
    why = f": {told}" if isinstance(told, str) else ""
    return f"has no {area} that this gateway knows of{why}"


def losses_of(upstream: Upstream, item: Item) -> Sequence[Loss]:
    """Return what a platform does not take of one request of a batch."""
    try:
        return upstream.provider.losses(item.operation, item.fields, upstream.endpoint)
    except RecursionError:
        raise Malformed("The request body is nested too deeply.") from None


def _refusal(task: Task, rejected: Sequence[Rejection], judgement: Judgement | None) -> Refused:
    """Return the error for an empty plan."""
    area, only = task.order.match.endpoint.area, task.order.call.labels.only
    causes = {rejection.cause for rejection in rejected}
    reasons = " ".join(f"[{each.upstream}] {each.reason}." for each in rejected)
    if {each.cause for each in rejected if not only or each.upstream in only} == {Cause.ENDPOINT}:
        which = "upstream that x-gateway-only names" if only else "configured upstream"
        return NotServed(f"No {which} has {area}: {reasons}")
    held = next(
        (each for each in rejected if task.pin and each.upstream == task.pin.upstream), None
    )
    if held is not None and task.pin is not None:
        return Forbidden(
            f"{task.pin.state}: the upstream {held.upstream} holds it, and no other has it: "
            f"{held.reason}."
        )
    if judgement is not None and not judgement.decision.allowed:
        return Forbidden(summary(judgement.decision))
    if Cause.FIDELITY in causes:
        return Malformed(f"No upstream takes this batch whole: {reasons}")
    if causes & {Cause.NARROWED, Cause.POLICY}:
        return Forbidden(f"No upstream is left for this request: {reasons}")
    return UnknownModel(f"model: no upstream serves all of this batch: {reasons}")
