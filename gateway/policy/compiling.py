"""From policy files to what decides: names resolved, globs and requirements compiled."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from gateway.config.mistakes import ConfigError, Mistake
from gateway.policy.digest import canonical, digest
from gateway.policy.facts import NEVER, end_of
from gateway.policy.files import PolicyFile, zones_of
from gateway.policy.globs import Globs
from gateway.policy.guards import Guard, guard
from gateway.policy.model import Exemption, Policy, Rule
from gateway.policy.reading import in_order
from gateway.policy.requirements import FactCheck, fact_checks


@dataclass(frozen=True, slots=True)
class TimedGlob:
    """Upstreams for which something holds until a moment."""

    upstreams: Globs
    until_s: float
    text: str = ""


@dataclass(frozen=True, slots=True)
class CompiledRule:
    """One rule, ready to judge."""

    id: str
    classes: frozenset[str] | None
    environments: frozenset[str] | None
    checks: tuple[FactCheck, ...]
    guard: Guard | None
    retention_days: int | None
    upstreams: Globs
    platforms: Globs
    models: Globs
    allowed_models: Globs
    exemptions: tuple[TimedGlob, ...]

    def applies(self, environment: str, classes: frozenset[str]) -> bool:
        """Say whether it is for an environment and one of the classes."""
        if self.environments is not None and environment not in self.environments:
            return False
        return self.classes is None or bool(self.classes & classes)

    def lifted(self, upstream: str, now: float) -> tuple[str, ...]:
        """Return the exceptions that lift this rule for an upstream, in words."""
        found = (each for each in self.exemptions if upstream in each.upstreams)
        return tuple(each.text for each in found if now < each.until_s)

    def exempts(self, upstream: str, now: float) -> bool:
        """Say whether an exception lifts it for an upstream."""
        return any(now < each.until_s and upstream in each.upstreams for each in self.exemptions)


@dataclass(frozen=True, slots=True)
class CompiledPolicy:
    """One policy file, ready to judge."""

    name: str
    organization: bool
    environments: frozenset[str] | None
    keys: frozenset[str] | None
    unlabelled: str | None
    classes: frozenset[str]
    permits: frozenset[tuple[str, str]]
    """Pairs of class and environment."""
    rules: tuple[CompiledRule, ...]
    blocks: tuple[TimedGlob, ...]
    kept_hatches: frozenset[str]
    """The hatches that are left to callers as far as it is concerned."""
    prefer: tuple[str, ...]

    def applies(self, environment: str, layers: frozenset[str]) -> bool:
        """Say whether it has a say for an environment and a caller's key layers."""
        if self.environments is not None and environment not in self.environments:
            return False
        return self.keys is None or bool(self.keys & layers)


