"""What changes between two sets of policies: not their words, but what they decide.

Every combination of class, environment, key layer, model and thing asked for is decided by both,
and what differs is told in as few lines as it takes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

from gateway.policy import hints, models_inside, request_checks
from gateway.policy.compiling import Compiled
from gateway.policy.deciding import decide
from gateway.policy.decision import Request
from gateway.policy.facts import FactSheet
from gateway.policy.files import PolicyFile

PLAIN = "plain"
"""The name of a request that asks for nothing and passed every check."""
UNLABELLED = "unlabelled"
"""How the class of a request without a label is written."""
OTHER = "other"
"""A feature, or a beta, that nobody knows."""
_HATCHES = ("inference_geo=global", "inference_geo=us", "workspace", "user_profile", "bill_to")
"""What a caller may choose, as `Request.hatches` has it."""

DIMENSIONS = ("asks", "models", "upstreams", "environments", "classes", "layers")
"""The parts of a change in the order in which lines are drawn together."""


class Ask(NamedTuple):
    """Something a request may ask for."""

    name: str
    features: frozenset[str] = frozenset()
    betas: frozenset[str] = frozenset()
    hatches: frozenset[str] = frozenset()
    models_inside: frozenset[str] = frozenset()

    def of(self, request: Request) -> Request:
        """Return a request that asks for it."""
        return request._replace(
            features=self.features,
            betas=self.betas,
            checks=request_checks.passed(self.features),
            hatches=self.hatches,
            models_inside=self.models_inside,
        )


@dataclass(frozen=True, slots=True)
class Axes:
    """Everything that is tried."""

    classes: Sequence[str | None]
    environments: Sequence[str]
    layers: Sequence[str]
    """Key layers; the empty one stands for a caller without any."""
    models: Sequence[str]
    asks: Sequence[Ask]


class Change(NamedTuple):
    """Cells that change alike: each combination of the sets is one."""

    allowed: bool
    """Whether they are allowed from now on; else they are refused from now on."""
    rules: tuple[str, ...]
    """The rules that refuse now, or that refused before."""
    classes: frozenset[str]
    environments: frozenset[str]
    layers: frozenset[str]
    models: frozenset[str]
    asks: frozenset[str]
    upstreams: frozenset[str]


Reordered = tuple[str, tuple[str, ...], tuple[str, ...]]
"""A policy, and its wishes for the order of upstreams before and after."""


class _Cell(NamedTuple):
    """One combination that changes at one upstream."""

    ask: str
    allowed: bool
    rules: tuple[str, ...]


def axes(
    files: Iterable[PolicyFile], models: Iterable[str], environments: Iterable[str] = ()
) -> Axes:
    """Return what is worth trying for some policies.

    Args:
        files: The old and the new ones together.
        models: Canonical ids that callers may ask for.
        environments: Names beside those that the policies use.
    """
    policies = [each.policy for each in files]
    rules = [rule for policy in policies for rule in policy.rule]
    classes = {name for policy in policies for name in policy.classes}
    classes |= {name for rule in rules for name in rule.classes or ()}
    where = {name for policy in policies for each in policy.permit for name in each.environments}
    where |= {name for rule in rules for name in rule.environments or ()}
    layers = [policy.layer for policy in policies if policy.layer is not None]
    where |= {name for layer in layers for name in layer.environments or ()}
    keys = {name for layer in layers for name in layer.keys or ()}
    betas = {name for rule in rules for name in (*rule.forbid.betas, *rule.allow.betas)}
    return Axes(
        classes=[None, *sorted(classes)],
        environments=sorted(where.union(environments)),
        layers=["", *sorted(keys)],
        models=sorted(set(models)),
        asks=list(_asks(betas)),
    )


def _asks(betas: Iterable[str]) -> Iterator[Ask]:
    yield Ask(PLAIN)
    for feature in sorted(hints.features()):
        yield Ask(f"feature {feature}", features=frozenset({feature}))
    yield Ask(f"feature unknown:{OTHER}", features=frozenset({f"unknown:{OTHER}"}))
    for beta in sorted({each for each in betas if "*" not in each} | {OTHER}):
        yield Ask(f"beta {beta}", betas=frozenset({beta}))
    for hatch in _HATCHES:
        yield Ask(f"hatch {hatch}", hatches=frozenset({hatch}))
    chosen = models_inside.CHOSEN_BY_THE_PLATFORM
    yield Ask(f"fallback {chosen}", models_inside=frozenset({chosen}))


def changes(
    old: Compiled, new: Compiled, facts: FactSheet, tried: Axes, now: float
) -> list[Change]:
    """Return what changes from one set of policies to another over the same facts.

    Args:
        old: The policies so far.
        new: The policies to come.
        facts: What is known of the upstreams.
        tried: The combinations to decide.
        now: Unix time.
    """
    found: list[Change] = []
    for data_class, environment, layer, model in product(
        tried.classes, tried.environments, tried.layers, tried.models
    ):
        layers = frozenset({layer} if layer else ())
        request = Request(environment, data_class, model, layers=layers)
        for upstream, cells in _differing(old, new, facts, request, tried, now=now).items():
            found += (
                Change(
                    allowed=allowed,
                    rules=rules,
                    classes=frozenset({data_class or UNLABELLED}),
                    environments=frozenset({environment}),
                    layers=frozenset({layer}),
                    models=frozenset({model}),
                    asks=asks,
                    upstreams=frozenset({upstream}),
                )
                for allowed, rules, asks in _told(cells)
            )
    return sorted(_joined(found), key=_order)


def reordered(old: Compiled, new: Compiled) -> list[Reordered]:
    """Return where wishes for the order of upstreams change; they decide nothing."""
    was = {policy.name: policy.prefer for policy in old.policies}
    becomes = {policy.name: policy.prefer for policy in new.policies}
    return [
        (name, was.get(name, ()), becomes.get(name, ()))
        for name in sorted({*was, *becomes})
        if was.get(name, ()) != becomes.get(name, ())
    ]


def _differing(
    old: Compiled, new: Compiled, facts: FactSheet, request: Request, tried: Axes, *, now: float
) -> dict[str, list[_Cell]]:
    """Return by upstream what differs for one class, environment, key layer and model."""
    found: dict[str, list[_Cell]] = defaultdict(list)
    for ask in tried.asks:
        asking = ask.of(request)
        before, after = decide(old, facts, asking, now), decide(new, facts, asking, now)
        for was, becomes in zip(before.candidates, after.candidates, strict=True):
            if was.allowed != becomes.allowed:
                against = was if becomes.allowed else becomes
                rules = tuple(dict.fromkeys(reason.rule for reason in against.reasons))
                found[was.upstream].append(_Cell(ask.name, becomes.allowed, rules))
        if ask.name == PLAIN and not before.allowed and not after.allowed:
            break  # What asks for more is refused all the more.
    return found


def _told(cells: Sequence[_Cell]) -> Iterator[tuple[bool, tuple[str, ...], frozenset[str]]]:
    """Return (allowed, rules, asks) for each line that one upstream's cells need.

    Where the plain request changes, it speaks for the others: what asks for more changes the same
    way or not at all. Of those that are newly refused none needs a name, for all of them are.
    """
    first = cells[0]
    if first.ask == PLAIN:
        names = {each.ask for each in cells} if first.allowed else {PLAIN}
        yield first.allowed, first.rules, frozenset(names)
        return
    groups: dict[tuple[bool, tuple[str, ...]], set[str]] = defaultdict(set)
    for each in cells:
        groups[each.allowed, each.rules].add(each.ask)
    for (allowed, rules), asks in groups.items():
        yield allowed, rules, frozenset(asks)


def _joined(found: Collection[Change]) -> Collection[Change]:
    """Draw changes together that differ in one dimension only."""
    for dimension in DIMENSIONS:
        groups: dict[Change, set[str]] = defaultdict(set)
        for change in found:
            groups[_with(change, dimension, ())].update(getattr(change, dimension))
        found = [_with(change, dimension, names) for change, names in groups.items()]
    return found


def _with(change: Change, dimension: str, names: Iterable[str]) -> Change:
    return Change(**{**change._asdict(), dimension: frozenset(names)})


def _order(change: Change) -> tuple[object, ...]:
    return (change.allowed, *(sorted(getattr(change, name)) for name in reversed(DIMENSIONS)))
