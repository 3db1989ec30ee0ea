"""From what upstreams are, what is attested and what is hinted to one sheet of facts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from gateway.policy import hints, places
from gateway.policy.attestations import Attestation, Attestations
from gateway.policy.facts import EVERYWHERE, PLACES, Assurance, Fact, FactSheet, UpstreamFacts
from gateway.policy.places import Where
from gateway.policy.verified import NOTHING_VERIFIED, Probed, Verified

_GLOB = frozenset("*?[")


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Two sources that cannot both be right about one fact."""

    upstream: str
    fact: str
    message: str


def fact_sheet(
    upstreams: Sequence[Where], attestations: Attestations, verified: Verified = NOTHING_VERIFIED
) -> tuple[FactSheet, tuple[Contradiction, ...]]:
    """Return what is known of the upstreams, and where the sources contradict each other.

    What follows from the configuration stands: an attestation may confirm it, or name fewer
    countries, never others. Then come attestations, then hints. A contradiction leaves the
    configuration's fact as it is, and a fact without one unknown. What a probe found comes over
    all that, and where it contradicts it, or dropped a fact, the fact is unknown. No clock is
    read: what ends carries its end.
    """
    contradictions: list[Contradiction] = []
    known = []
    for each in upstreams:
        said = _upstream(each, attestations, contradictions)
        known.append(_probed(each, said, verified, contradictions))
    return FactSheet(tuple(known), hints.retention()), tuple(contradictions)


def _upstream(
    where: Where, attestations: Attestations, faults: list[Contradiction]
) -> UpstreamFacts:
    # What a vendor says of its platform it does not say of what stands at another address.
    facts = {} if where.relay else _hinted(where.platform, attestations.adopted)
    derived, bounds = places.derived(where), places.bounds(where)
    for name, found in _attested(where.name, attestations.facts).items():
        fact = _agreed(where.name, name, found, faults)
        if fact is None:
            facts.pop(name, None)
        elif name in derived:
            derived[name] = _confirmed(where.name, name, derived[name], fact, faults)
        elif name not in bounds or _narrows(fact, bounds[name]):
            facts[name] = fact
        else:
            faults.append(_misfit(where.name, name, bounds[name]))
    known = facts | derived
    return UpstreamFacts(where.name, where.platform, known, _by_model(where, known))


def _by_model(where: Where, known: Mapping[str, Fact]) -> dict[str, dict[str, Fact | None]]:
    """Return what differs for single models; behind a relay, what was vouched for and fits."""
    found = places.derived_by_model(where)
    for model, own in places.bounds_by_model(where).items():
        found[model] = {
            name: known[name]
            if bound is not None and name in known and _narrows(known[name], bound)
            else None
            for name, bound in own.items()
        }
    return found


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
    fact: Fact | None = None
    for each in sorted(found, key=lambda each: (each.assurance, each.until_s)):
        # What is known less surely stands again when what is known better has ended.
        fact = Fact(each.value, each.assurance, each.until_s, each.origin, fact)
    return fact


def _confirmed(
    upstream: str, name: str, derived: Fact, said: Fact, faults: list[Contradiction]
) -> Fact:
    """Return the configuration's fact as an attestation confirms or narrows it.

    That a place is "anywhere" only a probe can narrow.
    """
    if said.value == derived.value:
        return said if said.assurance > derived.assurance else derived
    if name in PLACES and _narrows(said, derived):
        return said
    faults.append(_misfit(upstream, name, derived))
    return derived


def _misfit(upstream: str, name: str, known: Fact) -> Contradiction:
    return Contradiction(upstream, name, f"the attestation does not fit {known.origin}: unused")


def _narrows(said: Fact, known: Fact) -> bool:
    """Say whether an attestation names no place beyond what is known, and may say so."""
    return _within(said, known) and said.assurance >= _floor(known)


def _within(said: Fact, derived: Fact) -> bool:
    if not isinstance(said.value, frozenset) or not isinstance(derived.value, frozenset):
        return False
    return derived.value == EVERYWHERE or said.value <= derived.value


def _floor(derived: Fact) -> Assurance:
    return Assurance.VERIFIED if derived.value == EVERYWHERE else Assurance.ORG


def _probed(
    where: Where, said: UpstreamFacts, verified: Verified, faults: list[Contradiction]
) -> UpstreamFacts:
    """Return what is known of an upstream with what probes found there.

    What was found while the upstream was another place is void.
    """
    facts: dict[str, Fact | None] = dict(said.facts)
    by_model = {model: dict(own) for model, own in said.by_model.items()}
    for found in verified.facts:
        if found.upstream != where.name or found.place != where.fingerprint:
            continue
        for model in found.models:
            own = by_model.setdefault(model, {})
            own[found.fact] = _seen(found, own.get(found.fact, facts.get(found.fact)), faults)
        if not found.models:
            facts[found.fact] = _seen(found, facts.get(found.fact), faults)
    for name in {each.fact for each in verified.drops if each.upstream == where.name}:
        for known in (facts, *by_model.values()):
            known[name] = None
    return UpstreamFacts(where.name, where.platform, _known(facts), by_model)


def _seen(found: Probed, said: Fact | None, faults: list[Contradiction]) -> Fact | None:
    """Return a fact as a probe found it; None where that contradicts what is signed off."""
    origin = f"probed: {found.probe}"
    seen = Fact(found.value, Assurance.VERIFIED, found.until_s, origin, said)
    if said is None or said.assurance is Assurance.HINT:
        return seen
    if said.value == found.value:
        stands = said.assurance is Assurance.VERIFIED and said.until_s > seen.until_s
        return said if stands else seen
    if found.fact in PLACES and _within(seen, said):
        return seen
    message = f"{found.probe} does not fit {said.origin}: it is unknown"
    faults.append(Contradiction(found.upstream, found.fact, message))
    return None


def _known(facts: Mapping[str, Fact | None]) -> dict[str, Fact]:
    return {name: fact for name, fact in facts.items() if fact is not None}
