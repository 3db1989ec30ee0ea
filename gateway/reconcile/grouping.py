"""How both sides are grouped: by what the statement tells, and no finer. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from gateway.reconcile.spans import Span, Spans, common, days, merged
from gateway.reconcile.statement import TOKENS, Charge, Kind, Measure, Routing, Statement
from gateway.reconcile.sums import Sums


class Family(NamedTuple):
    """Lines that are told with the same detail."""

    measure: Measure
    name: Kind


class Key(NamedTuple):
    """One group. None: all of them together, as the statement does not tell them apart."""

    family: Family
    period: Span
    platform: str
    model: str | None = None
    scope: Routing | None = None
    kind: Kind | None = None
    """Of tokens: which."""

    def order(self) -> tuple[object, ...]:
        """Return what keys are sorted by."""
        return (
            self.family.measure, self.period, self.model or "", self.scope or "",
            self.kind or "", self.family.name,
        )  # fmt: skip


class Grouping(NamedTuple):
    """Which periods there are, and what each family of lines tells."""

    platform: str
    measures: tuple[Measure, ...]
    periods: tuple[Span, ...]
    compared: Spans
    """The hours in the periods that are compared."""
    by_model: frozenset[Family]
    by_scope: frozenset[Family]
    all_in_one: bool
    """Whether money is told as one sum, whatever it is for."""

    @classmethod
    def of(
        cls,
        statement: Statement,
        charges: Sequence[Charge],
        compared: Spans,
        ours: Iterable[Sums],
    ) -> Grouping:
        """Return how lines and the attempts of their time are grouped."""
        all_in_one = any(charge.kind == "all" for charge in charges)
        families: dict[Family, list[Charge]] = {}
        for charge in charges:
            for measure in statement.measures:
                family = _family(measure, charge.kind, all_in_one=all_in_one)
                value = charge.quantity if measure == "tokens" else charge.amount
                if family is not None and value is not None:
                    families.setdefault(family, []).append(charge)
        possible = {
            _family(measure, kind, all_in_one=all_in_one)
            for measure in statement.measures
            for kind in (*TOKENS, "web_search", "not_understood")
        } - {None}
        return cls(
            platform=statement.platform,
            measures=statement.measures,
            periods=_periods(charges, compared, ours),
            compared=compared,
            by_model=frozenset(
                family
                for family in possible
                if family and all(each.model or each.named for each in families.get(family, ()))
            ),
            by_scope=frozenset(
                family
                for family in possible
                if family and all(each.scope for each in families.get(family, ()))
            ),
            all_in_one=all_in_one,
        )

    def whole(self) -> Grouping:
        """Return the grouping of totals: all periods, models, scopes and kinds of money in one."""
        ends = (self.compared[0].start, self.compared[-1].end) if self.compared else (0, 0)
        return self._replace(
            periods=(Span(*ends),), by_model=frozenset(), by_scope=frozenset(), all_in_one=True
        )

    def family(self, measure: Measure, kind: Kind) -> Family | None:
        """Return the family that a number belongs to; None: it is not compared."""
        if measure not in self.measures:
            return None
        return _family(measure, kind, all_in_one=self.all_in_one)

    def period(self, hour: int) -> Span | None:
        """Return the period that an hour belongs to; None: it is not compared."""
        found = _around(self.compared, hour)
        return None if found is None else _around(self.periods, hour)

    def key(
        self,
        family: Family,
        period: Span,
        model: str | None,
        scope: Routing | None,
        kind: Kind,
    ) -> Key:
        """Return the group of a number."""
        return Key(
            family=family,
            period=period,
            platform=self.platform,
            model=model if family in self.by_model else None,
            scope=scope if family in self.by_scope else None,
            kind=kind if family.measure == "tokens" else None,
        )


def _family(measure: Measure, kind: Kind, *, all_in_one: bool) -> Family | None:
    if kind == "other":
        return None
    if measure == "tokens":
        if kind in TOKENS:
            return Family(measure, "tokens")
        return Family(measure, kind) if kind == "web_search" else None
    if all_in_one:
        return Family(measure, "all")
    return Family(measure, "tokens" if kind in TOKENS else kind)


def _periods(charges: Iterable[Charge], compared: Spans, ours: Iterable[Sums]) -> tuple[Span, ...]:
    """Return the days on both sides; days that lines cover together are one period."""
    hours = {hour for sums in ours for hour in (sums.start_h, sums.end_h)}
    spans = {days(charge.period) for charge in charges}
    spans |= {days(Span(hour, hour + 1)) for hour in hours if _around(compared, hour)}
    parts = (common((span,), compared) for span in merged(spans, touching=False))
    return tuple(Span(part[0].start, part[-1].end) for part in parts if part)


def _around(spans: Sequence[Span], hour: int) -> Span | None:
    at = bisect_right(spans, hour, key=lambda span: span.start) - 1
    return spans[at] if at >= 0 and hour < spans[at].end else None
