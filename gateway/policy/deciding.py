"""Policy and facts to a decision. What a request does not change is worked out once.

Between two moments at which something ends, all upstreams are judged once for each environment,
class, model and set of key layers; a decision then only looks at what is special to its request.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple, TypeVar

from gateway.policy.compiling import Compiled, CompiledPolicy, CompiledRule
from gateway.policy.decision import Decision, Kind, Reason, Request, Verdict
from gateway.policy.facts import NEVER, FactSheet, UpstreamFacts
from gateway.policy.requirements import model_retention

_ROWS_KEPT = 4096

K = TypeVar("K")
_Key = tuple[int, str, str | None, str, frozenset[str]]


class _Row(NamedTuple):
    """What holds for every request of one environment, class, model and set of layers."""

    verdicts: tuple[Verdict, ...]
    guarded: tuple[CompiledRule, ...]
    classes: tuple[str, ...]
    prefer: tuple[str, ...]


def decide(compiled: Compiled, facts: FactSheet, request: Request, now: float) -> Decision:
    """Return what policy says of every upstream for a request.

    An upstream is allowed when a permit names the class in the environment, no block stands and
    every rule that applies passes. What is unknown, expired or too weakly assured does not pass.

    Args:
        compiled: The policies in force.
        facts: What is known of the upstreams.
        request: What policy looks at in a call.
        now: Unix time.
    """
    return _bound(compiled, facts).decide(request, now)


@lru_cache(maxsize=16)
def _bound(compiled: Compiled, facts: FactSheet) -> _Bound:
    return _Bound(compiled, facts)


class _Bound:
    """Policies over facts; both never change, so what was judged once is kept."""

    __slots__ = ("_answers", "_compiled", "_ends", "_facts", "_rows")

    def __init__(self, compiled: Compiled, facts: FactSheet) -> None:
        self._compiled = compiled
        self._facts = facts
        self._ends = sorted(compiled.ends() | facts.ends())
        self._rows: dict[_Key, _Row] = {}
        self._answers: dict[tuple[int, Request], _Row] = {}

    def decide(self, request: Request, now: float) -> Decision:
        period = bisect_right(self._ends, now)
        row = self._answers.get((period, request))
        if row is None:
            row = self._answer(period, request, now)
        return Decision(
            row.verdicts,
            self._compiled.digest,
            self._facts.digest,
            row.classes,
            row.prefer,
            self._ends[period] if period < len(self._ends) else NEVER,
        )

    def _answer(self, period: int, request: Request, now: float) -> _Row:
        key = (period, request.environment, request.data_class, request.model, request.layers)
        row = self._rows.get(key)
        if row is None:
            row = self._judge(request, now)
            _keep(self._rows, key, row)
        answer = row._replace(verdicts=self._judged(row, request, now))
        _keep(self._answers, (period, request), answer)
        return answer

    def _judged(self, row: _Row, request: Request, now: float) -> tuple[Verdict, ...]:
        against = [
            (rule, reasons)
            for rule in row.guarded
            if rule.guard and (reasons := rule.guard.reasons(request, self._facts.retention))
        ]
        if not against:
            return row.verdicts
        return tuple(_with(verdict, against, now) for verdict in row.verdicts)

    def _judge(self, request: Request, now: float) -> _Row:
        environment, layers = request.environment, request.layers
        policies = [each for each in self._compiled.policies if each.applies(environment, layers)]
        classes = _classes(request, policies)
        rules = tuple(
            rule
            for policy in policies
            for rule in policy.rules
            if rule.applies(environment, classes)
        )
        general = (
            *_unfounded(policies, layers - self._compiled.layers),
            *_unpermitted(request, policies, classes),
        )
        verdicts = []
        for upstream in self._facts.upstreams:
            own = _static(
                upstream, policies, rules, model=request.model, facts=self._facts, now=now
            )
            reasons = (*general, *own)
            verdicts.append(Verdict(upstream.name, not reasons, reasons))
        guarded = tuple(rule for rule in rules if rule.guard is not None)
        return _Row(tuple(verdicts), guarded, tuple(sorted(classes)), _preferred(policies))


def _keep(kept: dict[K, _Row], key: K, row: _Row) -> None:
    # Callers choose the class, the model and the features: what is kept must not grow with them.
    if len(kept) >= _ROWS_KEPT:
        kept.clear()
    kept[key] = row


def _with(
    verdict: Verdict, against: list[tuple[CompiledRule, tuple[Reason, ...]]], now: float
) -> Verdict:
    more = tuple(
        reason
        for rule, reasons in against
        if not rule.exempts(verdict.upstream, now)
        for reason in reasons
    )
    return Verdict(verdict.upstream, False, verdict.reasons + more) if more else verdict


def _classes(request: Request, policies: list[CompiledPolicy]) -> frozenset[str]:
    """Return the class of the label, or every one that a policy gives calls without a label."""
    if request.data_class is not None:
        return frozenset({request.data_class})
    return frozenset(each.unlabelled for each in policies if each.unlabelled is not None)


def _unfounded(policies: list[CompiledPolicy], unknown: frozenset[str]) -> Iterator[Reason]:
    if not any(each.organization for each in policies):
        text, wants = "no policy of the organization applies", "a policy without [layer]"
        yield Reason("policy", text, "policy", Kind.UNPERMITTED, wants)
    for layer in sorted(unknown):
        text, wants = f"no policy is for the key layer {layer}", f'layer.keys = ["{layer}"]'
        yield Reason("policy", text, "layers", Kind.UNPERMITTED, wants)


def _unpermitted(
    request: Request, policies: list[CompiledPolicy], classes: frozenset[str]
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


def _permits(policy: CompiledPolicy, data_class: str, environment: str) -> bool:
    if not policy.permits and not policy.organization:
        return True
    return (data_class, environment) in policy.permits


def _static(
    upstream: UpstreamFacts,
    policies: list[CompiledPolicy],
    rules: tuple[CompiledRule, ...],
    *,
    model: str,
    facts: FactSheet,
    now: float,
) -> Iterator[Reason]:
    for policy in policies:
        for block in policy.blocks:
            if now < block.until_s and upstream.name in block.upstreams:
                text, wants = f"blocked: {block.text}", "the end of the block"
                yield Reason(policy.name, text, "upstream", Kind.BLOCKED, wants)
    for rule in rules:
        if not rule.exempts(upstream.name, now):
            yield from _ruled(rule, upstream, model, facts, now)


def _ruled(
    rule: CompiledRule, upstream: UpstreamFacts, model: str, facts: FactSheet, now: float
) -> Iterator[Reason]:
    for check in rule.checks:
        reason = check.reason(rule.id, upstream.get(check.fact, model), now)
        if reason is not None:
            yield reason
    yield from model_retention(rule.id, rule.retention_days, model, facts.retention)
    if upstream.name in rule.upstreams:
        yield _forbidden(rule, "upstream", upstream.name)
    if upstream.platform in rule.platforms:
        yield _forbidden(rule, "platform", upstream.platform)
    if model in rule.models and model not in rule.allowed_models:
        yield _forbidden(rule, "model", model)


def _forbidden(rule: CompiledRule, what: str, name: str) -> Reason:
    return Reason(rule.id, f"{what} {name} is forbidden", what, Kind.FORBIDDEN, f"another {what}")


def _preferred(policies: list[CompiledPolicy]) -> tuple[str, ...]:
    """Return the organization's wishes first, then the layers'; each once."""
    ordered = sorted(policies, key=lambda each: (not each.organization, each.name))
    return tuple(dict.fromkeys(wish for policy in ordered for wish in policy.prefer))
