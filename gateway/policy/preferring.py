"""The order among allowed upstreams that policies prefer. It never adds or takes one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import inf

from gateway.policy.facts import EVERYWHERE, FactSheet, UpstreamFacts


def ranks(
    prefer: Sequence[str], facts: FactSheet, model: str
) -> Mapping[str, tuple[float, ...]] | None:
    """Return upstream -> its rank for a model, the lowest first; None: no wish orders them.

    `tightest_residency` ranks by the number of countries a request may be processed in. The
    other wishes are kept by whoever knows prices, latencies and caches; until they are known, the
    configured order stands.
    """
    wishes = [_WISHES[wish] for wish in prefer if wish in _WISHES]
    if not wishes:
        return None
    return {each.name: tuple(wish(each, model) for wish in wishes) for each in facts.upstreams}


def _countries(upstream: UpstreamFacts, model: str) -> float:
    fact = upstream.get("processing_in", model)
    if fact is None or not isinstance(fact.value, frozenset) or fact.value == EVERYWHERE:
        return inf
    return len(fact.value)


_WISHES: Mapping[str, Callable[[UpstreamFacts, str], float]] = {"tightest_residency": _countries}
