"""From what upstreams are, what is attested and what is hinted to one sheet of facts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from gateway.policy import hints, places
from gateway.policy.attestations import Attestation, Attestations
from gateway.policy.facts import EVERYWHERE, PLACES, Assurance, Fact, FactSheet, UpstreamFacts
from gateway.policy.places import Where

_GLOB = frozenset("*?[")


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Two sources that cannot both be right about one fact."""

    upstream: str
    fact: str
    message: str


def fact_sheet(
    upstreams: Sequence[Where], attestations: Attestations
) -> tuple[FactSheet, tuple[Contradiction, ...]]:
    """Return what is known of the upstreams, and where the sources contradict each other.

    What follows from the configuration stands: an attestation may confirm it, or name fewer
    countries, never others. Then come attestations, then hints. A contradiction leaves the
    configuration's fact as it is, and a fact without one unknown. No clock is read: what ends
    carries its end.
    """
    contradictions: list[Contradiction] = []
    known = tuple(_upstream(each, attestations, contradictions) for each in upstreams)
    return FactSheet(known, hints.retention()), tuple(contradictions)


def _upstream(
    where: Where, attestations: Attestations, faults: list[Contradiction]
) -> UpstreamFacts:
    facts = _hinted(where.platform, attestations.adopted)
    derived = places.derived(where)
    by_model = places.derived_by_model(where)
    for name, found in _attested(where.name, attestations.facts).items():
        fact = _agreed(where.name, name, found, faults)
        if fact is None:
            facts.pop(name, None)
        elif name in derived:
            derived[name] = _confirmed(where.name, name, derived[name], fact, faults)
        else:
            facts[name] = fact
    return UpstreamFacts(where.name, where.platform, facts | derived, by_model)


def _hinted(platform: str, adopted: Iterable[str]) -> dict[str, Fact]:
    globs = tuple(adopted)
    return {
        name: replace(fact, assurance=Assurance.ORG)
        if any(fnmatchcase(fact.origin, glob) for glob in globs)
        else fact
        for name, fact in hints.of_platform(platform).items()
    }


def _attested(upstream: str, facts: Iterable[Attestation]) -> dict[str, list[Attestation]]:
    """Return what is attested of an upstream: by its name, else by globs that fit it."""
    named: dict[str, list[Attestation]] = {}
    globbed: dict[str, list[Attestation]] = {}
    for each in facts:
        if each.upstream == upstream:
            named.setdefault(each.fact, []).append(each)
        elif _GLOB & set(each.upstream) and fnmatchcase(upstream, each.upstream):
            globbed.setdefault(each.fact, []).append(each)
    return globbed | named


def _agreed(
    upstream: str, name: str, found: Sequence[Attestation], faults: list[Contradiction]
) -> Fact | None:
    if len({each.value for each in found}) > 1:
        faults.append(Contradiction(upstream, name, "two attestations disagree: it is unknown"))
        return None
    best = max(found, key=lambda each: (each.assurance, each.until_s))
    return Fact(best.value, best.assurance, best.until_s, best.origin)


def _confirmed(
    upstream: str, name: str, derived: Fact, said: Fact, faults: list[Contradiction]
) -> Fact:
    """Return the configuration's fact as an attestation confirms or narrows it.

    That a place is "anywhere" only a probe can narrow.
    """
    if said.value == derived.value:
        return said if said.assurance > derived.assurance else derived
    if name in PLACES and _within(said, derived) and said.assurance >= _floor(derived):
        return said
    faults.append(
        Contradiction(upstream, name, f"the attestation does not fit {derived.origin}: unused")
    )
    return derived


def _within(said: Fact, derived: Fact) -> bool:
    if not isinstance(said.value, frozenset) or not isinstance(derived.value, frozenset):
        return False
    return derived.value == EVERYWHERE or said.value <= derived.value


def _floor(derived: Fact) -> Assurance:
    return Assurance.VERIFIED if derived.value == EVERYWHERE else Assurance.ORG
