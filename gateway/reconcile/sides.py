"""Both sides of each group, added up. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from decimal import Decimal

from msgspec import Struct, field

from gateway import money
from gateway.reconcile.exact import total
from gateway.reconcile.grouping import Family, Grouping, Key
from gateway.reconcile.statement import Charge, Measure
from gateway.reconcile.sums import Bounded, Cell, Sums

_USUAL = frozenset({"", "standard"})


class Side(Struct):
    """What is known of one group."""

    ours: Bounded | None = None
    theirs: Decimal | None = None
    attempts: int = 0
    lines: int = 0
    notes: Counter[str] = field(default_factory=Counter)

    @property
    def there(self) -> int | None:
        """Return the statement's sum, in whole picos."""
        return None if self.theirs is None else money.pico(self.theirs)


class Sides:
    """The groups of one grouping.

    Args:
        grouping: What makes a group.
        left_out: The tiers whose costs the statement does not have.
    """

    def __init__(self, grouping: Grouping, left_out: tuple[str, ...]) -> None:
        self._grouping = grouping
        self._left_out = left_out
        self.all: dict[Key, Side] = {}

    def charge(self, charge: Charge) -> None:
        """Add one line of the statement."""
        values: tuple[tuple[Measure, Decimal | None], ...] = (
            ("tokens", charge.quantity),
            ("usd", charge.amount),
        )
        period = self._grouping.period(charge.period.start)
        for measure, value in values:
            family = self._grouping.family(measure, charge.kind)
            if value is None or family is None or period is None:
                continue
            model = charge.model or charge.named or None
            side = self._side(self._grouping.key(family, period, model, charge.scope, charge.kind))
            side.theirs = total(side.theirs, value)
            side.lines += charge.lines
            if charge.tier not in _USUAL:
                side.notes[f"lines of the tier {charge.tier}"] += charge.lines

    def sums(self, sums: Sums) -> None:
        """Add attempts of the ledger."""
        for cell, bounded in sums.cells.items():
            family = self._grouping.family(cell.measure, cell.kind)
            paid_elsewhere = cell.measure == "usd" and sums.tier in self._left_out
            if family is not None and not paid_elsewhere:
                self._cell(family, cell, bounded, sums)

    def _cell(self, family: Family, cell: Cell, bounded: Bounded, sums: Sums) -> None:
        start = self._grouping.period(sums.start_h)
        end = self._grouping.period(sums.end_h)
        for period in {start, end}:
            if period is None:
                continue
            side = self._side(self._grouping.key(family, period, sums.model, sums.scope, cell.kind))
            share = bounded
            if start != end:
                share = bounded.perhaps(counted=period == start)
                side.notes["attempts that ran over an edge of this period"] += sums.attempts
            side.ours = (side.ours or Bounded()).plus(share)
            if period == start:
                _count(side, cell, sums)

    def _side(self, key: Key) -> Side:
        return self.all.setdefault(key, Side())


def _count(side: Side, cell: Cell, sums: Sums) -> None:
    side.attempts += sums.attempts
    side.notes["attempts that broke off, are not over, or may not be billed"] += sums.uncertain
    if cell.measure == "usd":
        side.notes["attempts without a price"] += sums.unpriced


def told(notes: Counter[str]) -> Iterable[str]:
    """Yield notes for people."""
    return (f"{what}: {count}" for what, count in sorted(notes.items()) if count)
