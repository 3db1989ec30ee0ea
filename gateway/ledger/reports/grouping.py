"""Sums by group, alike in all reports: the groups told one by one, the others, and all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Connection,
    Integer,
    RowMapping,
    Select,
    case,
    cast,
    func,
    literal,
    null,
    select,
    union_all,
)
from sqlalchemy.sql.selectable import FromClause

from gateway.ledger.reports.asked import Asked
from gateway.ledger.reports.columns import Column, Columns, Split
from gateway.ledger.reports.figures import MICRO_PICO, Figures, joined, minus, plain, total
from gateway.ledger.reports.period import written
from gateway.money import PICO_PER_USD


class Group(NamedTuple):
    """The figures of what has one value for each dimension."""

    key: tuple[str, ...]
    figures: Figures


class Groups(NamedTuple):
    """What a report tells."""

    told: list[Group]
    left_out: int
    """How many groups are not told."""
    whole: Figures


@dataclass(frozen=True, slots=True)
class Summing:
    """How rows are summed."""

    rows: FromClause
    """With a column `d0`, `d1`, ... for each dimension."""
    counts: Mapping[str, Column]
    amounts: Mapping[str, Split]
    rank: str
    """The amount, or else the count, by which those groups are chosen that are told."""
    having: ColumnElement[bool] | None = None
    """Which groups there are; None: all."""

    def sums(self) -> list[Column]:
        """Return the columns of the sums."""
        found: list[Column] = [func.sum(count).label(name) for name, count in self.counts.items()]
        for name, amount in self.amounts.items():
            found += amount.each(func.sum).labelled(name)
        return found

    def ranked(self, sums: Columns) -> list[Column]:
        """Return what the largest group is found by."""
        if self.rank not in self.amounts:
            return [sums[self.rank].desc()]
        dollars, micro, pico = (sums[f"{self.rank}_{place}"] for place in range(3))
        # Each of the three may be larger than one of the next unit.
        whole = dollars * (PICO_PER_USD // MICRO_PICO) + micro + pico // MICRO_PICO
        return [whole.desc(), (pico % MICRO_PICO).desc()]

    def read(self, row: RowMapping) -> dict[str, int]:
        """Return the sums that were read."""
        counts = {name: int(row[name] or 0) for name in self.counts}
        return counts | {
            name: joined(row[f"{name}_{place}"] for place in range(3)) for name in self.amounts
        }


def groups(connection: Connection, summing: Summing, asked: Asked) -> Groups:
    """Return the sums for each group; no more than `asked.top` of them one by one."""
    dimensions = len(asked.by)
    keys = [summing.rows.c[f"d{place}"] for place in range(dimensions)]
    grouped = select(*keys, *summing.sums()).group_by(*keys)
    if summing.having is not None:
        grouped = grouped.having(summing.having)
    statement = grouped if asked.top is None else _with_others(grouped, summing, asked.top)
    told, left_out, whole = [], 0, None
    for row in connection.execute(statement).mappings():
        figures = summing.read(row)
        if row.get("every") is not None:
            left_out, whole = row["every"], figures
        else:
            told.append(Group(tuple(str(row[f"d{at}"]) for at in range(dimensions)), figures))
    if whole is None:
        whole = total((group.figures for group in told), (*summing.counts, *summing.amounts))
    return Groups(_ordered(told, summing, asked), left_out, whole)


def _with_others(grouped: Select[Any], summing: Summing, top: int) -> CompoundSelect[Any]:
    """Return the first groups, and a row with all: how many are left out, and every sum."""
    each = grouped.cte("each")
    sums = [each.c[column.name] for column in summing.sums()]
    keys = [column for column in each.c if column not in set(sums)]
    first = select(each, cast(null(), Integer).label("every"))
    first = first.order_by(*summing.ranked(each.c), *keys).limit(top)
    nowhere = [literal("").label(key.name) for key in keys]
    left_out = case((func.count() > top, func.count() - top), else_=0).label("every")
    added = [func.sum(column).label(column.name) for column in sums]
    return union_all(
        select(first.subquery("first")), select(*nowhere, *added, left_out).select_from(each)
    )


def _ordered(told: list[Group], summing: Summing, asked: Asked) -> list[Group]:
    """Return groups by their day where that is asked for, else by what they are ranked by."""
    if any(each.name == "day" for each in asked.by):
        return sorted(told, key=lambda group: group.key)
    return sorted(told, key=lambda group: (-group.figures[summing.rank], group.key))


def shown(found: Groups, asked: Asked, amounts: Sequence[str]) -> dict[str, Any]:
    """Return groups for JSON."""
    others = minus(found.whole, total((each.figures for each in found.told), found.whole))
    return {
        "from": written(asked.period.from_us),
        "to": written(asked.period.to_us),
        "by": [each.name for each in asked.by],
        "filters": {each.name: list(values) for each, values in asked.filters},
        "groups": [
            {"key": _named(asked, group.key), **plain(group.figures, amounts)}
            for group in found.told
        ],
        "others": {"groups": found.left_out, **plain(others, amounts)} if found.left_out else None,
        "total": plain(found.whole, amounts),
    }


def _named(asked: Asked, key: Sequence[str]) -> dict[str, str]:
    return {each.name: value for each, value in zip(asked.by, key, strict=True)}
