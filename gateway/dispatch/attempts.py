"""Before an answer is open: which upstream is tried, when, and when to give up.

No I/O, no clock. `start`, `failed`, `withdrawn` and `stop` each return one step; the driver
does it. Policy is asked again before every attempt: a plan may outlive what allowed it.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from msgspec import Struct
from tenacity import RetryCallState, Retrying, wait_exponential

from gateway.dispatch.budget import Budget, Unbounded
from gateway.dispatch.health import Begun, Health, Standing, Ward
from gateway.dispatch.kinds import RULES
from gateway.dispatch.limits import Limits
from gateway.routing import Leg, Plan
from providers.contract import Failure, FailureKind


class Attempt(Struct, frozen=True):
    """One request to one upstream."""

    number: int
    """Counted from 1 over the whole call."""
    leg: Leg


@dataclass(frozen=True, slots=True)
class Record:
    """One attempt that failed."""

    number: int
    upstream: str
    failure: Failure
    took_s: float


class Send(Struct, frozen=True):
    """Send this attempt; it has until `until_s` to bring its first content."""

    attempt: Attempt
    until_s: float


@dataclass(frozen=True, slots=True)
class Wait:
    """Do nothing until `until_s`, then call `start` again."""

    until_s: float


@dataclass(frozen=True, slots=True)
class Give:
    """Give up: this failure is the caller's answer."""

    failure: Failure
    records: tuple[Record, ...]
    withdrawn: tuple[str, ...] = ()
    """The planned upstreams that policy no longer allowed when their turn came."""
    starved: bool = False
    """More could have been tried, had the shared budget had room for it."""


Step = Send | Wait | Give


_RETRYING = Retrying()

STOPPED = Failure(
    FailureKind.AMBIGUOUS, 499, "api_error", "The caller went away before an answer began."
)
WITHDRAWN = Failure(
    FailureKind.NOT_SENT,
    403,
    "permission_error",
    "Policy no longer allows any upstream that was planned for this request.",
)
TIMED_OUT = Failure(FailureKind.AMBIGUOUS, 504, "timeout_error", "The call took too long.")
CALL_TIMEOUT = Failure(FailureKind.CUT, 504, "timeout_error", "The call took too long.")
_COARSE_S = 0.05


