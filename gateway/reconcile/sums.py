"""What the ledger has, as sums over attempts, with the bounds of what nobody told. Pure.

Every number is in whole picos: of a dollar, of a token, of a search.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from msgspec import Struct

from gateway.reconcile.statement import Kind, Measure, Routing


class Bounded(NamedTuple):
    """A sum, and between what it may lie."""

    value: int = 0
    low: int = 0
    high: int | None = 0
    """None: nobody knows a bound."""

    @classmethod
    def exactly(cls, value: int) -> Bounded:
        """Return a sum that is known."""
        return cls(value, value, value)

    def plus(self, other: Bounded) -> Bounded:
        """Return the sum of both."""
        high = None if self.high is None or other.high is None else self.high + other.high
        return Bounded(self.value + other.value, self.low + other.low, high)

    def perhaps(self, *, counted: bool) -> Bounded:
        """Return the same, of what may as well belong elsewhere; `counted`: it is summed here."""
        return Bounded(self.value if counted else 0, min(self.low, 0), self.high)


class Cell(NamedTuple):
    """One number of a sum over attempts."""

    measure: Measure
    kind: Kind


class Sums(Struct, kw_only=True):
    """The attempts of one model that began in one hour and ended in another."""

    start_h: int
    end_h: int
    model: str
    scope: Routing
    tier: str = ""
    cells: dict[Cell, Bounded]
    attempts: int = 1
    uncertain: int = 0
    """How many of them broke off, are not over, or may not be billed."""
    unpriced: int = 0
    """How many have no price: they are in no sum of money."""


def added(cells: Iterable[tuple[Cell, Bounded]]) -> dict[Cell, Bounded]:
    """Return cells with those that are the same added up."""
    found: dict[Cell, Bounded] = {}
    for cell, bounded in cells:
        found[cell] = found.get(cell, Bounded()).plus(bounded)
    return found
