"""What one call may do: policy's word when it is planned, and again before every attempt."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping

from gateway import judging
from gateway.boundary.boundary import Boundary
from gateway.call import Call
from gateway.judging import Judgement
from gateway.policy import preferring
from gateway.policy.decision import Request
from gateway.policy.facts import Assurance, Fact
from gateway.policy.features import Asked
from gateway.policy.in_force import InForce
from gateway.policy.preferring import Dearness
from gateway.routing import Plan, Upstream
from gateway.within import Within

NOBODY: frozenset[str] = frozenset()


class Leave:
    """The policies and facts at the time of one call. Without a boundary there is no policy.

    Args:
        boundary: What is in force.
        dearness: Tells what upstreams cost, for policies that prefer the cheaper one.
    """

    __slots__ = ("_boundary", "_dearness", "_in_force", "_judged_s")

    def __init__(self, boundary: Boundary | None, dearness: Dearness | None = None) -> None:
        self._dearness = dearness
        self._boundary = boundary
        self._in_force = boundary.current() if boundary is not None else None
        self._judged_s = boundary.now_s() if boundary is not None else 0.0

    @property
    def today(self) -> dt.date | None:
        """The day of the call; None: there is no clock to ask."""
        if self._boundary is None:
            return None
        return dt.datetime.fromtimestamp(self._judged_s, dt.UTC).date()

    @property
    def tripped(self) -> frozenset[str]:
        """The upstreams that were taken out."""
        return self._boundary.tripped if self._boundary is not None else NOBODY

    @property
    def judge(self) -> Callable[[Call, str], Judgement] | None:
        """What asks policy of a call for a canonical model; None: there is no policy."""
        return None if self._in_force is None else self._judge

    def judge_asked(
        self, call: Call, model: str, asked: Asked, change: Callable[[Request], Request]
    ) -> Judgement | None:
        """Return what policy says of a call that was looked into elsewhere; None: there is none.

        `change` completes what is decided on.
        """
        in_force = self._in_force
        if in_force is None:
            return None
        now_s = self._judged_s
        return judging.judge_asked(call, model, asked, change, in_force=in_force, now_s=now_s)

    def ranks(self, judgement: Judgement) -> Mapping[str, tuple[float, ...]] | None:
        """Return the order that policies prefer: upstream -> rank; None: the configured one."""
        prefer = judgement.decision.prefer
        if self._in_force is None or not prefer:
            return None
        facts, model = self._in_force.facts, judgement.request.model
        return preferring.ranks(prefer, facts, model, self._dearness)

    def countries(self, upstream: str, model: str) -> frozenset[str] | None:
        """Return where an upstream was held to process a model; None: nobody said."""
        if self._in_force is None:
            return None
        fact = _processing_in(self._in_force, upstream, model)
        return fact.value if fact and isinstance(fact.value, frozenset) else None

    def reach(self, upstream: Upstream, model: str) -> frozenset[str] | None:
        """Return where an upstream may process a model, as far as somebody signed that off."""
        if self._in_force is None:
            return upstream.reach(model)
        return _signed(self._in_force, upstream.name, model, self._judged_s)

    def of(self, plan: Plan, within: Within | None = None) -> Callable[[str], bool]:
        """Return what says of an upstream, at any later time, whether it still may be tried.

        Only a planned upstream may. When a file has changed, or something that the decision
        rests on has ended, the same request is judged anew. What keeps a request `within` some
        countries is looked up each time.
        """
        planned = frozenset(leg.upstream.name for leg in plan.legs)
        judgement, model = plan.judgement, plan.operation.model

        def may(upstream: str) -> bool:
            if upstream not in planned or upstream in self.tripped:
                return False
            if judgement is None or self._boundary is None:
                return True
            in_force, now_s = self._boundary.current(), self._boundary.now_s()
            if in_force is None:
                return False
            if within and not within.admits(_signed(in_force, upstream, model, now_s)):
                return False
            if in_force is self._in_force and now_s < judgement.decision.until_s:
                return True
            return upstream in judging.again(judgement, in_force, now_s)

        return may

    def _judge(self, call: Call, model: str) -> Judgement:
        if self._in_force is None:
            raise RuntimeError("there is no policy to ask")
        return judging.judge(call, model, self._in_force, self._judged_s)


def _processing_in(in_force: InForce, upstream: str, model: str) -> Fact | None:
    for each in in_force.facts.upstreams:
        if each.name == upstream:
            return each.get("processing_in", model)
    return None


def _signed(in_force: InForce, upstream: str, model: str, now_s: float) -> frozenset[str] | None:
    """Return the countries that somebody signed off for an upstream, if that has not ended."""
    known = _processing_in(in_force, upstream, model)
    fact = None if known is None else known.at(now_s)
    if fact is None or fact.assurance < Assurance.ORG or now_s >= fact.until_s:
        return None
    return fact.value if isinstance(fact.value, frozenset) else None
