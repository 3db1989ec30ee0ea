"""What is odd in policies that can be read: rules that never apply, permits nobody can use."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from gateway.config.mistakes import Key, Mistake, nearest
from gateway.policy.compiling import compile_policies
from gateway.policy.deciding import decide
from gateway.policy.decision import Request
from gateway.policy.facts import FactSheet, end_of
from gateway.policy.files import PolicyFile
from gateway.policy.globs import Globs
from gateway.policy.model import Layer, Permit, Policy, Rule

_WARN_S = 14 * 86_400
"""How long before its end an exception is told of."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to look at; an `error` is to be put right before the policy is used."""

    mistake: Mistake
    error: bool = True

    def __str__(self) -> str:
        return f"{'error' if self.error else 'warning'}: {self.mistake}"


def lint(
    files: Sequence[PolicyFile], facts: FactSheet, models: Iterable[str], now: float
) -> list[Finding]:
    """Return what is odd in policies that are in force together, in the order of the files.

    Args:
        files: The policies; reading them found what is wrong in each alone.
        facts: What is known of the upstreams.
        models: Canonical ids that callers may ask for.
        now: Unix time.

    Raises:
        ConfigError: The files cannot be in force together.
    """
    found: list[Finding] = []
    asked = sorted(models)
    compile_policies(files)
    for each in files:
        found += _unreachable(each, files)
        found += map(Finding, unknown_upstreams(each, [known.name for known in facts.upstreams]))
        found += _ending(each, now)
        found += _unusable(each, files, facts, asked, now=now)
    return sorted(found, key=lambda each: (each.mistake.file or "", each.mistake.line or 0))


def _unreachable(read: PolicyFile, files: Sequence[PolicyFile]) -> Iterator[Finding]:
    permits = _permits(files)
    for place, rule in enumerate(read.policy.rule):
        if not any(_meets(rule, read.policy.layer, cell) for cell in permits):
            what = f"rule {rule.id} is unreachable: no permit is for its classes and environments"
            yield Finding(read.mistake(("rule", place), what))


def _permits(files: Sequence[PolicyFile]) -> set[tuple[str, str]]:
    """Return the (class, environment) pairs that every organization policy permits."""
    cells = [_cells(each.policy.permit) for each in files if each.policy.layer is None]
    return set.intersection(*cells) if cells else set()


def _cells(permits: Iterable[Permit]) -> set[tuple[str, str]]:
    return {
        (name, where) for each in permits for name in each.classes for where in each.environments
    }


def _meets(rule: Rule, layer: Layer | None, cell: tuple[str, str]) -> bool:
    data_class, environment = cell
    within = layer is None or layer.environments is None or environment in layer.environments
    return (
        within
        and (rule.classes is None or data_class in rule.classes)
        and (rule.environments is None or environment in rule.environments)
    )


def unknown_upstreams(read: PolicyFile, names: Sequence[str]) -> Iterator[Mistake]:
    """Return where a policy names upstreams that none of `names` fits."""
    for key, pattern in _upstream_patterns(read.policy):
        globs = Globs([pattern])
        if not any(name in globs for name in names):
            what = f"{pattern} fits no upstream"
            yield read.mistake(key, what, nearest(pattern, names))


def _upstream_patterns(policy: Policy) -> Iterator[tuple[Key, str]]:
    for place, exemption in enumerate(policy.exception):
        yield ("exception", place, "upstream"), exemption.upstream
    for place, block in enumerate(policy.block):
        yield ("block", place, "upstream"), block.upstream
    for place, rule in enumerate(policy.rule):
        for at, pattern in enumerate(rule.forbid.upstreams):
            yield ("rule", place, "forbid", "upstreams", at), pattern


def _ending(read: PolicyFile, now: float) -> Iterator[Finding]:
    for place, exemption in enumerate(read.policy.exception):
        left_s = end_of(exemption.until) - now
        if left_s > _WARN_S:
            continue
        when = "has ended" if left_s <= 0 else f"ends in {int(left_s // 86_400)} days"
        what = f"exception {exemption.id} {when}"
        yield Finding(read.mistake(("exception", place, "until"), what), error=False)


def _unusable(
    read: PolicyFile,
    files: Sequence[PolicyFile],
    facts: FactSheet,
    models: list[str],
    *,
    now: float,
) -> Iterator[Finding]:
    """Try every permit with every model: a bare request, with the checks that rules ask for."""
    compiled = compile_policies(files)
    checks = frozenset(
        check
        for each in files
        for rule in each.policy.rule
        for check in rule.require.request_checks or ()
    )
    layer = read.policy.layer
    keys = frozenset(layer.keys or ()) if layer else frozenset[str]()
    for place, permit in enumerate(read.policy.permit):
        for data_class, environment in sorted(_cells([permit])):
            requests = (
                Request(environment, data_class, model, checks=checks, layers=keys)
                for model in models
            )
            if not any(decide(compiled, facts, request, now).allowed for request in requests):
                what = f"nobody can use this: no upstream takes {data_class} in {environment}"
                yield Finding(read.mistake(("permit", place), what, "see `gateway explain`"))
