"""What speaks against upstreams whatever a request brings: permits, blocks, facts, models."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from gateway.policy import models_inside
from gateway.policy.compiling import CompiledPolicy, CompiledRule
from gateway.policy.decision import Kind, Reason, Request
from gateway.policy.facts import PLACES, FactSheet, UpstreamFacts
from gateway.policy.requirements import model_retention


def unfounded(policies: Sequence[CompiledPolicy], unknown: frozenset[str]) -> Iterator[Reason]:
    """Say where no policy is the organization's, and which key layers no policy is for."""
    if not any(each.organization for each in policies):
        text, wants = "no policy of the organization applies", "a policy without [layer]"
        yield Reason("policy", text, "policy", Kind.UNPERMITTED, wants)
    for layer in sorted(unknown):
        text, wants = f"no policy is for the key layer {layer}", f'layer.keys = ["{layer}"]'
        yield Reason("policy", text, "layers", Kind.UNPERMITTED, wants)


def unpermitted(
    request: Request, policies: Iterable[CompiledPolicy], classes: frozenset[str]
) -> Iterator[Reason]:
    """Say where a class is unknown or not permitted; a layer without permits adds only rules."""
    for policy in policies:
        if policy.organization and request.data_class is None and policy.unlabelled is None:
            text, wants = "the request carries no class", "a label, or `unlabelled` in the policy"
            yield Reason(policy.name, text, "class", Kind.CLASS, wants)
        for name in sorted(classes):
            if name not in policy.classes and (policy.organization or policy.classes):
                wants = f"one of {', '.join(sorted(policy.classes))}"
                yield Reason(policy.name, f"class {name} is unknown", "class", Kind.CLASS, wants)
            elif not _permits(policy, name, request.environment):
                text = f"no permit for class {name} in {request.environment}"
                wants = f"a [[permit]] for {name} in {request.environment}"
                yield Reason(policy.name, text, "class", Kind.UNPERMITTED, wants)


def blocked(
    upstream: UpstreamFacts, policies: Iterable[CompiledPolicy], now: float
) -> Iterator[Reason]:
    """Return the blocks that stand against an upstream."""
    for policy in policies:
        for block in policy.blocks:
            if now < block.until_s and upstream.name in block.upstreams:
                text, wants = f"blocked: {block.text}", "the end of the block"
                yield Reason(policy.name, text, "upstream", Kind.BLOCKED, wants)


def ruled(
    rule: CompiledRule, upstream: UpstreamFacts, model: str, facts: FactSheet, now: float
) -> Iterator[Reason]:
    """Return what a rule has against an upstream for a model that a request names as its own."""
    for check in rule.checks:
        reason = check.reason(rule.id, upstream.get(check.fact, model), now)
        if reason is not None:
            yield reason
    yield from model_retention(rule.id, rule.retention_days, model, facts.retention)
    yield from _named(rule, upstream)
    if model in rule.models and model not in rule.allowed_models:
        yield _forbidden(rule, "model", model)


def ruled_for_unknown(
    rule: CompiledRule, upstream: UpstreamFacts, model: str, now: float
) -> Iterator[Reason]:
    """Return what a rule has against an upstream for a name that stands for no model for sure."""
    for check in rule.checks:
        found = (check.reason(rule.id, fact, now) for fact in upstream.any_model(check.fact))
        reason = next((each for each in found if each is not None), None)
        if reason is not None:
            yield reason
    yield from _named(rule, upstream)
    if model not in rule.allowed_models and _depends_on_the_model(rule, model):
        text = f"model {model} is not known"
        yield Reason(rule.id, text, "model", Kind.UNKNOWN, "a canonical model id")


def _depends_on_the_model(rule: CompiledRule, model: str) -> bool:
    places = any(check.fact in PLACES for check in rule.checks)
    # A name that nobody knows may be that of a profile, and so of another place.
    elsewhere = places and model != models_inside.CHOSEN_BY_THE_PLATFORM
    return bool(rule.models) or rule.retention_days is not None or elsewhere


def _named(rule: CompiledRule, upstream: UpstreamFacts) -> Iterator[Reason]:
    if upstream.name in rule.upstreams:
        yield _forbidden(rule, "upstream", upstream.name)
    if upstream.platform in rule.platforms:
        yield _forbidden(rule, "platform", upstream.platform)


def _permits(policy: CompiledPolicy, data_class: str, environment: str) -> bool:
    if not policy.permits and not policy.organization:
        return True
    return (data_class, environment) in policy.permits


def _forbidden(rule: CompiledRule, what: str, name: str) -> Reason:
    return Reason(rule.id, f"{what} {name} is forbidden", what, Kind.FORBIDDEN, f"another {what}")
