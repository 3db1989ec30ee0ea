"""Decisions of the past, made again with other policies: what would be refused, allowed, moved."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from gateway.errors import Malformed
from gateway.money import usd
from gateway.policy import hatches, preferring, request_checks
from gateway.policy.deciding import decide, looks_inside
from gateway.policy.decision import Request
from gateway.policy.in_force import InForce
from gateway.policy.recorded import Entry, Inputs, inputs, turned_away

POLICY_CAUSE = "POLICY"
"""The cause with which a plan leaves out what policy rejects; every other would stand again."""

_EXAMPLES = 3
"""Decision ids that a group names."""


class Cell(NamedTuple):
    """Calls that are alike to policy."""

    data_class: str | None
    environment: str
    model: str
    features: tuple[str, ...]
    betas: tuple[str, ...]
    rules: tuple[str, ...] = ()
    """The rules that would refuse them."""


@dataclass(slots=True)
class Group:
    """How often a cell was met, and the first decisions in it."""

    count: int = 0
    decisions: list[str] = field(default_factory=list)

    def add(self, decision: str) -> None:
        """Count one more."""
        self.count += 1
        if len(self.decisions) < _EXAMPLES:
            self.decisions.append(decision)


@dataclass(slots=True)
class Shift:
    """How many calls would go to an upstream first, before and after."""

    before: int = 0
    after: int = 0


class Costs(Protocol):
    """What calls cost at a Unix time."""

    def spent(self, upstream: str, model: str, usage: Mapping[str, Any], at_s: float) -> int | None:
        """Return what usage cost in picodollars; None: there is no price."""
        ...

    def dearness_at(self, at_s: float) -> preferring.Dearness:
        """Return what tells the cheaper upstream."""
        ...


@dataclass(slots=True)
class Money:
    """What answered calls cost where they ran, and would cost at the first upstream after."""

    calls: int = 0
    before_pico: int = 0
    after_pico: int = 0
    unpriced: int = 0
    """Answered calls that are in neither sum, because one of the two has no price."""


@dataclass(slots=True)
class Simulation:
    """What a journal's decisions become under other policies."""

    decisions: int = 0
    turned_away: int = 0
    """Calls that were refused before policy was asked: they would be again."""
    unreadable: int = 0
    """Decisions whose record has another shape."""
    allowed_before: int = 0
    allowed_after: int = 0
    unsure: int = 0
    """Of those allowed after: it is not recorded what all they ask for, so some may be refused."""
    newly_refused: dict[Cell, Group] = field(default_factory=dict)
    newly_allowed: dict[Cell, Group] = field(default_factory=dict)
    first_choice: dict[str, Shift] = field(default_factory=dict)
    money: Money | None = None
    """None: nothing prices the calls."""


def simulate(entries: Iterable[Entry], in_force: InForce, costs: Costs | None = None) -> Simulation:
    """Return what the decisions among some records become.

    Each is made at the time of its record, so that what has ended since does not count. What left
    an upstream out for another cause than policy, such as a model it does not serve, still does.
    Upstreams are taken in the order that the policies prefer, else in that of the recorded plan,
    then in the configured one.

    Args:
        entries: Records of a journal; other kinds than `decision` and `finished` are passed over.
        in_force: The policies to try, the facts to try them with, and the environment of calls
            that were made without a policy.
        costs: Prices what calls used, and tells policies that prefer the cheaper upstream which
            it was.
    """
    found = Simulation(money=None if costs is None else Money())
    moved: dict[str, _Moved] = {}
    for entry in entries:
        if entry.kind == "decision":
            _replay(found, entry, in_force, costs, moved)
        elif entry.kind == "finished" and costs is not None and found.money is not None:
            _price(found.money, entry, costs, moved.pop(str(entry.data.get("decision")), None))
    return found


class _Moved(NamedTuple):
    """Where a call would go first now; None: nowhere."""

    model: str
    first: str | None


def _price(money: Money, entry: Entry, costs: Costs, moved: _Moved | None) -> None:
    """Add what an answered call cost to the sums."""
    usage, upstream = entry.data.get("usage"), entry.data.get("upstream")
    if moved is None or not isinstance(usage, Mapping) or not isinstance(upstream, str):
        return
    if entry.data.get("usage_cut"):
        money.unpriced += 1
        return
    before = costs.spent(upstream, moved.model, usage, entry.at_s)
    after = 0 if moved.first is None else costs.spent(moved.first, moved.model, usage, entry.at_s)
    if before is None or after is None:
        money.unpriced += 1
        return
    money.calls += 1
    money.before_pico += before
    money.after_pico += after


