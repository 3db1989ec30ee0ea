"""The whole flow of one call, on one page.

A door reads a `Call`. Policy says where it may go, routing makes a plan of that, the dispatch
tries the plan's upstreams over a wire, and the first that answers is the `Answer`. Every step is
in the journal before the next one. The engine decides nothing of its own.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

from gateway import answers, compose, logs
from gateway.affinity import NOWHERE, Affinity, Stay
from gateway.answers import DIGEST_SHOWN, Answer, judged, named
from gateway.audit import Audit, Trail
from gateway.boundary import Boundary, Leave
from gateway.call import Call
from gateway.config import Config, process_environ
from gateway.costing import Bill, Costing
from gateway.credentials.contract import Signer
from gateway.dispatch.attempts import STOPPED, Attempt, Dispatch
from gateway.dispatch.budget import Budget, Unbounded
from gateway.dispatch.drive import Connection, Job, Won, drive
from gateway.dispatch.health import Health
from gateway.dispatch.limits import Limits
from gateway.dispatch.stream import Facts
from gateway.errors import Forbidden, new_request_id
from gateway.formats import Offer
from gateway.routing import Plan, Upstream, plan
from gateway.settling import End, expected, kept_warm
from gateway.stateful.held import Held
from gateway.stateful.pins import UnknownState
from gateway.stateful.serving import Means, Stateful
from gateway.telemetry import SILENT, Course, Observer, Observers
from gateway.wire.contract import Route, Wire
from gateway.wire.passage import address, passage_of
from providers.contract import Failure, Kind, Operation

if TYPE_CHECKING:
    from gateway.ledger.background import Folding


class Engine:
    """Upstreams, their connections, what may go to them, and what is known of their health."""

    def __init__(
        self,
        upstreams: Sequence[Upstream],
        connections: Mapping[str, Connection],
        limits: Limits,
        *,
        health: Health | None = None,
        budget: Budget | None = None,
        affinity: Affinity | None = None,
        rng: random.Random | None = None,
        boundary: Boundary | None = None,
        audit: Audit | None = None,
        on_violation: Literal["record", "withdraw"] = "record",
        observer: Observer = SILENT,
        costing: Costing | None = None,
        folding: Folding | None = None,
        held: Held | None = None,
    ) -> None:
        self.upstreams = tuple(upstreams)
        self.limits = limits
        self.boundary = boundary
        self.audit = audit or Audit()
        self.violations = 0
        """How many answers were not what was planned."""
        self._connections = connections
        self.health = health or Health(ejects=False)
        self.budget = budget or Unbounded()
        self._affinity = affinity
        self._costing = costing
        self.folding = folding
        """What folds the journal into the ledger; None: nothing does in this process."""
        self._limits_for = lru_cache(maxsize=256)(limits.for_call)
        self._rng = rng or random.Random()  # noqa: S311 - jitter is no secret
        self._withdraws = on_violation == "withdraw"
        self._observers = Observers(observer)
        means = Means(
            upstreams=self.upstreams,
            connections=connections,
            limits=limits,
            health=self.health,
            budget=self.budget,
            audit=self.audit,
            rng=self._rng,
            leave=self._leave,
            observers=lambda: self._observers,
            policy=lambda: self.policy,
            unix_s=time.time,
            scopes=lambda upstream, model: costing.scope(upstream, model) if costing else None,
            violated=self._violated,
        )
        self.stateful = Stateful(means, held or Held())
        """Does what is no call: batches, files, skills."""

    @classmethod
    def from_config(
        cls,
        config: str | Path | Config | None = None,
        signers: Mapping[str, Signer] = compose.NO_SIGNERS,
        *,
        observer: Observer = SILENT,
    ) -> Self:
        """Return the engine of a configuration, for several clients to share.

        Args:
            config: A directory with a `gateway.toml`, or a configuration; None: the one that
                GATEWAY_CONFIG names, else the SDKs' own variables.
            signers: Upstream name -> signer, for credentials the configuration does not hold.
            observer: Told what happens to every call.

        Raises:
            ConfigError: The configuration, a policy or an attestation is missing or wrong.
        """
        checked = compose.found(config, process_environ())
        made = compose.parts(checked, signers)
        return cls(
            made.upstreams,
            made.connections,
            made.limits,
            health=made.health,
            budget=made.budget,
            affinity=made.affinity,
            boundary=made.boundary,
            audit=made.audit,
            on_violation=checked.policy.on_violation,
            observer=observer,
            costing=made.costing,
            folding=made.folding,
            held=made.held,
        )

    def observe(self, observer: Observer) -> None:
        """Tell one more observer of what happens to the calls that begin from now on."""
        self._observers = self._observers.joined_by(observer)

    @property
    def routes(self) -> tuple[Route, ...]:
        """The addresses of the upstreams, in their order."""
        return tuple(self._connections[each.name].route for each in self.upstreams)

    def offers(self) -> tuple[Offer, ...]:
        """Return the models of the upstreams, and where they may be processed there."""
        leave = self._leave()
        return tuple(
            Offer(model, each.provider.name, each.endpoint, leave.reach(each, model))
            for each in self.upstreams
            for model in each.endpoint.models
        )

    @property
    def policy(self) -> str:
        """What answers say of the policy in force: the start of its digest, or `none`."""
        found = self.boundary.current() if self.boundary is not None else None
        return "none" if found is None else found.compiled.digest[:DIGEST_SHOWN]

    @property
    def troubles(self) -> tuple[str, ...]:
        """What an operator should look at, without names of files."""
        found = [f"{name} was taken out: it broke a plan" for name in self._tripped()]
        if self.violations:
            found.append(f"{self.violations} answers were not what was planned")
        if self.boundary is not None and self.boundary.mistakes:
            found.append("changed policy files have mistakes: the old ones are in force")
        if self.audit.broken is not None:
            found.append("the journal cannot be written")
        if self.folding is not None and self.folding.progress.error is not None:
            found.append("the ledger cannot be written: it is behind the journal")
        if self.stateful.held.lost:
            found.append("what was made is not pinned durably: a restart forgets where it is")
        return tuple(found)

    @property
    def journal(self) -> str:
        """Whether there is a journal, and can be written: `none`, `ok` or `broken`."""
        return self.audit.state

    @property
    def stopped(self) -> bool:
        """Whether no request is sent, because a required journal cannot be written."""
        return self.audit.required and self.audit.broken is not None

    async def answer(
        self, call: Call, wire: Wire, gone: Callable[[], bool] = lambda: False
    ) -> Answer:
        """Serve a call; raises Refused when no upstream may or can see it.

        Args:
            call: The call.
            wire: What carries it.
            gone: Says whether the caller has left; then nothing more is tried for it.
        """
        course = Course(self._observers, call, wire.now_s)
        with course.ending(lambda: self.policy):
            return await self._answer(call, wire, gone, course)

    async def _answer(
        self, call: Call, wire: Wire, gone: Callable[[], bool], course: Course
    ) -> Answer:
        leave = self._leave()
        now_s = wire.now_s()
        stay = NOWHERE if self._affinity is None else await self._affinity.of(call, now_s)
        chosen = await self._planned(call, now_s, leave, stay, wire)
        trail = self.audit.decided(call, chosen)
        course.planned(chosen, trail.decision, judged(chosen, trail.decision).policy)
        if chosen.refused is not None:
            raise named(chosen.refused, trail.decision)
        limits = self._limits_for(call.stream, call.silence_s, call.retry_count, call.attempts)
        may = leave.of(chosen, call.within)
        bill = Bill(self._costing, chosen.operation, paid_by_other=call.payer is not None)
        dispatch = self._dispatch(call, chosen, limits, wire, may=may, gone=gone)
        job = self._job(call, chosen, dispatch, may, trail=trail, course=course, bill=bill)
        with trail.ending():
            result = await drive(job, wire)
        if isinstance(result, Won):
            planned = expected(result, chosen, leave) if trail.decision is not None else None
            answer = answers.won(result, call, judged(chosen, trail.decision))
            ends = End(
                result,
                planned,
                trail,
                course,
                request_id=answer.request_id,
                violated=self._violated,
                gone=gone,
                costs=bill.cost,
            )
            ends.begin(answer)
            await self.stateful.holding.answered(result, call, chosen, trail, wire)
            await kept_warm(result, stay, wire)
            return answer
        if result.withdrawn and not result.records:
            trail.finished(None, "withdrawn")
            raise named(Forbidden(result.failure.message), trail.decision)
        answer = answers.gave_up(result, call, limits, judged(chosen, trail.decision))
        left = result.failure is STOPPED
        trail.finished(None, "left" if left else "failed", answer.request_id)
        course.gave_up(answer.status, answer.request_id, left=left)
        return answer

    def _dispatch(
        self,
        call: Call,
        chosen: Plan,
        limits: Limits,
        wire: Wire,
        *,
        may: Callable[[str], bool],
        gone: Callable[[], bool],
    ) -> Dispatch:
        return Dispatch(
            chosen,
            limits,
            self._rng,
            wire.now_s(),
            may=may,
            ward=self.health.of(asked_for(chosen.operation), call.account),
            budget=self.budget,
            gone=gone,
        )

    def _job(
        self,
        call: Call,
        chosen: Plan,
        dispatch: Dispatch,
        may: Callable[[str], bool],
        *,
        trail: Trail,
        course: Course,
        bill: Bill,
    ) -> Job:
        return Job(
            operation=chosen.operation,
            fields=call.fields,
            dispatch=dispatch,
            connections=self._connections,
            passage=passage_of(chosen, may),
            new_request_id=lambda: call.request_id or new_request_id(),
            on_attempt=lambda attempt: _started(trail, course, bill, attempt, chosen.operation),
            on_failure=lambda attempt, failure, told: _failed(
                trail, course, attempt, failure, told, model=chosen.operation.model
            ),
            on_broken_off=trail.used,
            on_withdrawn=lambda attempt: _withdrawn(trail, course, attempt),
            attempt_id=trail.name_of,
        )

    def plan(
        self,
        call: Call,
        now_s: float,
        leave: Leave | None = None,
        stay: Stay = NOWHERE,
        held_by: str | None = None,
    ) -> Plan:
        """Return where a call would be tried, in order.

        Raises Refused for a call that is wrong whatever the upstreams are.
        """
        leave = leave or self._leave()
        return plan(
            call,
            self.upstreams,
            lambda operation: self.health.out(asked_for(operation), now_s, call.account),
            judge=leave.judge,
            tripped=leave.tripped,
            ranks=leave.ranks,
            minted_by=stay.minted_by,
            warm=stay.warm,
            held_by=held_by,
            today=leave.today,
            reach=leave.reach,
        )

    async def _planned(
        self, call: Call, now_s: float, leave: Leave, stay: Stay, wire: Wire
    ) -> Plan:
        try:
            held = await self.stateful.holding.of(call, self.upstreams, wire)
            return held.checked(self.plan(call, now_s, leave, stay, held.upstream))
        except (Forbidden, UnknownState) as error:
            raise named(error, self.audit.turned_away(call, error).decision) from None

    def _leave(self) -> Leave:
        costing = self._costing
        return Leave(self.boundary, None if costing is None else costing.dearness)

    def _tripped(self) -> list[str]:
        return sorted(self.boundary.tripped) if self.boundary is not None else []

    def _violated(self, upstream: str) -> None:
        """Count an answer that broke its plan, and take its upstream out where that is wished."""
        self.violations += 1
        if self._withdraws and self.boundary is not None:
            self.boundary.trip(upstream)


def _started(
    trail: Trail, course: Course, bill: Bill, attempt: Attempt, operation: Operation
) -> None:
    upstream = attempt.leg.upstream
    _, host, _ = address(upstream.endpoint.base_url)
    wire_model = upstream.endpoint.models[operation.model].id
    trail.started(attempt, host, wire_model, bill.began(upstream))
    course.started(upstream)


def _withdrawn(trail: Trail, course: Course, attempt: Attempt) -> None:
    trail.withdrawn(attempt)
    course.withdrawn()


def _failed(
    trail: Trail, course: Course, attempt: Attempt, failure: Failure, told: Facts, *, model: str
) -> None:
    logs.attempt_failed(attempt, model, failure)
    trail.failed(attempt, failure, told)
    course.failed(failure)


def asked_for(operation: Operation) -> str:
    """Return what an upstream's health is kept for: a model, or counting its tokens.

    A platform may serve one and not the other.
    """
    counts = operation.kind is Kind.COUNT_TOKENS
    return f"{operation.model} (counting)" if counts else operation.model
