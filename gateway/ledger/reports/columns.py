"""The columns of the ledger's tables as a report needs them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, NamedTuple, Protocol

from sqlalchemy import (
    JSON,
    BigInteger,
    ColumnElement,
    Integer,
    Label,
    Table,
    and_,
    case,
    cast,
    func,
    literal,
)

from gateway.ledger.parts import Part, charged_states
from gateway.ledger.reports.dimensions import Dimension
from gateway.ledger.reports.figures import (
    ADJUSTED,
    COUNTS,
    MICRO_PICO,
    PARTS,
    PARTS_UNBOUNDED,
    PRICED,
)
from gateway.ledger.rollups import COUNT_MAX
from gateway.ledger.schema import adjustments, attempts, rollups, tag_rollups
from gateway.money import PICO_PER_USD

Column = ColumnElement[Any]


class Columns(Protocol):
    """Columns by name: of a table, of a subquery."""

    def __getitem__(self, key: str, /) -> Column:
        """Return one of them."""
        ...


class Split(NamedTuple):
    """An amount in three columns: see `gateway.ledger.reports.figures.joined`."""

    dollars: Column
    micro: Column
    pico: Column

    def each(self, of: Callable[[Column], Column]) -> Split:
        """Return the same with each column replaced."""
        return Split(of(self.dollars), of(self.micro), of(self.pico))

    def labelled(self, name: str) -> list[Label[Any]]:
        """Return the columns under their names."""
        return [column.label(f"{name}_{place}") for place, column in enumerate(self)]


NOTHING: Column = literal(0, Integer)
ONE: Column = literal(1, Integer)
NO_AMOUNT = Split(NOTHING, NOTHING, NOTHING)
ONCE = attempts.c.duplicate_of.is_(None)
"""Which attempts count with their tokens and their cost."""
UNBOUNDED = and_(attempts.c.low_pico.is_not(None), attempts.c.high_pico.is_(None))
"""Which attempts have a price, and none that they cost at most."""
MOST = func.coalesce(attempts.c.high_pico, attempts.c.net_pico, attempts.c.low_pico)
"""What an attempt counts with in sums of the most: `gateway.ledger.rollups` in SQL."""


def split(amount: Column) -> Split:
    """Return a column of picodollars as an amount."""
    micro = amount // MICRO_PICO
    return Split(amount // PICO_PER_USD, micro % MICRO_PICO, amount % MICRO_PICO)


def amount_in(rows: Columns, name: str) -> Split:
    """Return the amount that stands in rows under a name."""
    dollars, micro, pico = (rows[f"{name}_{place}"] for place in range(3))
    return Split(dollars, micro, pico)


@cache
def of_attempts() -> tuple[Label[Any], ...]:
    """Return the figures of one attempt; of a message that is charged elsewhere only that."""
    counts: dict[str, Column] = {name: _once(count(attempts.c[name])) for name in _summed_counts()}
    counts["attempts"] = ONE
    counts["open_attempts"] = case((attempts.c.open, 1), else_=0)
    counts["unpriced"] = case((and_(ONCE, attempts.c.unpriced.is_not(None)), 1), else_=0)
    counts["unbounded"] = case((and_(ONCE, UNBOUNDED), 1), else_=0)
    amounts = {name: attempts.c[f"{name}_pico"] for name in PRICED} | {"high": MOST}
    return _figures(counts, {name: split(_once(amount)) for name, amount in amounts.items()})


def _summed_counts() -> list[str]:
    others = {"attempts", "open_attempts", "unpriced", "unbounded"}
    return [name for name in COUNTS if name not in others]


def _once(column: Column) -> Column:
    return case((ONCE, func.coalesce(column, NOTHING)), else_=NOTHING)


def count(column: Column) -> Column:
    """Return a count as it is summed: a missing one is none, one beyond all reason is cut."""
    return case(
        (column > COUNT_MAX, literal(COUNT_MAX, BigInteger)), else_=func.coalesce(column, NOTHING)
    )


@cache
def of_sums(table: Table, sign: int = 1) -> tuple[Label[Any], ...]:
    """Return the figures of one row of sums; a `sign` of -1 takes them away."""
    counts = {name: table.c[name] * sign for name in COUNTS if name != "open_attempts"}
    return _figures(counts, {name: _sum(table, name).each(lambda c: c * sign) for name in PRICED})


def _sum(table: Table, name: str) -> Split:
    rest = table.c[f"{name}_rest_pico"]
    return Split(table.c[f"{name}_usd"], rest // MICRO_PICO, rest % MICRO_PICO)


@cache
def of_adjustments() -> tuple[Label[Any], ...]:
    """Return the figures of one adjustment."""
    return _figures({}, {ADJUSTED: split(adjustments.c.amount_pico)})


def _figures(counts: Mapping[str, Column], amounts: Mapping[str, Split]) -> tuple[Label[Any], ...]:
    found = [counts.get(name, NOTHING).label(name) for name in COUNTS]
    for name in (*PRICED, ADJUSTED):
        found += amounts.get(name, NO_AMOUNT).labelled(name)
    return tuple(found)


def parts(rows: Columns, *, charge_partial: bool) -> dict[str, Split]:
    """Return the parts of what is divided."""
    holds = _holds(rows, charge_partial=charge_partial)
    return {
        name: amount_in(rows, amount).each(_only(holds[part]))
        for name, (part, amount) in PARTS.items()
    }


def parts_unbounded(rows: Columns, *, charge_partial: bool) -> dict[str, Column]:
    """Return how many attempts of each part have no upper bound."""
    holds = _holds(rows, charge_partial=charge_partial)
    return {name: _only(holds[part])(rows["unbounded"]) for name, part in PARTS_UNBOUNDED.items()}


def _holds(rows: Columns, *, charge_partial: bool) -> dict[Part, Column]:
    """Return what is true of each part: `gateway.ledger.parts.part` in SQL."""
    is_open, won = rows["open_attempts"] != 0, rows["won"]
    charged = rows["state"].in_(sorted(charged_states(charge_partial=charge_partial)))
    return {
        Part.CHARGED: ~is_open & won & charged,
        Part.ABSORBED: ~is_open & won & ~charged,
        Part.WASTE: ~is_open & ~won,
        Part.OPEN: is_open,
    }


def _only(holds: Column) -> Callable[[Column], Column]:
    return lambda column: case((holds, column), else_=NOTHING)


def of_attempt(dimension: Dimension, dialect: str, rows: Columns = attempts.c) -> Column:
    """Return a dimension of an attempt; an empty text where it has none."""
    if dimension.column is not None:
        return rows[dimension.column]
    if dialect == "postgresql":
        found: Column = cast(rows["tags"], JSON)[dimension.tag].as_string()
    else:
        found = func.json_extract(rows["tags"], f'$."{dimension.tag}"')
    return func.coalesce(found, "")


def of_rollup(dimension: Dimension) -> Column:
    """Return a dimension of a row of sums; a tag stands in none of them."""
    return literal("") if dimension.column is None else rollups.c[dimension.column]


def of_tag_rollup(dimension: Dimension) -> Column:
    """Return a dimension of a row of sums for a tag."""
    return tag_rollups.c.value if dimension.column is None else tag_rollups.c[dimension.column]


def of_adjustment(dimension: Dimension) -> Column:
    """Return a dimension of an adjustment; most have none."""
    named = {"day", "platform", "upstream", "model"}
    return adjustments.c[dimension.column] if dimension.column in named else literal("")
