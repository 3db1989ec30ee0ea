"""What an operator sees of a running server. No secret, no account, no address."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from gateway.dispatch.budget import Budget, Unbounded
from gateway.dispatch.health import Health, State
from gateway.formats import Offer
from gateway.routing import Upstream
from gateway.server.counting import Counts, Tally
from gateway.server.shedding import Load
from gateway.version import installed

if TYPE_CHECKING:
    from gateway.ledger.background import Folding


class Shows(Protocol):
    """The part of `gateway.engine.Engine` that is shown."""

    health: Health
    budget: Budget

    @property
    def upstreams(self) -> Sequence[Upstream]:
        """The configured upstreams, in their order."""
        ...

    def offers(self) -> Sequence[Offer]:
        """Return the models of the upstreams, and where they may be processed there."""
        ...

    @property
    def policy(self) -> str:
        """What answers say of the policy in force."""
        ...

    @property
    def troubles(self) -> Sequence[str]:
        """What an operator should look at."""
        ...

    @property
    def journal(self) -> str:
        """Whether there is a journal, and can be written: `none`, `ok` or `broken`."""
        ...

    @property
    def stopped(self) -> bool:
        """Whether no request is sent."""
        ...

    @property
    def folding(self) -> Folding | None:
        """What folds the journal into the ledger; None: nothing does in this process."""
        ...


@dataclass(frozen=True, slots=True)
class Status:
    """The running server, as far as it is shown."""

    engine: Shows
    counts: Counts
    now_s: Callable[[], float]
    load: Load
    began_s: float

    def state(self, *, stopping: bool) -> str:
        """Return whether calls are served: `ready`, or why not."""
        if stopping:
            return "stopping"
        if not self.engine.upstreams:
            return "no upstream"
        return "no journal" if self.engine.stopped else "ready"

    def health(self) -> tuple[State, ...]:
        """Return how the upstreams do with the gateway's own credentials."""
        states = self.engine.health.states(self.now_s())
        return tuple(state for state in states if not state.own_credential)

    def budget_left(self) -> float | None:
        """Return how many further attempts the ill may be burdened with; None: no bound."""
        budget = self.engine.budget
        return None if isinstance(budget, Unbounded) else budget.left(self.now_s())


def brief(status: Status, *, stopping: bool) -> dict[str, Any]:
    """Return what anyone may know: whether calls are served."""
    return {
        "status": status.state(stopping=stopping),
        "policy": status.engine.policy,
        "upstreams": [upstream.name for upstream in status.engine.upstreams],
        "troubles": list(status.engine.troubles),
    }


def verbose(status: Status, *, stopping: bool) -> dict[str, Any]:
    """Return all that is shown."""
    now_s, left = status.now_s(), status.budget_left()
    health = status.health()
    return {
        **brief(status, stopping=stopping),
        "version": installed(),
        "uptime_s": round(now_s - status.began_s, 1),
        "journal": status.engine.journal,
        "ledger": _ledger(status.engine.folding),
        "in_flight": status.load.in_flight,
        "draining": status.load.draining,
        "tasks": tasks(),
        "retry_budget_left": None if left is None else round(left, 1),
        "upstreams": [
            _upstream(each, status.counts.upstreams.get(each.name, Tally()), health, now_s)
            for each in status.engine.upstreams
        ],
    }


def _ledger(folding: Folding | None) -> dict[str, Any] | None:
    """Return how far the ledger is behind the journal; None: it is not folded here."""
    if folding is None:
        return None
    progress, lag_s = folding.progress, folding.lag_s
    return {
        "records_behind": progress.records,
        "lag_s": None if lag_s is None else round(lag_s, 1),
        "files_in_trouble": progress.troubles,
        "error": progress.error,
    }


def tasks() -> int:
    """Return how many tasks the running event loop has."""
    return len(asyncio.all_tasks())


def _upstream(
    upstream: Upstream, tally: Tally, health: Sequence[State], now_s: float
) -> dict[str, Any]:
    failed_s = tally.last_failed_s
    return {
        "name": upstream.name,
        "platform": upstream.provider.name,
        "region": upstream.endpoint.region,
        "in_flight": tally.in_flight,
        "attempts": tally.attempts,
        "failures": tally.failures,
        "last_failure": None
        if failed_s is None
        else {"kind": tally.last_kind, "age_s": round(now_s - failed_s, 1)},
        "models": [_model(state, now_s) for state in health if state.upstream == upstream.name],
    }


def _model(state: State, now_s: float) -> dict[str, Any]:
    return {
        "model": state.model,
        "state": state.standing.value,
        "failures_in_a_row": state.failures,
        "for_s": None if state.until_s is None else round(state.until_s - now_s, 1),
    }
