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


Step = Send | Wait | Give


@dataclass(frozen=True, slots=True)
class Rule:
    """What one kind of failure means for the next step."""

    surface: bool = False
    """The caller gets it at once: no other upstream would say otherwise."""
    retry_here: bool = False
    """The same upstream may be asked again."""
    here_first: bool = False
    """It is asked again before the next upstream is, unless it wants a long wait."""
    hope: int = 0
    """Of several failures, the caller is told the one with the most hope."""


RULES = {
    FailureKind.CALLER: Rule(surface=True),
    FailureKind.CREDENTIAL: Rule(hope=0),
    FailureKind.ABSENT: Rule(hope=1),
    FailureKind.NOT_SENT: Rule(retry_here=True, hope=2),
    FailureKind.BAD200: Rule(retry_here=True, hope=3),
    FailureKind.CUT: Rule(retry_here=True, hope=3),
    FailureKind.AMBIGUOUS: Rule(retry_here=True, hope=4),
    FailureKind.QUOTA: Rule(hope=5),
    FailureKind.ILL: Rule(retry_here=True, here_first=True, hope=6),
    FailureKind.THROTTLED: Rule(retry_here=True, hope=7),
}

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


class Dispatch:
    """The attempts of one call.

    Args:
        plan: The upstreams that may be tried, in order.
        limits: The clocks and counts of the call.
        rng: Where jitter comes from.
        now_s: The time at which the call began.
        may: Says of an upstream's name whether policy still allows it. An upstream that it
            refuses once is not tried again in this call.
    """

    def __init__(
        self,
        plan: Plan,
        limits: Limits,
        rng: random.Random,
        now_s: float,
        *,
        may: Callable[[str], bool],
    ) -> None:
        self.limits = limits
        self.deadline_s = now_s + limits.call_s
        self._legs = plan.legs
        self._rng = rng
        self._may = may
        self._tries = dict.fromkeys([leg.upstream.name for leg in plan.legs], 0)
        self._ready_s: dict[str, float] = {}
        self._spent: set[str] = set()
        self._refused: list[str] = []
        self._again: str | None = None
        self._sent: Attempt | None = None
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
        if now_s >= self.deadline_s:
            return self._give(TIMED_OUT)
        if len(self._records) >= self.limits.attempts:
            return self._give()
        leg = self._next_allowed()
        if leg is None:
            return self._give()
        ready_s = self._ready_s.get(leg.upstream.name, now_s)
        if ready_s > now_s:
            return Wait(ready_s) if ready_s < self.deadline_s else self._give()
        return self._send(leg, now_s)

    def failed(self, failure: Failure, now_s: float) -> Step:
        """Record that the attempt under way failed, and return what to do next."""
        if self._sent is None:
            raise RuntimeError("no attempt is under way")
        name = self._sent.leg.upstream.name
        self._records.append(Record(self._sent.number, name, failure, now_s - self._sent_s))
        self._sent = None
        rule = RULES[failure.kind]
        if rule.surface:
            return self._give(failure)
        wait_s = self._wait_s(name, failure)
        soon = wait_s is not None and wait_s <= self.limits.max_s
        self._again = name if rule.here_first and soon else None
        if not rule.retry_here or wait_s is None:
            self._spent.add(name)
        else:
            self._ready_s[name] = now_s + wait_s
        return self.start(now_s)

    def withdrawn(self, now_s: float) -> Step:
        """Record that policy stopped the attempt under way before a byte of it had left.

        It does not count as an attempt.
        """
        if self._sent is None:
            raise RuntimeError("no attempt is under way")
        self._withdraw(self._sent.leg)
        self._sent = None
        return self.start(now_s)

    def stop(self, now_s: float) -> Give:
        """Record that the caller went away."""
        if self._sent is not None:
            name = self._sent.leg.upstream.name
            took_s = now_s - self._sent_s
            self._records.append(Record(self._sent.number, name, STOPPED, took_s))
            self._sent = None
        return self._give(STOPPED)

    def _next_allowed(self) -> Leg | None:
        """Return the leg to try that policy still allows."""
        while (leg := self._next()) is not None and not self._may(leg.upstream.name):
            self._withdraw(leg)
        return leg

    def _withdraw(self, leg: Leg) -> None:
        self._spent.add(leg.upstream.name)
        self._refused.append(leg.upstream.name)

    def _next(self) -> Leg | None:
        """Return the leg to try: the one to ask again, else a new one, else the soonest."""
        left = [leg for leg in self._legs if self._may_try(leg.upstream.name)]
        for leg in left:
            if leg.upstream.name == self._again:
                return leg
        for leg in left:
            if not self._tries[leg.upstream.name]:
                return leg
        return min(left, key=lambda leg: self._ready_s[leg.upstream.name], default=None)

    def _may_try(self, name: str) -> bool:
        return name not in self._spent and self._tries[name] < self.limits.per_upstream

    def _send(self, leg: Leg, now_s: float) -> Send:
        self._tries[leg.upstream.name] += 1
        self._sent = Attempt(len(self._records) + 1, leg)
        self._sent_s = now_s
        return Send(self._sent, min(now_s + self.limits.first_content_s, self.deadline_s))

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
        return Give(failure, self.records, self.refused)