def _replay(
    found: Simulation,
    entry: Entry,
    in_force: InForce,
    costs: Costs | None,
    moved: dict[str, _Moved],
) -> None:
    found.decisions += 1
    if turned_away(entry):
        found.turned_away += 1
        return
    try:
        was, now_s = inputs(entry), entry.at_s
        dearness = None if costs is None else costs.dearness_at(now_s)
        plan, rules, sure = replan(was, in_force, now_s, dearness)
    except (ValueError, Malformed):
        found.unreadable += 1
        return
    found.unsure += not sure
    _count(found, was.plan, plan)
    if found.money is not None and was.plan:
        moved[was.decision] = _Moved(was.model, plan[0] if plan else None)
    if bool(plan) != bool(was.plan):
        groups = found.newly_allowed if plan else found.newly_refused
        cell = _cell(was, in_force.environment, () if plan else rules)
        groups.setdefault(cell, Group()).add(was.decision)


def _count(found: Simulation, before: Sequence[str], after: Sequence[str]) -> None:
    found.allowed_before += bool(before)
    found.allowed_after += bool(after)
    if before:
        found.first_choice.setdefault(before[0], Shift()).before += 1
    if after:
        found.first_choice.setdefault(after[0], Shift()).after += 1


class Replan(NamedTuple):
    """What becomes of a recorded call."""

    plan: tuple[str, ...]
    """The upstreams that it would be tried at."""
    rules: tuple[str, ...]
    """The rules against others."""
    sure: bool
    """Whether the record tells all that the policies ask about an allowed call."""


def replan(
    was: Inputs, in_force: InForce, now_s: float, dearness: preferring.Dearness | None = None
) -> Replan:
    """Decide a recorded call again.

    Raises:
        gateway.errors.Malformed: It required something that is not known.
    """
    compiled, facts = in_force.compiled, in_force.facts
    asked = request(was, in_force.environment)
    decision = decide(compiled, facts, asked, now_s)
    unable = {each.upstream for each in was.rejected if each.cause.upper() != POLICY_CAUSE}
    allowed = frozenset(decision.allowed) - unable
    names = dict.fromkeys((*was.plan, *(each.upstream for each in decision.candidates)))
    plan = [name for name in names if name in allowed]
    ranks = preferring.ranks(decision.prefer, facts, asked.model, dearness)
    if ranks is not None:
        plan.sort(key=ranks.__getitem__)
    rules = dict.fromkeys(
        reason.rule
        for verdict in decision.candidates
        if verdict.upstream not in unable
        for reason in verdict.reasons
    )
    sure = was.whole or not allowed or not looks_inside(compiled, facts, asked, now_s)
    return Replan(tuple(plan), tuple(rules), sure)


def request(was: Inputs, environment: str) -> Request:
    """Return what policy looks at in a recorded call.

    What nobody looked for in its body is not there; the checks are those of what was found.

    Args:
        was: The record.
        environment: That of calls that were made without a policy.
    """
    features = was.features or frozenset()
    return Request(
        environment=environment if was.environment is None else was.environment,
        data_class=was.data_class,
        model=was.model,
        features=features,
        betas=was.betas,
        checks=was.checks if was.whole else request_checks.passed(features),
        layers=was.layers,
        require=frozenset("".join(word.split()) for word in was.require),
        hatches=hatches.used(was.hatches),
        models_inside=was.models_inside,
    )


def _cell(was: Inputs, environment: str, rules: tuple[str, ...]) -> Cell:
    asked = request(was, environment)
    features, betas = tuple(sorted(asked.features)), tuple(sorted(asked.betas))
    return Cell(asked.data_class, asked.environment, asked.model, features, betas, rules)


def as_json(found: Simulation) -> dict[str, Any]:
    """Return a simulation as plain data."""
    return {
        "decisions": found.decisions,
        "turned_away": found.turned_away,
        "unreadable": found.unreadable,
        "unsure": found.unsure,
        "allowed": {"before": found.allowed_before, "after": found.allowed_after},
        "newly_refused": _groups(found.newly_refused),
        "newly_allowed": _groups(found.newly_allowed),
        "first_choice": {
            name: {"before": each.before, "after": each.after}
            for name, each in sorted(found.first_choice.items())
        },
        "cost": None if found.money is None else _money(found.money),
    }


def _money(found: Money) -> dict[str, Any]:
    return {
        "calls": found.calls,
        "before_usd": usd(found.before_pico),
        "after_usd": usd(found.after_pico),
        "unpriced": found.unpriced,
    }


def _groups(groups: Mapping[Cell, Group]) -> list[dict[str, Any]]:
    return [
        {
            "class": cell.data_class,
            "environment": cell.environment,
            "model": cell.model,
            "features": list(cell.features),
            "betas": list(cell.betas),
            "rules": list(cell.rules),
            "count": group.count,
            "decisions": group.decisions,
        }
        for cell, group in by_count(groups)
    ]


def by_count(groups: Mapping[Cell, Group]) -> list[tuple[Cell, Group]]:
    """Return groups, those met most often first."""
    return sorted(groups.items(), key=lambda each: (-each[1].count, str(each[0])))
