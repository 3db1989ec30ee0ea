"""What one pair of sums turns out to be. Pure."""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

from gateway.money import PICO_PER_USD
from gateway.reconcile.sums import Bounded
from gateway.reconcile.terms import Class, Tolerance, Tolerances


class Judged(NamedTuple):
    """What a group is."""

    kind: Class
    within_bounds: bool = False
    """It matches only because nobody told what some attempts used."""


def judged(ours: Bounded | None, theirs: int | None, rules: Tolerances) -> Judged:
    """Return what two sums are, in whole picos; None or, there, 0: it has none."""
    there = theirs or 0
    if ours is None:
        kind = Class.MISSING_HERE
        far = abs(there) > _allowed(rules.of(kind), there)
        return Judged(kind if far else Class.MATCH)
    if not there:
        kind = Class.MISSING_THERE
    else:
        kind = Class.WE_HIGH if ours.value > there else Class.WE_LOW
    allowed = _allowed(rules.of(kind), there)
    if abs(there - ours.value) <= allowed:
        return Judged(Class.MATCH)
    inside = ours.low - allowed <= there and (ours.high is None or there <= ours.high + allowed)
    return Judged(Class.MATCH, within_bounds=True) if inside else Judged(kind)


def _allowed(tolerance: Tolerance, there: int) -> Fraction:
    share = Fraction(tolerance.relative) * abs(there)
    return max(share, Fraction(tolerance.absolute) * PICO_PER_USD)
