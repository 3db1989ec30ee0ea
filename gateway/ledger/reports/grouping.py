"""Sums by group, alike in all reports: the groups told one by one, the others, and all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, func, select
from sqlalchemy.sql.selectable import FromClause

from gateway.ledger.reports.asked import Asked
from gateway.ledger.reports.columns import Column, Columns, Split
from gateway.ledger.reports.figures import Figures, joined, minus, plain, total
from gateway.ledger.reports.period import written


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
        names = (
            [f"{self.rank}_{at}" for at in range(3)] if self.rank in self.amounts else [self.rank]
        )
        return [sums[name].desc() for name in names]

    def read(self, row: RowMapping) -> dict[str, int]:
        """Return the sums that were read."""
        counts = {name: int(row[name] or 0) for name in self.counts}
        return counts | {
            name: joined(row[f"{name}_{place}"] for place in range(3)) for name in self.amounts
        }


def groups(connection: Connection, summing: Summing, asked: Asked) -> Groups:
    """Return the sums for each group; no more than `asked.top` of them one by one."""
    names = (*summing.counts, *summing.amounts)
    keys = [summing.rows.c[f"d{place}"] for place in range(len(asked.by))]
    grouped = _grouped(summing, keys)
    if asked.top is None:
        told = _read(connection, grouped, summing, asked)
        return Groups(told, 0, total((group.figures for group in told), names))
    each = grouped.subquery("groups")
    first = select(each).order_by(*summing.ranked(each.c), *(each.c[key.key] for key in keys))
    told = _read(connection, first.limit(asked.top), summing, asked)
    whole = total((group.figures for group in told), names)
    if len(told) < asked.top:
        return Groups(told, 0, whole)
    for _, figures in _read(connection, _grouped(summing, []), summing, None):
        whole = dict(figures)
    many = connection.execute(select(func.count()).select_from(each)).scalar_one()
    return Groups(told, int(many) - len(told), whole)


def shown(found: Groups, asked: Asked, amounts: Sequence[str]) -> dict[str, Any]:
    """Return groups for JSON, by day where that is asked for, else by what comes first in rank."""
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


def _grouped(summing: Summing, keys: Sequence[Column]) -> Select[Any]:
    found = select(*keys, *summing.sums()).group_by(*keys)
    return found if summing.having is None else found.having(summing.having)


def _read(
    connection: Connection, statement: Select[Any], summing: Summing, asked: Asked | None
) -> list[Group]:
    """Return the groups in their order; without `asked`, the one of all."""
    places = range(0 if asked is None else len(asked.by))
    found = [
        Group(tuple(str(row[f"d{place}"]) for place in places), summing.read(row))
        for row in connection.execute(statement).mappings()
    ]
    by_day = asked is not None and any(each.name == "day" for each in asked.by)
    if by_day:
        return sorted(found, key=lambda group: group.key)
    return sorted(found, key=lambda group: (-group.figures[summing.rank], group.key))
