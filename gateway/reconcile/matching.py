"""A statement held against the ledger: groups, and what each turns out to be. Pure.

A group is a period, a model, a scope and a kind, as far as the statement tells them: what it does
not tell is added up on both sides.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from gateway.reconcile.booking import Booked, Chosen, tag
from gateway.reconcile.comparable import Left, comparable, left_here, left_there
from gateway.reconcile.grouping import Grouping, Key
from gateway.reconcile.judged import Judged, judged
from gateway.reconcile.residuals import Residual, residuals
from gateway.reconcile.sides import Side, Sides, told
from gateway.reconcile.spans import ALL, DAY_H, Span, Spans, common, days, holds, moment
from gateway.reconcile.statement import Charge, Measure, Statement
from gateway.reconcile.sums import Bounded, Sums
from gateway.reconcile.terms import Class, Tolerances, terms


class Group(Struct, frozen=True, kw_only=True):
    """One group, compared. Numbers are in whole picos; None: that side has no such group."""

    key: Key
    tag: str
    """What stands for it in the ids of adjustments."""
    ours: Bounded | None
    """What the attempts come to, with what was adjusted before."""
    booked_pico: int = 0
    """Of `ours`: what was adjusted before."""
    theirs: int | None
    found: Judged
    attempts: int = 0
    lines: int = 0
    notes: tuple[str, ...] = ()

    @property
    def difference(self) -> int:
        """Return what the statement has more than the ledger."""
        return (self.theirs or 0) - (self.ours.value if self.ours else 0)


class Comparison(Struct, frozen=True, kw_only=True):
    """What came of one statement."""

    statement: Statement
    periods: Spans
    """The hours that were compared."""
    groups: tuple[Group, ...]
    totals: tuple[Group, ...]
    """The same over all periods, models and scopes; money in one sum."""
    residuals: tuple[Residual, ...]
    left: tuple[Left, ...]

    @property
    def matches(self) -> bool:
        """Say whether all that was compared agrees; where there was something, and none was: no."""
        if self.left and not self.groups:
            return False
        return all(each.found.kind is Class.MATCH for each in (*self.groups, *self.totals))

    def whole_days(self) -> frozenset[str]:
        """Return the days of which all hours were compared."""
        hours = (
            hour
            for span in self.periods
            for hour in range(days(Span(span.start, span.start + 1)).start, span.end, DAY_H)
        )
        whole = (hour for hour in hours if holds(self.periods, Span(hour, hour + DAY_H)))
        return frozenset(f"{moment(hour):%Y-%m-%d}" for hour in whole)


def compare(
    statement: Statement,
    ours: Sequence[Sums],
    covered: Spans,
    window: Spans = ALL,
    *,
    booked: Sequence[Booked] = (),
    chosen: Chosen | None = None,
    tolerance: Mapping[Measure, Tolerances] | None = None,
) -> Comparison:
    """Return what a statement and the ledger agree on, and what not.

    Args:
        statement: What the platform says.
        ours: The attempts on that platform.
        covered: The hours that the ledger has all attempts of.
        window: The hours that were asked for.
        booked: The adjustments there are.
        chosen: What of both sides `statement` and `ours` are.
        tolerance: How far apart sums may lie; None: as `data/reconcile.toml` says.
    """
    requests = [each for each in statement.charges if each.kind != "other"]
    periods = comparable(requests, statement.spans, covered, window)
    compared = [each for each in requests if holds(periods, each.period)]
    grouping = Grouping.of(statement, compared, periods, ours)
    rules = terms().tolerance if tolerance is None else tolerance
    left_out = statement.leaves_out_tiers
    earlier = [each for each in booked if each.of(chosen or Chosen())]
    groups = _groups(_sides(Sides(grouping, left_out), compared, ours), rules, earlier)
    whole = _sides(Sides(grouping.whole(), left_out), compared, ours)
    asked = common(statement.spans, window)
    return Comparison(
        statement=statement,
        periods=periods,
        groups=groups,
        totals=_totals(whole, rules, sum(each.booked_pico for each in groups)),
        residuals=tuple(residuals(statement, ours, periods, window)),
        left=(*left_there(requests, periods, covered, window), *left_here(ours, periods, asked)),
    )


def _sides(sides: Sides, charges: Iterable[Charge], ours: Iterable[Sums]) -> Sides:
    for charge in charges:
        sides.charge(charge)
    for sums in ours:
        sides.sums(sums)
    return sides


def _groups(
    sides: Sides, rules: Mapping[Measure, Tolerances], earlier: Sequence[Booked]
) -> tuple[Group, ...]:
    before: dict[str, int] = {}
    for each in earlier:
        before[each.group] = before.get(each.group, 0) + each.amount_pico
    made = []
    for key, side in sorted(sides.all.items(), key=lambda each: each[0].order()):
        name = tag(*key)
        pico = before.get(name, 0) if key.family.measure == "usd" else 0
        group = _group(key, side, rules, pico)
        if group is not None:
            made.append(group)
    return tuple(made)


def _totals(
    sides: Sides, rules: Mapping[Measure, Tolerances], booked_pico: int
) -> tuple[Group, ...]:
    made = (
        _group(key, side, rules, booked_pico if key.family.measure == "usd" else 0)
        for key, side in sorted(sides.all.items(), key=lambda each: each[0].order())
    )
    return tuple(group for group in made if group is not None)


def _group(
    key: Key, side: Side, rules: Mapping[Measure, Tolerances], booked_pico: int
) -> Group | None:
    ours = side.ours
    if booked_pico:
        ours = (ours or Bounded()).plus(Bounded.exactly(booked_pico))
    if not side.there and not booked_pico and (ours is None or not (any(ours) or side.attempts)):
        return None
    return Group(
        key=key,
        tag=tag(*key),
        ours=ours,
        booked_pico=booked_pico,
        theirs=side.there,
        found=judged(ours, side.there, rules[key.family.measure]),
        attempts=side.attempts,
        lines=side.lines,
        notes=tuple(told(side.notes)),
    )
