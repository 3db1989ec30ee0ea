"""The whole flow of one errand: read, find its pin, plan, try, pin what was made, hand it on.

It is the flow of a call (`gateway/engine.py`), with three things of its own: what uses a state
goes where that is and nowhere else, what might have been done is not done again, and what was
made is pinned before its caller hears of it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from msgspec import structs

from gateway import answers, logs
from gateway.answers import Answer
from gateway.audit import Audit
from gateway.boundary import Leave
from gateway.dispatch.attempts import STOPPED, Dispatch, Give
from gateway.dispatch.budget import Budget
from gateway.dispatch.drive import Connection, Job, Won, drive
from gateway.dispatch.health import Health, Ward
from gateway.dispatch.limits import Limits
from gateway.errors import Forbidden, NotReady, new_request_id
from gateway.policy.decision import Request
from gateway.policy.observed import Violation
from gateway.routing import Leg, Plan, Upstream, named_model
from gateway.stateful import finishing
from gateway.stateful.batch import Batch, Needs, bare_needs, read
from gateway.stateful.carrier import Carrier, no_results, prepared
from gateway.stateful.charging import Charging, Scopes, made_by
from gateway.stateful.held import Held
from gateway.stateful.holding import Holding, hold
from gateway.stateful.order import Order
from gateway.stateful.pins import Pin, UnknownState, one, own
from gateway.stateful.planning import Task, plan
from gateway.stateful.telling import (
    Begun,
    failed,
    is_nobodys,
    may_be_done,
    recorded,
    started,
    told,
    withdrawn,
)
from gateway.telemetry import Course, Observers
from gateway.wire.contract import Wire, WireError
from gateway.wire.passage import passage_of

T = TypeVar("T")

LARGE_BYTES = 128 * 1024
"""A larger batch is read in a thread: it would hold up others."""
READING_S = 120.0


@dataclass(frozen=True, slots=True)
class Means:
    """What an engine lends to the flow of errands."""

    upstreams: Sequence[Upstream]
    connections: Mapping[str, Connection]
    limits: Limits
    health: Health
    budget: Budget
    audit: Audit
    rng: random.Random
    leave: Callable[[], Leave]
    """Makes what one request may do."""
    observers: Callable[[], Observers]
    policy: Callable[[], str]
    unix_s: Callable[[], float]
    scopes: Scopes
    """How far requests travel, as platforms price it."""
    violated: Callable[[str], None]
    """Told the name of an upstream whose answer is not what was planned."""


class Stateful:
    """Does the errands of one engine."""

    def __init__(self, means: Means, held: Held) -> None:
        self._means = means
        self.held = held
        self.holding = Holding(held, means.unix_s)
        """Holds calls to where the states are that they name."""

    async def answer(
        self, order: Order, wire: Wire, gone: Callable[[], bool] = lambda: False
    ) -> Answer:
        """Do an errand; raises Refused when no upstream may or can do it.

        Args:
            order: The errand.
            wire: What carries it.
            gone: Says whether the caller has left; then nothing more is tried for it.
        """
        course = Course(self._means.observers(), order.call, wire.now_s)
        with course.ending(self._means.policy):
            begun = await self._begin(order, wire, course)
            return await self._try(begun, wire, gone)

    async def _begin(self, order: Order, wire: Wire, course: Course) -> Begun:
        """Find out what an errand goes to, and where it may go."""
        means, leave = self._means, self._means.leave()
        try:
            pin = await self._pin(order, wire)
            task, chosen = await self._planned(order, pin, leave, wire)
        except (Forbidden, UnknownState) as error:
            trail = means.audit.turned_away(order.call, error)
            raise answers.named(error, trail.decision) from None
        trail = means.audit.decided(task.order.call, chosen, recorded(task))
        course.planned(chosen, trail.decision, answers.judged(chosen, trail.decision).policy)
        if chosen.refused is not None:
            raise answers.named(chosen.refused, trail.decision)
        # What was read of a batch is carried by the plan's legs, and needed no more.
        return Begun(replace(task, batch=None), chosen, trail, course, leave)

    async def _pin(self, order: Order, wire: Wire) -> Pin | None:
        """Return the pin of what an errand goes to; None: it goes to nothing, or nobody pinned it.

        Raises UnknownState where another caller did.
        """
        if order.match.pinned is None:
            return None
        state, name = order.match.pinned
        found = await self.held.find([(state, name)], wire)
        mine = own(found, state, name, order.call.caller.key or "")
        if mine is None:
            return None
        pin, label = one(mine, order.call.labels.only), order.call.labels.data_class
        if label is not None and pin.asked is not None and pin.asked.data_class != label:
            was = "without a class" if pin.asked.data_class is None else "with another class"
            raise Forbidden(f"x-gateway-class: this {state} was made {was}; leave the label out.")
        return pin

    async def _planned(
        self, order: Order, pin: Pin | None, leave: Leave, wire: Wire
    ) -> tuple[Task, Plan]:
        means, call = self._means, order.call
        batch: Batch | None = None
        if order.match.endpoint.body == "requests":
            batch = await self._away(
                lambda: read(call, lambda name: named_model(name, means.upstreams)), order, wire
            )
        needs = bare_needs(call) if batch is None else batch.needs
        held = await hold(self.held, needs.references, call, means.upstreams, wire)
        if pin is not None and pin.asked is not None:
            needs = replace(needs, model=pin.asked.model)
        call = structs.replace(call, asked=needs.model, payer=needs.payer)
        task = Task(replace(order, call=call), needs, batch, pin, held)
        judgement = leave.judge_asked(
            call, needs.model, needs.asked, _change(needs, pin, frozenset(call.fields.betas))
        )
        out = frozenset[str]()
        if order.match.endpoint.does == "create":
            out = means.health.out(order.match.endpoint.area, wire.now_s(), call.account)
        chosen = await self._away(
            lambda: _carried(
                plan(
                    task,
                    means.upstreams,
                    judgement,
                    tripped=leave.tripped,
                    ranks=leave.ranks,
                    out=out,
                    today=leave.today,
                ),
                task,
            ),
            order,
            wire,
        )
        return task, chosen

    async def _away(self, work: Callable[[], T], order: Order, wire: Wire) -> T:
        """Do what takes long for a large batch without holding up others."""
        if len(order.call.fields.raw) <= LARGE_BYTES or order.match.endpoint.body is None:
            return work()
        try:
            return await wire.blocking(work, wire.now_s() + READING_S)
        except WireError:
            raise NotReady(
                f"The batch could not be read within {READING_S:g} s; split it."
            ) from None

    async def _try(self, begun: Begun, wire: Wire, gone: Callable[[], bool]) -> Answer:
        means, order = self._means, begun.task.order
        call, endpoint = order.call, order.match.endpoint
        downloads = endpoint.answer == "download"
        limits = means.limits.for_call(downloads, call.silence_s, call.retry_count, call.attempts)
        may = begun.leave.of(begun.plan)
        dispatch = Dispatch(
            begun.plan,
            limits,
            means.rng,
            wire.now_s(),
            may=may,
            ward=self._ward(order),
            budget=means.budget,
            gone=gone,
            ends=(lambda _failure: False) if endpoint.safe else may_be_done,
        )
        job = Job(
            operation=begun.plan.operation,
            fields=call.fields,
            dispatch=dispatch,
            connections=means.connections,
            passage=passage_of(begun.plan, may),
            new_request_id=lambda: call.request_id or new_request_id(),
            on_attempt=lambda attempt: started(begun, attempt),
            on_failure=lambda attempt, failure, _told: failed(begun, attempt, failure),
            on_broken_off=begun.trail.used,
            on_withdrawn=lambda attempt: withdrawn(begun, attempt),
            download=(lambda headers: no_results(endpoint, headers)) if downloads else None,
        )
        with begun.trail.ending():
            result = await drive(job, wire)
        if isinstance(result, Won):
            return await self._won(result, begun, wire)
        return self._gave_up(result, begun, limits)

    def _ward(self, order: Order) -> Ward | None:
        """Return how upstreams do at making things; what one is asked of its own says little."""
        if order.match.endpoint.does != "create":
            return None
        return self._means.health.of(order.match.endpoint.area, order.call.account)

    async def _won(self, won: Won, begun: Begun, wire: Wire) -> Answer:
        end = finishing.End(
            won,
            begun.task,
            begun.plan,
            trail=begun.trail,
            course=begun.course,
            now_s=self._means.unix_s(),
        )
        if won.download is not None:
            self._tap(won, begun, wire)
            return end.download(won.download)
        pin = end.made()
        if pin is not None:
            kept = await self.held.put(pin, wire)
            begun.trail.pinned(pin.state, pin.id, pin.upstream, pin.owner, durable=kept)
        elif begun.task.order.action == "delete" and begun.task.pin is not None:
            await self.held.deleted(begun.task.pin, wire)
        shown = await self._shown(begun.task.order, won, wire)
        return end.whole(shown)

    def _tap(self, won: Won, begun: Begun, wire: Wire) -> None:
        """Let what results say they used be recorded in passing, unless all of it is."""
        task, download, pin = begun.task, won.download, begun.task.pin
        known = pin is not None and pin.charged
        if task.order.match.endpoint.tap is None or download is None or known:
            return
        means, trail, upstream = self._means, begun.trail, won.attempt.leg.upstream

        def violated(found: Violation) -> None:
            logs.violation(upstream.name, found)
            trail.violation(upstream.name, found)
            begun.course.violated(upstream.name, found.what)
            means.violated(upstream.name)

        charging = Charging(
            trail,
            upstream,
            made_by(pin, trail.asked(task.order.call)),
            scopes=means.scopes,
            countries=begun.leave.countries,
            violated=violated,
        )

        async def whole() -> None:
            charging.end()
            if charging.complete and trail.written and pin is not None:
                await self.held.charged(pin, wire)

        download.tap, download.on_whole = charging.feed, whole

    async def _shown(self, order: Order, won: Won, wire: Wire) -> bytes:
        """Return what a caller may see of an answer: of a list, what is its own."""
        body, owner, made = won.body or b"", order.call.caller.key, order.match.endpoint.makes
        if order.action != "list" or owner is None or made is None:
            return body
        ids = finishing.listed(body)
        found = await self.held.find([(made, name) for name in ids], wire)
        name = won.attempt.leg.upstream.name
        mine = {pin.id for pin in found if pin.owner == owner and pin.upstream == name}
        return finishing.only(body, mine)

    def _gave_up(self, given: Give, begun: Begun, limits: Limits) -> Answer:
        order, trail = begun.task.order, begun.trail
        if given.withdrawn and not given.records:
            trail.finished(None, "withdrawn")
            raise answers.named(Forbidden(given.failure.message), trail.decision)
        left = given.failure is STOPPED
        judged = answers.judged(begun.plan, trail.decision)
        answer = answers.gave_up(told(given, begun.task), order.call, limits, judged)
        trail.finished(None, "left" if left else "failed", answer.request_id)
        if is_nobodys(given, begun.task) and order.match.pinned is not None:
            raise answers.named(UnknownState(*order.match.pinned), trail.decision)
        begun.course.gave_up(answer.status, answer.request_id, left=left)
        return answer


def _change(needs: Needs, pin: Pin | None, betas: frozenset[str]) -> Callable[[Request], Request]:
    """Return what completes that which policy decides on."""

    def change(known: Request) -> Request:
        asked = known._replace(
            features=needs.asked.features,
            betas=betas,
            checks=needs.checks,
            hatches=needs.hatches,
            models_inside=frozenset(needs.inside),
        )
        return asked if pin is None or pin.asked is None else pin.asked.request(asked)

    return change


def _carried(chosen: Plan, task: Task) -> Plan:
    """Return a plan whose legs carry the errand."""
    raw = task.order.call.fields.raw
    legs: list[Leg] = []
    for leg in chosen.legs:
        upstream = leg.upstream
        made = None if task.batch is None else prepared(task.batch, raw, upstream)
        carrier = Carrier(upstream.provider.name, upstream.provider, task.order, made)
        legs.append(Leg(replace(upstream, provider=carrier)))
    return structs.replace(chosen, legs=tuple(legs))
