"""The order among allowed upstreams that policies prefer. It never adds or takes one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import inf

from gateway.policy.facts import EVERYWHERE, FactSheet, UpstreamFacts

Dearness = Callable[[str, str], float]
"""Upstream and model -> what a request costs there beside other upstreams; `inf`: unknown."""
Wish = Callable[[UpstreamFacts, str], float]


def ranks(
    prefer: Sequence[str], facts: FactSheet, model: str, dearness: Dearness | None = None
) -> Mapping[str, tuple[float, ...]] | None:
    """Return upstream -> its rank for a model, the lowest first; None: no wish orders them.

    `tightest_residency` ranks by the number of countries a request may be processed in, `cost` by
    `dearness`, without which it orders nothing. Latencies and headroom are not known yet: for
    them the configured order stands.
    """
    known = _WISHES if dearness is None else {**_WISHES, "cost": _by(dearness)}
    wishes = [known[wish] for wish in prefer if wish in known]
    if not wishes:
        return None
    return {each.name: tuple(wish(each, model) for wish in wishes) for each in facts.upstreams}


def _by(dearness: Dearness) -> Wish:
    return lambda upstream, model: dearness(upstream.name, model)


def _countries(upstream: UpstreamFacts, model: str) -> float:
    fact = upstream.get("processing_in", model)
    if fact is None or not isinstance(fact.value, frozenset) or fact.value == EVERYWHERE:
        return inf
    return len(fact.value)


_WISHES: Mapping[str, Wish] = {"tightest_residency": _countries}
