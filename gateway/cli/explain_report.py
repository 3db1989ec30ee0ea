"""What `gateway explain` prints of a request: for people, and as plain data."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import typer

from gateway.errors import Refused
from gateway.judging import Judgement
from gateway.policy import explain
from gateway.policy.decision import Decision, Reason
from gateway.policy.explain import Remedy
from gateway.policy.facts import Fact
from gateway.policy.in_force import InForce
from gateway.routing import Plan

_DIGEST_SHOWN = 16
NO_POLICY = "none: any upstream in use may get any request"


@dataclass(frozen=True, slots=True)
class Explained:
    """What the doors would do with a request."""

    plan: Plan | None
    """None: it was refused before any upstream was looked at."""
    refused: Refused | None
    in_force: InForce | None

    @property
    def judgement(self) -> Judgement | None:
        """What policy said; None: it was not asked."""
        return None if self.plan is None else self.plan.judgement

    @property
    def names(self) -> list[str]:
        """The upstreams that would be tried, in order."""
        return [] if self.plan is None else [leg.upstream.name for leg in self.plan.legs]

    def fact(self, upstream: str, reason: Reason) -> Fact | None:
        """Return the fact that a reason is about; None where it is about none, or unknown."""
        known = () if self.in_force is None else self.in_force.facts.upstreams
        of = next((each for each in known if each.name == upstream), None)
        judgement = self.judgement
        if of is None or judgement is None:
            return None
        return of.get(reason.fact, judgement.request.model)

    def elsewhere(self) -> dict[str, str]:
        """Return the upstreams that something other than policy leaves out, and why."""
        judgement = self.judgement
        rejected = () if self.plan is None else self.plan.rejected
        allowed = None if judgement is None else judgement.decision.allowed
        return {
            each.upstream: each.reason
            for each in rejected
            if allowed is None or each.upstream in allowed
        }


def report(found: Explained, why_not: str | None, *, as_json: bool) -> None:
    """Print it."""
    if as_json:
        typer.echo(json.dumps(plain(found, why_not), indent=2))
        return
    for text in lines(found, why_not):
        typer.echo(text)


def plain(found: Explained, why_not: str | None = None) -> dict[str, Any]:
    """Return it as plain data."""
    judgement, refused = found.judgement, found.refused
    decision = None if judgement is None else explain.as_json(judgement.decision)
    return {
        "ok": refused is None,
        "policy": [] if found.in_force is None else _policies(found.in_force),
        "request": None if judgement is None else _request(judgement),
        "decision": decision,
        "plan": found.names,
        "left_out": found.elsewhere(),
        "refused": None
        if refused is None
        else {"status": refused.status, "type": refused.type, "message": refused.message},
        "why_not": None if why_not is None else _why_not(found, why_not),
    }


def lines(found: Explained, why_not: str | None = None) -> Iterator[str]:
    """Return it in words."""
    judgement = found.judgement
    if judgement is not None:
        yield from _asked(judgement)
        yield explain.table(judgement.decision)
    elif found.in_force is None:
        yield f"policy: {NO_POLICY}"
    for name, reason in found.elsewhere().items():
        yield f"left out: {name}: {reason}"
    if found.names:
        yield f"plan: {', '.join(found.names)}"
    if found.refused is not None:
        refused = found.refused
        yield f"refused: {refused.status} {refused.type}: {refused.message}"
    if why_not is not None:
        yield from _why_not_lines(found, why_not)


def _asked(judgement: Judgement) -> Iterator[str]:
    request, decision = judgement.request, judgement.decision
    label = request.data_class or f"none, so {', '.join(decision.data_classes) or 'none'}"
    yield f"class: {label}; environment: {request.environment}; model: {request.model}"
    for word, names in _more(judgement).items():
        if names:
            yield f"{word}: {', '.join(names)}"
    shown = decision.policy_digest[:_DIGEST_SHOWN], decision.facts_digest[:_DIGEST_SHOWN]
    yield "policy {}, facts {}".format(*shown)


def _more(judgement: Judgement) -> dict[str, list[str]]:
    request = judgement.request
    return {
        "models inside": list(judgement.models),
        "features": sorted(request.features),
        "betas": sorted(request.betas),
        "checks passed": sorted(request.checks),
        "key layers": sorted(request.layers),
        "requires": sorted(request.require),
        "hatches": sorted(request.hatches),
        "doubts": list(judgement.asked.doubts),
    }


def _request(judgement: Judgement) -> dict[str, Any]:
    request = judgement.request
    names = {word.replace(" ", "_"): found for word, found in _more(judgement).items()}
    return {
        "class": request.data_class,
        "environment": request.environment,
        "model": request.model,
        **names,
    }


def _policies(in_force: InForce) -> list[str]:
    return [each.policy.name for each in in_force.files]


def _why_not(found: Explained, upstream: str) -> dict[str, Any]:
    decision = None if found.judgement is None else found.judgement.decision
    reasons = () if decision is None else explain.against(decision, upstream)
    return {
        "upstream": upstream,
        "in_plan": upstream in found.names,
        "reasons": [
            {
                **explain.plain_reason(reason),
                "remedy": explain.remedy(reason, found.fact(upstream, reason)).value,
                "change": explain.change(reason, upstream, found.fact(upstream, reason)),
            }
            for reason in reasons
        ],
        "left_out": found.elsewhere().get(upstream),
    }


def _why_not_lines(found: Explained, upstream: str) -> Iterator[str]:
    if upstream in found.names:
        yield f"why not {upstream}: it is in the plan"
        return
    yield f"why not {upstream}:"
    if found.judgement is not None:
        yield from _needed(found, found.judgement.decision, upstream)
    left_out = found.elsewhere().get(upstream)
    if left_out is not None:
        yield f"  policy allows it, but: {left_out}"


def _needed(found: Explained, decision: Decision, upstream: str) -> Iterator[str]:
    """Say what would have to change, and whether facts alone would do."""
    remedies: set[Remedy] = set()
    facts: set[str] = set()
    for reason in explain.against(decision, upstream):
        fact = found.fact(upstream, reason)
        yield f"  {reason}; {explain.change(reason, upstream, fact)}"
        remedies.add(explain.remedy(reason, fact))
        facts.add(reason.fact)
    if remedies and remedies <= {Remedy.ATTESTATION, Remedy.PROBE}:
        yield f"  facts alone would let it, were they so: {', '.join(sorted(facts))}"
    elif Remedy.NONE in remedies:
        yield "  no attestation would let it: what is known of it does not fit"
