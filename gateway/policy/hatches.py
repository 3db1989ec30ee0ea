"""What a caller chose that is not a caller's to choose, and which policies leave it to callers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from gateway.policy import features, places
from gateway.policy.compiling import CompiledPolicy, CompiledRule
from gateway.policy.decision import Kind, Reason
from gateway.policy.facts import EVERYWHERE, Assurance, Fact
from gateway.policy.model import Hatches

_GEO = "inference_geo"


def used(found: features.Hatches) -> frozenset[str]:
    """Return the hatches that a request uses, as a decision has them.

    The value of `inference_geo` is part of it, for it says where a request runs; the others are
    names of accounts.
    """
    names = {
        "workspace": found.workspace,
        "user_profile": found.profile,
        "bill_to": None if found.bill_to == "self" else found.bill_to,
    }
    given = {name for name, value in names.items() if value is not None}
    if found.inference_geo is not None:
        given.add(f"{_GEO}={found.inference_geo}")
    return frozenset(given)


def refusals(policies: Sequence[CompiledPolicy]) -> Mapping[str, tuple[Reason, ...]]:
    """Return what policies say of each hatch; one that all keep has no reason."""
    return {name: tuple(_refused(name, policies)) for name in Hatches.model_fields}


def unknown(hatch: str) -> Reason:
    """Return the reason against a hatch that no policy can speak of."""
    text, wants = f"the request sets {hatch}, which is not known", f"a request without {hatch}"
    return Reason("policy", text, "hatches", Kind.UNKNOWN, wants)


def _refused(name: str, policies: Iterable[CompiledPolicy]) -> Iterator[Reason]:
    for policy in policies:
        if name not in policy.kept_hatches:
            text = f"the request sets {name}"
            wants = f'a request without it, or hatches.{name} = "keep"'
            yield Reason(f"{policy.name}.hatches", text, "hatches", Kind.FORBIDDEN, wants)


def elsewhere(
    hatches: Iterable[str], rules: Iterable[CompiledRule], now: float
) -> Iterator[tuple[CompiledRule, tuple[Reason, ...]]]:
    """Return the rules that a kept `inference_geo` breaks, with what they have against it."""
    for hatch in hatches:
        name, _, geo = hatch.partition("=")
        if name != _GEO:
            continue
        # The platform is told; how sure the place is, the upstream's own fact says.
        fact = Fact(places.geography(geo) or EVERYWHERE, Assurance.VERIFIED, origin=hatch)
        for rule in rules:
            checks = (each for each in rule.checks if each.fact == "processing_in")
            reasons = (each.reason(rule.id, fact, now) for each in checks)
            found = tuple(
                each._replace(text=f"{hatch}: {each.text}") for each in reasons if each is not None
            )
            if found:
                yield rule, found
