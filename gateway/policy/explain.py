"""A decision in words: a table for people, plain data for programs, and what would change it."""

from __future__ import annotations

from difflib import get_close_matches
from enum import StrEnum
from typing import Any

from gateway.policy import zones
from gateway.policy.decision import Decision, Kind, Reason
from gateway.policy.facts import EVERYWHERE, Fact

_SHOWN = 2
"""Reasons that a row shows; the others are counted."""

_ATTESTED = frozenset({Kind.UNKNOWN, Kind.EXPIRED, Kind.ASSURANCE})
_OF_REQUEST = frozenset({"features", "betas", "checks", "class", "model", "layers", "hatches"})


def rows(decision: Decision) -> list[tuple[str, str, str]]:
    """Return (ALLOW or REJECT, upstream, reasons) for each upstream, in the configured order."""
    return [
        (
            "ALLOW" if each.allowed else "REJECT",
            each.upstream,
            "; ".join(each.lifted) if each.allowed else _short(each.reasons),
        )
        for each in decision.candidates
    ]


def table(decision: Decision) -> str:
    """Return the rows under a line that names the allowed upstreams."""
    width = max((len(each.upstream) for each in decision.candidates), default=0)
    lines = [f"allowed: {', '.join(decision.allowed) or 'NONE'}"]
    lines += [
        f"{word:<6} {name:<{width}}  {reasons}".rstrip() for word, name, reasons in rows(decision)
    ]
    return "\n".join(lines)


def as_json(decision: Decision) -> dict[str, Any]:
    """Return a decision as plain data."""
    return {
        "allowed": list(decision.allowed),
        "classes": list(decision.data_classes),
        "prefer": list(decision.prefer),
        "policy_digest": decision.policy_digest,
        "facts_digest": decision.facts_digest,
        "candidates": [
            {
                "upstream": each.upstream,
                "allowed": each.allowed,
                "reasons": [plain_reason(reason) for reason in each.reasons],
            }
            for each in decision.candidates
        ],
    }


class Remedy(StrEnum):
    """What could make a reason against an upstream go away."""

    ATTESTATION = "attestation"
    """A fact is missing, ended or too weakly assured: somebody may vouch for it, if it is so."""
    REQUEST = "request"
    """The request asks for something, or lacks something."""
    POLICY = "policy"
    """The policy says so by name, or does not permit it."""
    PROBE = "probe"
    """Several places are known, not all of them fit; who asks the platform may find fewer."""
    NONE = "none"
    """The fact is known, and it is not what the rule asks for."""


def remedy(reason: Reason, fact: Fact | None = None) -> Remedy:
    """Return what could make a reason go away.

    Args:
        reason: The reason.
        fact: What is known of the upstream, where the reason is about a fact.
    """
    if reason.kind in {Kind.UNPERMITTED, Kind.BLOCKED}:
        return Remedy.POLICY
    if reason.fact in _OF_REQUEST or reason.kind is Kind.CHECK:
        return Remedy.REQUEST
    if reason.kind in _ATTESTED:
        return Remedy.ATTESTATION
    if reason.kind is Kind.VIOLATED:
        return Remedy.PROBE if fact is not None and _may_be_fewer(fact) else Remedy.NONE
    return Remedy.POLICY


def _may_be_fewer(fact: Fact) -> bool:
    value = fact.value
    if not isinstance(value, frozenset) or not value <= zones.countries() | EVERYWHERE:
        return False
    return value == EVERYWHERE or len(value) > 1


def why_not(decision: Decision, upstream: str) -> list[str]:
    """Return, for each reason against an upstream, what would have to change.

    Raises:
        LookupError: The decision knows no such upstream.
    """
    return [f"{reason}; {change(reason, upstream)}" for reason in against(decision, upstream)]


def against(decision: Decision, upstream: str) -> tuple[Reason, ...]:
    """Return the reasons against an upstream; none where it is allowed.

    Raises:
        LookupError: The decision knows no such upstream.
    """
    for verdict in decision.candidates:
        if verdict.upstream == upstream:
            return verdict.reasons
    names = [each.upstream for each in decision.candidates]
    near = get_close_matches(upstream, names, 1)
    hint = f"; did you mean {near[0]}?" if near else f"; there are {', '.join(names)}"
    raise LookupError(f"no upstream is called {upstream}{hint}")


def change(reason: Reason, upstream: str, fact: Fact | None = None) -> str:
    """Say what would have to change for a reason to go away; `fact` as for `remedy`."""
    match remedy(reason, fact):
        case Remedy.ATTESTATION:
            return f"attest {reason.fact} of {upstream}: {reason.wants}"
        case Remedy.PROBE:
            return f"it would take {reason.wants}: configure fewer places, or let a probe find them"
        case Remedy.NONE:
            return f"no attestation would change what is known; it would take {reason.wants}"
        case Remedy.REQUEST | Remedy.POLICY:
            return f"it would take {reason.wants}"


def summary(decision: Decision) -> str:
    """Return one line for a caller whose request nothing may serve: it names the rules."""
    ids = dict.fromkeys(reason.rule for each in decision.candidates for reason in each.reasons)
    return f"No upstream is allowed for this request: {', '.join(ids) or 'there is none'}."


def _short(reasons: tuple[Reason, ...]) -> str:
    more = len(reasons) - _SHOWN
    text = "; ".join(str(reason) for reason in reasons[:_SHOWN])
    return f"{text} (+{more})" if more > 0 else text


def plain_reason(reason: Reason) -> dict[str, str]:
    """Return a reason as plain data."""
    return {
        "rule": reason.rule,
        "text": reason.text,
        "fact": reason.fact,
        "kind": reason.kind.value,
        "wants": reason.wants,
    }