class Dispatch:
    """The attempts of one call.

    Args:
        plan: The upstreams that may be tried, in order.
        limits: The clocks and counts of the call.
        rng: Where jitter comes from.
        now_s: The time at which the call began.
        may: Says of an upstream's name whether policy still allows it. An upstream that it
            refuses once is not tried again in this call.
        ward: How the upstreams do; it is asked before every attempt, and told of its end.
        budget: How much the ill may be burdened; shared by all calls.
        gone: Says whether the caller has left: nothing more is tried for it.
        ends: Says of a failure that nothing may be tried after it: the request may have been
            done, and doing it twice would do more than doing it once.
    """

    def __init__(
        self,
        plan: Plan,
        limits: Limits,
        rng: random.Random,
        now_s: float,
        *,
        may: Callable[[str], bool],
        ward: Ward | None = None,
        budget: Budget | None = None,
        gone: Callable[[], bool] = lambda: False,
        ends: Callable[[Failure], bool] = lambda _failure: False,
    ) -> None:
        self.limits = limits
        self._ends = ends
        self.deadline_s = now_s + limits.call_s
        # The caller hears nothing before an answer begins: its own clock bounds all attempts.
        self._ends_s = min(self.deadline_s, now_s + limits.bears_s)
        self._legs = plan.legs
        self._warm = plan.warm
        self._warm_until_s = now_s + limits.warm_wait_s
        self._rng = rng
        self._may = may
        self._gone = gone
        self._ward = ward or Health(ejects=False).of(plan.operation.model)
        self._budget = budget or Unbounded()
        self._tries = dict.fromkeys([leg.upstream.name for leg in plan.legs], 0)
        self._ready_s: dict[str, float] = {}
        self._spent: set[str] = set()
        self._refused: list[str] = []
        self._again: str | None = None
        self._starved = False
        self._sent: Attempt | None = None
        self._begun: Begun | None = None
        self._sent_s = now_s
        self._records: list[Record] = []

    @property
    def records(self) -> tuple[Record, ...]:
        """The attempts that have failed so far."""
        return tuple(self._records)

    @property
    def refused(self) -> tuple[str, ...]:
        """The upstreams that policy no longer allowed so far."""
        return tuple(self._refused)

    def start(self, now_s: float) -> Step:
        """Return what to do now: the first step, and the one after a wait."""
        if now_s >= self._ends_s:
            return self._give(TIMED_OUT)
        if self._gone():
            return self._give(STOPPED)
        while len(self._records) < self.limits.attempts:
            leg = self._next_allowed(now_s)
            if leg is None:
                break
            ready_s = self._ready(leg.upstream.name, now_s)
            if ready_s > now_s:
                self._again = leg.upstream.name
                return Wait(ready_s) if ready_s < self._ends_s else self._give()
            if self._afford(leg.upstream.name, now_s):
                return self._send(leg, now_s)
            self._starved = True
            self._spent.add(leg.upstream.name)
        return self._give()

    def failed(self, failure: Failure, now_s: float) -> Step:
        """Record that the attempt under way failed, and return what to do next."""
        begun = self._record(failure, now_s)
        name = begun.key[0]
        counts = self._had_its_time(failure, now_s)
        self._ward.failed(begun, failure, now_s, counts=counts)
        rule = RULES[failure.kind]
        if rule.surface or self._ends(failure):
            return self._give(failure)
        wait_s = self._wait_s(name, failure)
        self._again = name if self._here_first(failure, wait_s, name, now_s) else None
        if not rule.retry_here or wait_s is None:
            self._spent.add(name)
        else:
            self._ready_s[name] = now_s + wait_s
        return self.start(now_s)

    def withdrawn(self, now_s: float) -> Step:
        """Record that policy stopped the attempt under way before a byte of it had left.

        It does not count as an attempt.
        """
        if self._sent is None or self._begun is None:
            raise RuntimeError("no attempt is under way")
        self._ward.dropped(self._begun)
        self._withdraw(self._sent.leg)
        self._sent = self._begun = None
        return self.start(now_s)

    def stop(self, now_s: float) -> Give:
        """Record that the caller went away."""
        if self._sent is not None:
            self._ward.dropped(self._record(STOPPED, now_s))
        return self._give(STOPPED)

    def answered(self, now_s: float) -> None:
        """Record that the attempt under way has an answer, which is open or whole."""
        if self._begun is not None:
            self._ward.answered(self._begun, now_s)

    def ended(self, failure: Failure | None, now_s: float, *, whole: bool) -> None:
        """Record how that answer ended: whole, failed, or left by the caller."""
        begun, self._begun = self._begun, None
        if begun is None:
            return
        if whole:
            self._ward.worked(begun)
        elif failure is None or not self._counts_late(failure):
            self._ward.dropped(begun)
        else:
            self._ward.failed(begun, failure, now_s, counts=True)

    def _record(self, failure: Failure, now_s: float) -> Begun:
        """Put the end of the attempt under way on record."""
        if self._sent is None or self._begun is None:
            raise RuntimeError("no attempt is under way")
        name = self._sent.leg.upstream.name
        self._records.append(Record(self._sent.number, name, failure, now_s - self._sent_s))
        begun = self._begun
        self._sent = self._begun = None
        return begun

    def _next_allowed(self, now_s: float) -> Leg | None:
        """Return the leg to try that policy still allows."""
        while (leg := self._next(now_s)) is not None and not self._may(leg.upstream.name):
            self._withdraw(leg)
        return leg

    def _withdraw(self, leg: Leg) -> None:
        self._spent.add(leg.upstream.name)
        self._refused.append(leg.upstream.name)

    def _next(self, now_s: float) -> Leg | None:
        """Return the leg to try.

        The one to ask again comes first, then a new one that takes its turn, then a new one
        that is out, for the last one allowed is always tried, and then the soonest of the rest.
        """
        left = [leg for leg in self._legs if self._may_try(leg.upstream.name)]
        for leg in left:
            name = leg.upstream.name
            if name == self._again and self._is_asked_again(name, now_s):
                return leg
        new = [leg for leg in left if not self._tries[leg.upstream.name]]
        if self._warm is not None:
            # Who cools down is last in a plan, and yet is waited for where the cache is warm.
            new.sort(key=lambda leg: not self._is_waited_for(leg.upstream.name, now_s))
        for leg in new:
            if self._takes_its_turn(leg.upstream.name, now_s):
                return leg
        if new:
            return new[0]
        return min(left, key=lambda leg: self._ready_s[leg.upstream.name], default=None)

    def _is_asked_again(self, name: str, now_s: float) -> bool:
        """Say whether it still goes first; one waited for may have been throttled meanwhile."""
        return self._tries[name] > 0 or self._takes_its_turn(name, now_s)

    def _takes_its_turn(self, name: str, now_s: float) -> bool:
        return not self._ward.out(name, now_s) or self._is_waited_for(name, now_s)

    def _is_waited_for(self, name: str, now_s: float) -> bool:
        """Say whether an upstream cools down, but holds the prompt cache and will be soon back."""
        if name != self._warm or self._ward.standing(name, now_s) is not Standing.COOLING:
            return False
        return self._ward.cools_until_s(name) <= self._warm_until_s

    def _ready(self, name: str, now_s: float) -> float:
        """Return when an upstream may be asked."""
        if self._is_waited_for(name, now_s) and not self._tries[name]:
            return self._ward.cools_until_s(name)
        return self._ready_s.get(name, now_s)

    def _may_try(self, name: str) -> bool:
        return name not in self._spent and self._tries[name] < self.limits.per_upstream

    def _afford(self, name: str, now_s: float) -> bool:
        """Say whether an attempt may burden an upstream; the first of a call always may.

        One at an upstream that answers may too, but it uses the budget up.
        """
        if not self._records:
            if not any(self._tries.values()):
                self._budget.call(name, now_s)
            return True
        ill = self._ward.is_ill(name, now_s)
        return self._budget.take(name, now_s, ill=ill) or self._ward.is_sound(name, now_s)

    def _send(self, leg: Leg, now_s: float) -> Send:
        name = leg.upstream.name
        self._tries[name] += 1
        self._sent = Attempt(len(self._records) + 1, leg)
        self._begun = self._ward.begun(name, now_s)
        self._sent_s = now_s
        return Send(self._sent, min(now_s + self.limits.first_content_s, self._ends_s))

    def _here_first(self, failure: Failure, wait_s: float | None, name: str, now_s: float) -> bool:
        """Say whether the same upstream is asked again before the next one is."""
        if wait_s is None:
            return False
        if failure.kind is FailureKind.THROTTLED and name == self._warm:
            return wait_s <= self.limits.warm_wait_s
        ejected = self._ward.standing(name, now_s) is Standing.EJECTED
        return RULES[failure.kind].here_first and wait_s <= self.limits.max_s and not ejected

    def _had_its_time(self, failure: Failure, now_s: float) -> bool:
        """Say whether a failure speaks of the upstream: a clock of the caller's does not."""
        if not _ran_out(failure):
            return True
        limits = self.limits
        full_s = limits.full_s if limits.full_s is not None else limits.first_content_s
        if failure.kind is FailureKind.NOT_SENT:
            full_s = min(full_s, limits.connect_s)
        # Timers wake a little late or, where a clock is coarse, a little early.
        return now_s - self._sent_s >= full_s - _COARSE_S

    def _counts_late(self, failure: Failure) -> bool:
        """Say whether the end of an open answer speaks of the upstream."""
        if not _ran_out(failure):
            return True
        if failure is CALL_TIMEOUT:
            return False
        begun = failure.kind is FailureKind.CUT
        return not (self.limits.narrowed_idle if begun else self.limits.narrowed)

    def _wait_s(self, name: str, failure: Failure) -> float | None:
        """Return the pause before the same upstream is asked again; None: not in this call."""
        if failure.retry_after_s is not None:
            over = failure.retry_after_s > self.limits.retry_after_cap_s
            return None if over else failure.retry_after_s
        # The SDK's own spread: up to a quarter less, so that callers do not return in step.
        return self._backoff_s(self._tries[name]) * (1 - 0.25 * self._rng.random())

    def _backoff_s(self, tries: int) -> float:
        state = RetryCallState(_RETRYING, None, (), {})
        state.attempt_number = tries
        return wait_exponential(multiplier=self.limits.base_s, max=self.limits.max_s)(state)

    def _give(self, failure: Failure | None = None) -> Give:
        if failure is None:
            failure = max(
                (record.failure for record in self._records),
                key=lambda each: RULES[each.kind].hope,
                default=WITHDRAWN if self._refused else TIMED_OUT,
            )
        return Give(failure, self.records, self.refused, self._starved)


def _ran_out(failure: Failure) -> bool:
    """Say whether a clock of this side ended an attempt, rather than an answer of the platform."""
    return failure.type == "timeout_error" and failure.upstream_status is None