@dataclass(frozen=True, eq=False)
class Compiled:
    """Every policy that is in force."""

    policies: tuple[CompiledPolicy, ...]
    content: tuple[Any, ...]
    zones: Mapping[str, frozenset[str]]
    """The zones that a caller may name."""

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the content; the order of files, rules and sets is no part of it."""
        return digest(self.content)

    @cached_property
    def layers(self) -> frozenset[str]:
        """The key layers that some policy is for."""
        return frozenset(key for policy in self.policies for key in policy.keys or ())

    def ends(self) -> set[float]:
        """Return the moments at which an exception or a block ends."""
        timed = [each for policy in self.policies for each in policy.blocks]
        for policy in self.policies:
            timed.extend(each for rule in policy.rules for each in rule.exemptions)
        return {each.until_s for each in timed if each.until_s != NEVER}


def compile_policies(files: Sequence[PolicyFile]) -> Compiled:
    """Compile the policies that are in force together.

    Raises:
        ConfigError: Two of them have one name, or two rules one id.
    """
    mistakes = in_order(_repeated(files))
    if mistakes:
        raise ConfigError(mistakes)
    ordered = sorted((each.policy for each in files), key=lambda policy: policy.name)
    return Compiled(
        tuple(map(_policy, ordered)), tuple(map(_content, ordered)), _common_zones(ordered)
    )


def _common_zones(policies: Iterable[Policy]) -> dict[str, frozenset[str]]:
    """Return the organization's zones and the shipped ones; where definitions differ, what all say.

    A layer only makes them smaller: another one must not allow more.
    """
    found: dict[str, frozenset[str]] = {}
    for policy in policies:
        if policy.layer is None:
            for name, codes in zones_of(policy).items():
                found[name] = found.get(name, codes) & codes
    for policy in policies:
        if policy.layer is not None:
            for name in policy.zones.keys() & found.keys():
                found[name] &= frozenset(policy.zones[name])
    return found


def _repeated(files: Iterable[PolicyFile]) -> Iterator[Mistake]:
    names: dict[str, str] = {}
    rules: dict[str, str] = {}
    for each in files:
        policy, file = each.policy, each.source.sources[0].file
        if policy.name in names:
            what = f"{policy.name} is the name of {names[policy.name]} too"
            yield each.mistake(("name",), what, "give each policy a name of its own")
        names[policy.name] = file
        for place, rule in enumerate(policy.rule):
            if rules.get(rule.id, file) != file:
                what = f"{rule.id} is a rule of {rules[rule.id]} too"
                yield each.mistake(("rule", place, "id"), what, "give each rule an id of its own")
            rules[rule.id] = file


def _policy(policy: Policy) -> CompiledPolicy:
    layer = policy.layer
    zones = zones_of(policy)
    return CompiledPolicy(
        name=policy.name,
        organization=layer is None,
        environments=_names(layer.environments if layer else None),
        keys=_names(layer.keys if layer else None),
        unlabelled=policy.unlabelled,
        classes=frozenset(policy.classes),
        permits=frozenset(
            (data_class, environment)
            for permit in policy.permit
            for data_class in permit.classes
            for environment in permit.environments
        ),
        rules=tuple(
            compiled_rule(rule, zones, policy.exception)
            for rule in sorted(policy.rule, key=lambda each: each.id)
        ),
        blocks=tuple(
            TimedGlob(Globs([each.upstream]), _end(each.until), each.because)
            for each in policy.block
        ),
        kept_hatches=_kept(policy),
        prefer=policy.prefer.order,
    )


def _kept(policy: Policy) -> frozenset[str]:
    """Return the hatches that a policy keeps; a layer that does not speak of one has no say."""
    silent = "refuse" if policy.layer is None else "keep"
    return frozenset(name for name, word in policy.hatches if (word or silent) == "keep")


def compiled_rule(
    rule: Rule, zones: Mapping[str, frozenset[str]], exceptions: Iterable[Exemption] = ()
) -> CompiledRule:
    """Compile one rule.

    Args:
        rule: The rule.
        zones: The zones that it may name.
        exceptions: Those of its file.
    """
    return CompiledRule(
        id=rule.id,
        classes=_names(rule.classes),
        environments=_names(rule.environments),
        checks=fact_checks(rule.require, zones),
        guard=guard(rule),
        retention_days=rule.require.retention_days,
        upstreams=Globs(rule.forbid.upstreams),
        platforms=Globs(rule.forbid.platforms),
        models=Globs(rule.forbid.models),
        allowed_models=Globs(rule.allow.models),
        exemptions=tuple(
            TimedGlob(
                Globs([each.upstream]),
                end_of(each.until),
                f"exception {each.id} lifts {rule.id} until {each.until} ({each.ticket})",
            )
            for each in exceptions
            if each.rule == rule.id
        ),
    )


def _content(policy: Policy) -> Any:
    """Return what a digest covers: every setting, with the zones that its rules name."""
    written = _unordered(policy.model_dump(mode="json"))
    used = {rule.require.processing_in for rule in policy.rule}
    used |= {rule.require.storage_in for rule in policy.rule}
    zones = {name: sorted(codes) for name, codes in zones_of(policy).items()}
    written["zones"] = {
        name: codes for name, codes in zones.items() if name in policy.zones or name in used
    }
    written["prefer"] = list(policy.prefer.order)
    return written


def _unordered(content: Any) -> Any:
    if isinstance(content, dict):
        return {key: _unordered(value) for key, value in content.items()}
    if isinstance(content, list):
        return sorted(map(_unordered, content), key=canonical)
    return content


def _names(names: Iterable[str] | None) -> frozenset[str] | None:
    return None if names is None else frozenset(names)


def _end(day: Any) -> float:
    return NEVER if day is None else end_of(day)
