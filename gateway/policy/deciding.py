"""Policy and facts to a decision. What a request does not change is worked out once.

Between two moments at which something ends, all upstreams are judged once for each environment,
class, model, set of key layers and set of requirements; a decision then only looks at what is
special to its request.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple, TypeVar

from gateway.policy import against, hatches, models_inside, request_layer
from gateway.policy.compiling import Compiled, CompiledPolicy, CompiledRule
from gateway.policy.decision import Decision, Reason, Request, Verdict
from gateway.policy.facts import NEVER, FactSheet, UpstreamFacts
from gateway.policy.guards import Guard

_ROWS_KEPT = 4096

K = TypeVar("K")
V = TypeVar("V")
_Key = tuple[int, str, str | None, str, frozenset[str], frozenset[str], bool]
_Against = tuple[CompiledRule | None, tuple[Reason, ...]]
"""What a rule has against a request; None: no rule, and so no exception to it."""


class _Row(NamedTuple):
    """What holds for every request of one environment, class, model, layers and requirements."""

    verdicts: tuple[Verdict, ...]
    rules: tuple[CompiledRule, ...]
    guarded: tuple[CompiledRule, ...]
    hatches: Mapping[str, tuple[Reason, ...]]
    classes: tuple[str, ...]
    prefer: tuple[str, ...]


def decide(compiled: Compiled, facts: FactSheet, request: Request, now: float) -> Decision:
    """Return what policy says of every upstream for a request.

    An upstream is allowed when a permit names the class in the environment, no block stands and
    every rule that applies passes, for the model and for each model inside the request. What is
    unknown, expired or too weakly assured does not pass.

    Args:
        compiled: The policies in force.
        facts: What is known of the upstreams.
        request: What policy looks at in a call.
        now: Unix time.

    Raises:
        gateway.errors.Malformed: `request.require` holds what `request_layer` does not know.
    """
    return _bound(compiled, facts).decide(request, now)


def looks_inside(compiled: Compiled, facts: FactSheet, request: Request, now: float) -> bool:
    """Say whether a rule that applies asks what is in the body: its features, or a check.

    Of `request` only the environment, the class, the model, the layers and what it requires count.
    """
    return _bound(compiled, facts).looks_inside(request, now)


@lru_cache(maxsize=16)
def _bound(compiled: Compiled, facts: FactSheet) -> _Bound:
    return _Bound(compiled, facts)


class _Bound:
    """Policies over facts; both never change, so what was judged once is kept."""

    __slots__ = ("_answers", "_compiled", "_ends", "_facts", "_features", "_rows")

    def __init__(self, compiled: Compiled, facts: FactSheet) -> None:
        self._compiled = compiled
        self._facts = facts
        self._ends = sorted(compiled.ends() | facts.ends())
        self._rows: dict[_Key, _Row] = {}
        self._answers: dict[tuple[int, Request], Decision] = {}
        self._features: dict[tuple[Guard, str], tuple[Reason, ...]] = {}

    def decide(self, request: Request, now: float) -> Decision:
        period = bisect_right(self._ends, now)
        decision = self._answers.get((period, request))
        if decision is None:
            decision = self._decided(period, request, now)
            _keep(self._answers, (period, request), decision)
        return decision

    def looks_inside(self, request: Request, now: float) -> bool:
        return bool(self._row(bisect_right(self._ends, now), request, now).guarded)

    def _decided(self, period: int, request: Request, now: float) -> Decision:
        row = self._row(period, request, now)
        found = self._of_request(row, request)
        if request.hatches:
            found.extend(_of_hatches(row, request, now))
        verdicts = row.verdicts
        if found:
            verdicts = _with(verdicts, found, now)
        for model in sorted(request.models_inside):
            inside = self._row(period, request._replace(model=model), now, inside=True)
            verdicts = tuple(
                _joined(verdict, own, other, model)
                for verdict, own, other in zip(verdicts, row.verdicts, inside.verdicts, strict=True)
            )
        until_s = self._ends[period] if period < len(self._ends) else NEVER
        digests = self._compiled.digest, self._facts.digest
        return Decision(verdicts, *digests, row.classes, row.prefer, until_s)

    def _of_request(self, row: _Row, request: Request) -> list[_Against]:
        """Return what rules have against what is asked for; features recur, so each is kept."""
        found: list[_Against] = []
        asked = sorted(request.features)
        for rule in row.guarded:
            guard = rule.guard
            if guard is None:
                continue
            reasons = guard.reasons(request)
            for name in asked:
                key = (guard, name)
                own = self._features.get(key)
                if own is None:
                    own = guard.feature(name, self._facts.retention)
                    _keep(self._features, key, own)
                reasons += own
            if reasons:
                found.append((rule, reasons))
        return found

    def _row(self, period: int, request: Request, now: float, *, inside: bool = False) -> _Row:
        key = (
            period,
            request.environment,
            request.data_class,
            request.model,
            request.layers,
            request.require,
            inside,
        )
        row = self._rows.get(key)
        if row is None:
            row = self._judge(request, now, inside=inside)
            _keep(self._rows, key, row)
        return row

    def _judge(self, request: Request, now: float, *, inside: bool) -> _Row:
        environment, layers = request.environment, request.layers
        policies = [each for each in self._compiled.policies if each.applies(environment, layers)]
        classes = _classes(request, policies)
        rules = self._rules(request, policies, classes)
        general = (
            *against.unfounded(policies, layers - self._compiled.layers),
            *against.unpermitted(request, policies, classes),
        )
        unknown = inside and not models_inside.is_known(request.model)
        verdicts = []
        for upstream in self._facts.upstreams:
            own = self._ruled(upstream, rules, request.model, now, unknown=unknown)
            reasons = (*general, *against.blocked(upstream, policies, now), *own)
            lifted = tuple(text for rule in rules for text in rule.lifted(upstream.name, now))
            verdicts.append(Verdict(upstream.name, not reasons, reasons, lifted))
        return _Row(
            tuple(verdicts),
            rules,
            tuple(rule for rule in rules if rule.guard is not None),
            hatches.refusals(policies),
            tuple(sorted(classes)),
            _preferred(policies),
        )

    def _rules(
        self, request: Request, policies: list[CompiledPolicy], classes: frozenset[str]
    ) -> tuple[CompiledRule, ...]:
        written = tuple(
            rule
            for policy in policies
            for rule in policy.rules
            if rule.applies(request.environment, classes)
        )
        if not request.require:
            return written
        return (*written, *request_layer.rules(request.require, self._compiled.zones))

    def _ruled(
        self,
        upstream: UpstreamFacts,
        rules: tuple[CompiledRule, ...],
        model: str,
        now: float,
        *,
        unknown: bool,
    ) -> Iterator[Reason]:
        for rule in rules:
            if rule.exempts(upstream.name, now):
                continue
            if unknown:
                yield from against.ruled_for_unknown(rule, upstream, model, now)
            else:
                yield from against.ruled(rule, upstream, model, self._facts, now)


def _keep(kept: dict[K, V], key: K, value: V) -> None:
    # Callers choose the class, the model and the features: what is kept must not grow with them.
    if len(kept) >= _ROWS_KEPT:
        kept.clear()
    kept[key] = value


def _of_hatches(row: _Row, request: Request, now: float) -> Iterator[_Against]:
    for hatch in sorted(request.hatches):
        yield None, row.hatches.get(hatch.partition("=")[0], (hatches.unknown(hatch),))
    yield from hatches.elsewhere(sorted(request.hatches), row.rules, now)


def _with(verdicts: tuple[Verdict, ...], found: list[_Against], now: float) -> tuple[Verdict, ...]:
    """Add reasons to verdicts, but for the upstreams that an exception lifts their rules for."""
    everywhere = tuple(
        reason
        for rule, reasons in found
        if rule is None or not rule.exemptions
        for reason in reasons
    )
    lifted = [(rule, reasons) for rule, reasons in found if rule is not None and rule.exemptions]
    joined = []
    for upstream, allowed, reasons, excepted in verdicts:
        more = everywhere
        for rule, own in lifted:
            if not rule.exempts(upstream, now):
                more += own
        joined.append(Verdict(upstream, allowed and not more, reasons + more, excepted))
    return tuple(joined)


def _joined(verdict: Verdict, own: Verdict, other: Verdict, model: str) -> Verdict:
    """Add what speaks against an upstream for a model inside the request, and not for its own."""
    if other.allowed:
        return verdict
    more = tuple(
        models_inside.reason(each, model) for each in other.reasons if each not in own.reasons
    )
    return verdict._replace(allowed=False, reasons=verdict.reasons + more)


def _classes(request: Request, policies: list[CompiledPolicy]) -> frozenset[str]:
    """Return the class of the label, or every one that a policy gives calls without a label."""
    if request.data_class is not None:
        return frozenset({request.data_class})
    return frozenset(each.unlabelled for each in policies if each.unlabelled is not None)


def _preferred(policies: list[CompiledPolicy]) -> tuple[str, ...]:
    """Return the organization's wishes first, then the layers'; each once."""
    ordered = sorted(policies, key=lambda each: (not each.organization, each.name))
    return tuple(dict.fromkeys(wish for policy in ordered for wish in policy.prefer))
