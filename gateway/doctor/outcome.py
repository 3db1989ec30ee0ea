"""From findings to what is verified from now on. Pure.

Nothing stays verified that the latest probe could not verify, and a drop stays until a probe finds
the fact right for every model that is there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from gateway.config.relay_upstream import ABILITIES
from gateway.doctor.finding import Finding, Outcome
from gateway.policy.facts import SHAPES
from gateway.policy.places import Where
from gateway.policy.verified import Able, Drop, Probed, Verified

HOLDS_S = 86_400.0
"""How long something stays verified."""
ABLE_S = 7 * 86_400.0
"""How long a relay is taken to do what it was found to do."""

_STANDING = frozenset({Outcome.DROPPED, Outcome.UNVERIFIED})


def concluded(
    findings: Sequence[Finding],
    prior: Verified,
    examined: Collection[Where],
    known: Collection[str],
    now_s: float,
) -> Verified:
    """Return what is verified and what is dropped after a run.

    Args:
        findings: What the probes found.
        prior: What earlier runs left.
        examined: The upstreams of this run.
        known: The names of all configured upstreams.
        now_s: Unix time.
    """
    places = {each.name: each.fingerprint for each in examined}
    others = frozenset(known) - places.keys()
    facts = tuple(each for each in prior.facts if each.upstream in others)
    drops = tuple(each for each in prior.drops if each.upstream in others)
    fresh = {(each.upstream, each.fact): each for each in _dropped(findings, now_s)}
    kept = tuple(_kept(findings, prior, frozenset(places) & frozenset(known), fresh.keys()))
    dropped = (*drops, *kept, *fresh.values())
    out = {(each.upstream, each.fact) for each in dropped}
    verified = tuple(
        each for each in _verified(findings, places, now_s) if (each.upstream, each.fact) not in out
    )
    able = tuple(each for each in prior.abilities if each.upstream in others)
    return Verified((*facts, *verified), dropped, (*able, *_able(findings, places, now_s)))


def _verified(
    findings: Sequence[Finding], places: dict[str, str], now_s: float
) -> Iterator[Probed]:
    for each in findings:
        if each.outcome is Outcome.VERIFIED and each.value is not None and each.fact in SHAPES:
            yield Probed(
                each.upstream,
                each.fact,
                each.value,
                each.probe,
                places[each.upstream],
                now_s,
                now_s + HOLDS_S,
                each.models,
            )


def _able(findings: Sequence[Finding], places: dict[str, str], now_s: float) -> Iterator[Able]:
    for each in findings:
        if each.outcome is Outcome.VERIFIED and each.fact in ABILITIES:
            place = places[each.upstream]
            yield Able(each.upstream, each.fact, each.probe, place, now_s, now_s + ABLE_S)


def _dropped(findings: Sequence[Finding], now_s: float) -> Iterator[Drop]:
    for each in findings:
        if each.outcome is Outcome.DROPPED:
            yield Drop(each.upstream, each.fact, each.probe, each.because, now_s)


def _kept(
    findings: Sequence[Finding],
    prior: Verified,
    examined: frozenset[str],
    fresh: Collection[tuple[str, str]],
) -> Iterator[Drop]:
    """Yield the earlier drops that this run does not lift."""
    standing = {(each.upstream, each.fact) for each in findings if each.outcome in _STANDING}
    right = {
        (each.upstream, each.fact) for each in findings if each.outcome is Outcome.VERIFIED
    } - standing
    for drop in prior.drops:
        of = (drop.upstream, drop.fact)
        if drop.upstream in examined and of not in right and of not in fresh:
            yield drop
