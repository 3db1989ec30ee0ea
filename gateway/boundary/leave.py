"""What one call may do: policy's word when it is planned, and again before every attempt."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping

from gateway import judging
from gateway.boundary.boundary import Boundary
from gateway.call import Call
from gateway.judging import Judgement
from gateway.policy import preferring
from gateway.policy.facts import Assurance, Fact
from gateway.policy.preferring import Dearness
from gateway.routing import Plan, Upstream

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

    def ranks(self, judgement: Judgement) -> Mapping[str, tuple[float, ...]] | None:
        """Return the order that policies prefer: upstream -> rank; None: the configured one."""
        prefer = judgement.decision.prefer
        if self._in_force is None or not prefer:
            return None
        facts, model = self._in_force.facts, judgement.request.model
        return preferring.ranks(prefer, facts, model, self._dearness)

    def countries(self, upstream: str, model: str) -> frozenset[str] | None:
        """Return where an upstream was held to process a model; None: nobody said."""
        fact = self._fact(upstream, "processing_in", model)
        return fact.value if fact and isinstance(fact.value, frozenset) else None

    def _fact(self, upstream: str, name: str, model: str) -> Fact | None:
        known = self._in_force.facts.upstreams if self._in_force is not None else ()
        for each in known:
            if each.name == upstream:
                return each.get(name, model)
        return None

    def reach(self, upstream: Upstream, model: str) -> frozenset[str] | None:
        """Return where an upstream may process a model, as far as somebody signed that off."""
        if self._in_force is None:
            return upstream.reach(model)
        fact = self._fact(upstream.name, "processing_in", model)
        signed = fact is not None and fact.assurance >= Assurance.ORG
        return fact.value if fact and signed and isinstance(fact.value, frozenset) else None

    def of(self, plan: Plan) -> Callable[[str], bool]:
        """Return what says of an upstream, at any later time, whether it still may be tried.

        Only a planned upstream may. When a file has changed, or something that the decision
        rests on has ended, the same request is judged anew.
        """
        planned = frozenset(leg.upstream.name for leg in plan.legs)
        judgement = plan.judgement

        def may(upstream: str) -> bool:
            if upstream not in planned or upstream in self.tripped:
                return False
            if judgement is None or self._boundary is None:
                return True
            in_force, now_s = self._boundary.current(), self._boundary.now_s()
            if in_force is self._in_force and now_s < judgement.decision.until_s:
                return True
            return in_force is not None and upstream in judging.again(judgement, in_force, now_s)

        return may

    def _judge(self, call: Call, model: str) -> Judgement:
        if self._in_force is None:
            raise RuntimeError("there is no policy to ask")
        return judging.judge(call, model, self._in_force, self._judged_s)
