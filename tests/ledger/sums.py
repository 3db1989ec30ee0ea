"""Sums over rows: what a caller is charged, what was wasted, and what all of it cost."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct

from gateway.ledger.parts import Part, part
from gateway.ledger.row import Row


class Sum(Struct, frozen=True, kw_only=True):
    """What rows cost together, in whole picodollars of any size."""

    rows: int = 0
    exact_pico: int = 0
    """Of the rows whose cost is known."""
    low_pico: int = 0
    high_pico: int = 0
    """Between these all rows with a price cost; they are equal where all of it is known."""
    unpriced: int = 0
    """How many rows have no price, and so are in none of the amounts."""
    unbounded: int = 0
    """How many rows may have cost more than they add to `high_pico`."""

    def __add__(self, other: Sum) -> Sum:
        """Return the sum over the rows of both."""
        return Sum(
            rows=self.rows + other.rows,
            exact_pico=self.exact_pico + other.exact_pico,
            low_pico=self.low_pico + other.low_pico,
            high_pico=self.high_pico + other.high_pico,
            unpriced=self.unpriced + other.unpriced,
            unbounded=self.unbounded + other.unbounded,
        )


def total(rows: Iterable[Row]) -> Sum:
    """Return what attempts cost the operator, whoever won."""
    count = exact_pico = low_pico = high_pico = unpriced = unbounded = 0
    for row in rows:
        count += 1
        if row.low_pico is None:
            unpriced += 1
            continue
        low_pico += row.low_pico
        if row.high_pico is None:
            unbounded += 1
            high_pico += max(row.low_pico, row.net_pico or 0)
            continue
        high_pico += row.high_pico
        if row.low_pico == row.high_pico:
            exact_pico += row.low_pico
    return Sum(
        rows=count,
        exact_pico=exact_pico,
        low_pico=low_pico,
        high_pico=high_pico,
        unpriced=unpriced,
        unbounded=unbounded,
    )


def is_unbounded(row: Row) -> bool:
    """Say whether nothing bounds what a row cost."""
    return row.low_pico is not None and row.high_pico is None


def charged(rows: Iterable[Row], *, charge_partial: bool) -> Sum:
    """Return what callers are charged: for the answers they got, never for what failed before.

    Args:
        rows: Attempts.
        charge_partial: Whether an answer that broke off is charged too.
    """
    return total(_in(Part.CHARGED, rows, charge_partial=charge_partial))


def waste(rows: Iterable[Row]) -> Sum:
    """Return what attempts cost that have ended and whose answer nobody got."""
    return total(_in(Part.WASTE, rows))


def _in(wanted: Part, rows: Iterable[Row], *, charge_partial: bool = True) -> Iterator[Row]:
    for row in rows:
        found = part(row.state, won=row.won, is_open=row.open, charge_partial=charge_partial)
        if found is wanted:
            yield row
