"""What a rule asks of the request itself: features, betas, checks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gateway.policy.decision import Kind, Reason, Request
from gateway.policy.facts import Retention
from gateway.policy.globs import Globs
from gateway.policy.model import Rule


@dataclass(frozen=True, slots=True, eq=False)
class Guard:
    """One rule's demands on requests."""

    rule: str
    features: Globs
    allowed_features: Globs
    betas: Globs
    allowed_betas: Globs
    checks: frozenset[str]
    retention_days: int | None
    closed: bool
    """What is unknown of a request is refused: the rule restricts features or what is kept."""

    def feature(self, name: str, kept: Retention) -> tuple[Reason, ...]:
        """Return what speaks against a feature, whatever the upstream."""
        return tuple(self._feature(name, kept))

    def reasons(self, request: Request) -> tuple[Reason, ...]:
        """Return what speaks against a request's betas and checks, whatever the upstream."""
        found: list[Reason] = []
        if request.betas and self.betas:
            found.extend(self._beta(beta) for beta in sorted(request.betas) if self._stops(beta))
        if self.checks and not self.checks <= request.checks:
            for check in sorted(self.checks - request.checks):
                text = f"the request has not passed {check}"
                found.append(Reason(self.rule, text, "checks", Kind.CHECK, f"{check} passed"))
        return tuple(found)

    def _feature(self, feature: str, kept: Retention) -> Iterator[Reason]:
        known = feature in kept.features
        if feature not in self.allowed_features:
            if feature in self.features:
                yield self._against(f"feature {feature} is forbidden", feature, Kind.FORBIDDEN)
            elif self.closed and not known:
                yield self._against(f"feature {feature} is not known", feature, Kind.UNKNOWN)
        if self.retention_days is None:
            return
        days = kept.features.get(feature)
        if days is None:
            text = f"retention_days UNKNOWN (nobody says what feature {feature} keeps)"
            yield self._against(text, feature, Kind.UNKNOWN)
        elif days > self.retention_days:
            text = f"retention_days={days} over {self.retention_days} (feature {feature})"
            yield self._against(text, feature, Kind.VIOLATED)

    def _against(self, text: str, feature: str, kind: Kind) -> Reason:
        return Reason(self.rule, text, "features", kind, f"a request without {feature}")

    def _stops(self, beta: str) -> bool:
        return beta in self.betas and beta not in self.allowed_betas

    def _beta(self, beta: str) -> Reason:
        text, wants = f"beta {beta} is forbidden", f"a request without beta {beta}"
        return Reason(self.rule, text, "betas", Kind.FORBIDDEN, wants)


def guard(rule: Rule) -> Guard | None:
    """Compile a rule's demands on requests; None where it has none."""
    require, forbid, allow = rule.require, rule.forbid, rule.allow
    closed = bool(
        forbid.features or forbid.betas or require.retention_days is not None or require.baa
    )
    if not closed and not require.request_checks:
        return None
    return Guard(
        rule=rule.id,
        features=Globs(forbid.features),
        allowed_features=Globs(allow.features),
        betas=Globs(forbid.betas),
        allowed_betas=Globs(allow.betas),
        checks=frozenset(require.request_checks or ()),
        retention_days=require.retention_days,
        closed=closed,
    )
