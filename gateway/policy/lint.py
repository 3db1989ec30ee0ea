"""What is odd in what can be read: rules that never apply, permits nobody can use, what ends."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from gateway.config.mistakes import Key, Mistake, nearest
from gateway.policy.attestations import AttestationsShape
from gateway.policy.compiling import Compiled, compile_policies
from gateway.policy.deciding import decide
from gateway.policy.decision import Request
from gateway.policy.facts import FactSheet, end_of
from gateway.policy.files import PolicyFile
from gateway.policy.globs import Globs
from gateway.policy.model import Layer, Permit, Policy, Rule
from gateway.policy.reading import checked, document

_DAY_S = 86_400
_WARN_S = 14 * _DAY_S
"""How long before its end an exception or an attestation is told of."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to look at; an `error` is to be put right before the policy is used."""

    mistake: Mistake
    error: bool = True

    def __str__(self) -> str:
        return f"{'error' if self.error else 'warning'}: {self.mistake}"


def lint(
    files: Sequence[PolicyFile],
    facts: FactSheet,
    models: Iterable[str],
    now: float,
    *,
    environment: str | None = None,
    upstreams: Iterable[str] = (),
) -> list[Finding]:
    """Return what is odd in policies that are in force together, in the order of the files.

    Args:
        files: The policies; reading them found what is wrong in each alone.
        facts: What is known of the upstreams.
        models: Canonical ids that callers may ask for.
        now: Unix time.
        environment: The one whose upstreams these are; permits for others are not tried. None:
            they are those of every environment.
        upstreams: More names that a policy may speak of, though nothing goes there.

    Raises:
        ConfigError: The files cannot be in force together.
    """
    found: list[Finding] = []
    asked = sorted(models)
    names = [*(each.name for each in facts.upstreams), *upstreams]
    compiled = compile_policies([_unblocked(each) for each in files])
    alone = all(each.policy.layer is not None for each in files)
    for each in files:
        found += map(Finding, unknown_upstreams(each, names))
        found += _ending(each, now)
        if alone:
            continue
        found += map(Finding, unreachable(each, files))
        found += _unusable(each, _Trial(compiled, facts, asked, _checks(files), environment, now))
    return _in_order(found)


def lint_attestations(
    file: str, text: str, facts: FactSheet, now: float, *, upstreams: Iterable[str] = ()
) -> list[Finding]:
    """Return what is odd in an attestations file: what ends soon, what fits no upstream.

    Raises ConfigError where the file cannot be read.
    """
    source = document(file, text)
    names = [*(each.name for each in facts.upstreams), *upstreams]
    found: list[Finding] = []
    for place, each in enumerate(checked(source, AttestationsShape).attest):
        if not _fits(each.upstream, names):
            what, hint = f"{each.upstream} fits no upstream", nearest(each.upstream, names)
            found.append(Finding(source.mistake(("attest", place, "upstream"), what, hint), False))
        if each.expires is not None and (when := _ends(end_of(each.expires), now)):
            what = f"{each.fact} of {each.upstream} {when}"
            found.append(Finding(source.mistake(("attest", place, "expires"), what), error=False))
    return _in_order(found)


def _in_order(found: list[Finding]) -> list[Finding]:
    return sorted(found, key=lambda each: (each.mistake.file or "", each.mistake.line or 0))


def unreachable(read: PolicyFile, files: Sequence[PolicyFile]) -> Iterator[Mistake]:
    """Return the rules that never apply: a misspelt environment would switch one off unseen."""
    if all(each.policy.layer is not None for each in files):
        return  # What layers narrow is not known, so nothing in them is idle.
    permits = _permits(files)
    for place, rule in enumerate(read.policy.rule):
        if not any(_meets(rule, read.policy.layer, cell) for cell in permits):
            what = f"rule {rule.id} is unreachable: no permit is for its classes and environments"
            yield read.mistake(("rule", place), what)


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
        if not _fits(pattern, names):
            what = f"{pattern} fits no upstream"
            yield read.mistake(key, what, nearest(pattern, names))


def _fits(pattern: str, names: Iterable[str]) -> bool:
    globs = Globs([pattern])
    return any(name in globs for name in names)


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
        if when := _ends(end_of(exemption.until), now):
            what = f"exception {exemption.id} {when}"
            yield Finding(read.mistake(("exception", place, "until"), what), error=False)


def _ends(until_s: float, now: float) -> str:
    """Say when something ends, if that is soon."""
    left_s = until_s - now
    if left_s > _WARN_S:
        return ""
    return "has ended" if left_s <= 0 else f"ends in {int(left_s // _DAY_S)} days"


@dataclass(frozen=True, slots=True)
class _Trial:
    """What permits are tried with."""

    compiled: Compiled
    facts: FactSheet
    models: Sequence[str]
    checks: frozenset[str]
    environment: str | None
    now: float

    def takes(self, data_class: str, environment: str, layers: frozenset[str]) -> bool:
        """Say whether some upstream takes a bare request, for some model."""
        requests = (
            Request(environment, data_class, model, checks=self.checks, layers=layers)
            for model in self.models
        )
        return any(decide(self.compiled, self.facts, each, self.now).allowed for each in requests)


def _unblocked(read: PolicyFile) -> PolicyFile:
    """Return a policy without its blocks: a permit is no mistake because of an emergency."""
    return PolicyFile(read.policy.model_copy(update={"block": ()}), read.source)


def _checks(files: Iterable[PolicyFile]) -> frozenset[str]:
    """Return every check that a rule asks for."""
    rules = (rule for each in files for rule in each.policy.rule)
    return frozenset(check for rule in rules for check in rule.require.request_checks or ())


def _unusable(read: PolicyFile, trial: _Trial) -> Iterator[Finding]:
    """Try every permit with every model: a bare request, with the checks that rules ask for."""
    layer = read.policy.layer
    layers = frozenset(layer.keys or ()) if layer else frozenset[str]()
    for place, permit in enumerate(read.policy.permit):
        for data_class, environment in sorted(_cells([permit])):
            if trial.environment not in {None, environment}:
                continue
            if not trial.takes(data_class, environment, layers):
                what = f"nobody can use this: no upstream takes {data_class} in {environment}"
                yield Finding(read.mistake(("permit", place), what, "see `gateway explain`"))
