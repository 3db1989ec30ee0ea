"""Reading a policy file, and what its names must mean."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from gateway.config.document import Document
from gateway.config.mistakes import ConfigError, Key, Mistake, nearest
from gateway.policy import hints, places, request_checks, zones
from gateway.policy.facts import SHAPES
from gateway.policy.globs import Globs
from gateway.policy.model import Policy, Rule
from gateway.policy.reading import checked, document, in_order
from providers import catalog

_NO_CONSTRAINT = frozenset({"assurance", "assurance_exempt"})
_GLOB = frozenset("*?[")


@dataclass(frozen=True, slots=True)
class PolicyFile:
    """A policy and where its parts stand in its file."""

    policy: Policy
    source: Document

    def mistake(self, key: Key, message: str, suggestion: str = "") -> Mistake:
        """Return a mistake at a key of this file."""
        return self.source.mistake(key, message, suggestion)


def read_policy(file: str, text: str) -> PolicyFile:
    """Read one policy file.

    Raises:
        ConfigError: With every mistake: unknown keys, unknown zones, classes and features, rules
            that constrain nothing, exceptions for rules that are not there.
    """
    source = document(file, text)
    read = PolicyFile(checked(source, Policy), source)
    mistakes = in_order(_mistakes(read))
    if mistakes:
        raise ConfigError(mistakes)
    return read


def zones_of(policy: Policy) -> dict[str, frozenset[str]]:
    """Return the zones that a policy's rules may name: the shipped ones under its own."""
    return zones.shipped() | {name: frozenset(codes) for name, codes in policy.zones.items()}


def _mistakes(read: PolicyFile) -> Iterator[Mistake]:
    yield from _zone_mistakes(read)
    yield from _class_mistakes(read)
    seen: set[str] = set()
    for place, rule in enumerate(read.policy.rule):
        if rule.id in seen:
            yield read.mistake(("rule", place, "id"), f"{rule.id} is the id of two rules")
        seen.add(rule.id)
        yield from _rule_mistakes(read, ("rule", place), rule)
    for place, each in enumerate(read.policy.exception):
        if each.rule not in seen:
            key: Key = ("exception", place, "rule")
            yield read.mistake(
                key, f"{each.rule} is no rule of this file", nearest(each.rule, seen)
            )


def _zone_mistakes(read: PolicyFile) -> Iterator[Mistake]:
    known = zones.countries()
    for name, codes in read.policy.zones.items():
        if not codes:
            yield read.mistake(("zones", name), "has no country: nothing lies in it")
        for place, code in enumerate(codes):
            if code not in known:
                what = f"{code} is no country code of ISO 3166"
                yield read.mistake(("zones", name, place), what, nearest(code, known))


def _class_mistakes(read: PolicyFile) -> Iterator[Mistake]:
    policy = read.policy
    named: list[tuple[Key, str]] = [
        (("permit", place, "classes", at), name)
        for place, permit in enumerate(policy.permit)
        for at, name in enumerate(permit.classes)
    ]
    named += [
        (("rule", place, "classes", at), name)
        for place, rule in enumerate(policy.rule)
        for at, name in enumerate(rule.classes or ())
    ]
    if policy.unlabelled is not None:
        named.append((("unlabelled",), policy.unlabelled))
    if policy.layer is not None and not policy.classes:
        # A layer without classes of its own speaks of the organization's.
        return
    for key, name in named:
        if name not in policy.classes:
            yield read.mistake(key, f"{name} is no class", nearest(name, policy.classes))


def _rule_mistakes(read: PolicyFile, key: Key, rule: Rule) -> Iterator[Mistake]:
    if not constrains(rule):
        what = f"rule {rule.id} constrains nothing"
        yield read.mistake(key, what, "add require.* or forbid.*, or take it out")
    known_zones = zones_of(read.policy)
    for name in ("processing_in", "storage_in"):
        zone = getattr(rule.require, name)
        if zone is not None and zone not in known_zones:
            what = f"unknown zone {zone}"
            yield read.mistake((*key, "require", name), what, nearest(zone, known_zones))
    for (table, field), known in _vocabulary().items():
        yield from _unknown(read, (*key, table, field), getattr(getattr(rule, table), field), known)
    yield from _model_mistakes(read, (*key, "forbid", "models"), rule.forbid.models)
    yield from _empty_mistakes(read, key, rule)


def _model_mistakes(read: PolicyFile, key: Key, names: Iterable[str]) -> Iterator[Mistake]:
    """Say where a forbidden model is none that is judged: aliases and platforms' ids never are."""
    known = frozenset(each.id for each in catalog.models())
    for place, name in enumerate(names):
        if not any(each in Globs([name]) for each in known):
            right = _canonical(name) or nearest(name, known)
            yield read.mistake((*key, place), f"{name} is not known", right)


def _canonical(name: str) -> str | None:
    """Return the id under which a spelling of a model is judged; None where it is none."""
    try:
        return f"write {catalog.resolve(name).canonical}"
    except catalog.UnknownModel:
        return None


def _vocabulary() -> Mapping[tuple[str, str], frozenset[str]]:
    return {
        ("require", "processor"): places.processors(),
        ("require", "platforms"): places.platforms(),
        ("require", "partition"): places.partitions(),
        ("require", "assurance_exempt"): frozenset(SHAPES),
        ("require", "request_checks"): request_checks.names(),
        ("forbid", "platforms"): places.platforms(),
        ("forbid", "features"): hints.features(),
        ("allow", "features"): hints.features(),
    }


def _unknown(
    read: PolicyFile, key: Key, names: Iterable[str] | None, known: frozenset[str]
) -> Iterator[Mistake]:
    for place, name in enumerate(names or ()):
        if name.startswith("unknown:"):
            continue
        fits = (
            any(fnmatchcase(each, name) for each in known) if _GLOB & set(name) else name in known
        )
        if not fits:
            yield read.mistake((*key, place), f"{name} is not known", nearest(name, known))


def _empty_mistakes(read: PolicyFile, key: Key, rule: Rule) -> Iterator[Mistake]:
    """Say where an empty array stands: it reads as if it asked for something."""
    for name, value in rule.require:
        if value == () and name != "assurance_exempt":
            yield read.mistake((*key, "require", name), "is empty", "name at least one")
    for name in ("classes", "environments"):
        if getattr(rule, name) == ():
            yield read.mistake((*key, name), "is empty: the rule is for nothing", "leave it out")
    for name in ("models", "features", "betas"):
        unless = name == "models" and rule.require.retention_days is not None
        if getattr(rule.allow, name) and not getattr(rule.forbid, name) and not unless:
            what = f"allows {name}, but the rule forbids none"
            yield read.mistake((*key, "allow", name), what, f"add forbid.{name}")


def constrains(rule: Rule) -> bool:
    """Say whether a rule asks for anything."""
    required = any(value is not None for name, value in rule.require if name not in _NO_CONSTRAINT)
    return required or any(value for _, value in rule.forbid)
