"""A decision in words: a table for people, plain data for programs, and what would change it."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any

from gateway.policy.decision import Decision, Kind, Reason, Verdict

_SHOWN = 2
"""Reasons that a row shows; the others are counted."""

_ATTESTED = frozenset({Kind.UNKNOWN, Kind.EXPIRED, Kind.ASSURANCE})
_OF_REQUEST = frozenset({"features", "betas", "checks", "class", "model", "layers"})


def rows(decision: Decision) -> list[tuple[str, str, str]]:
    """Return (ALLOW or REJECT, upstream, reasons) for each upstream, in the configured order."""
    return [
        ("ALLOW" if each.allowed else "REJECT", each.upstream, _short(each.reasons))
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
                "reasons": [_plain(reason) for reason in each.reasons],
            }
            for each in decision.candidates
        ],
    }


def why_not(decision: Decision, upstream: str) -> list[str]:
    """Return, for each reason against an upstream, what would have to change.

    Raises:
        LookupError: The decision knows no such upstream.
    """
    verdict = _find(decision, upstream)
    return [f"{reason}; {_change(reason, upstream)}" for reason in verdict.reasons]


def summary(decision: Decision) -> str:
    """Return one line for a caller whose request nothing may serve: it names the rules."""
    ids = dict.fromkeys(reason.rule for each in decision.candidates for reason in each.reasons)
    return f"No upstream is allowed for this request: {', '.join(ids) or 'there is none'}."


def _find(decision: Decision, upstream: str) -> Verdict:
    for verdict in decision.candidates:
        if verdict.upstream == upstream:
            return verdict
    names = [each.upstream for each in decision.candidates]
    near = get_close_matches(upstream, names, 1)
    hint = f"; did you mean {near[0]}?" if near else ""
    raise LookupError(f"no upstream is called {upstream}{hint}")


def _change(reason: Reason, upstream: str) -> str:
    if reason.fact in _OF_REQUEST:
        return f"it would take {reason.wants}"
    if reason.kind in _ATTESTED:
        return f"attest {reason.fact} of {upstream}: {reason.wants}"
    if reason.kind is Kind.VIOLATED:
        return f"no attestation would change what is known; it would take {reason.wants}"
    return f"it would take {reason.wants}"


def _short(reasons: tuple[Reason, ...]) -> str:
    more = len(reasons) - _SHOWN
    text = "; ".join(str(reason) for reason in reasons[:_SHOWN])
    return f"{text} (+{more})" if more > 0 else text


def _plain(reason: Reason) -> dict[str, str]:
    return {
        "rule": reason.rule,
        "text": reason.text,
        "fact": reason.fact,
        "kind": reason.kind.value,
        "wants": reason.wants,
    }
