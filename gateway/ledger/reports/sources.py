"""Where a report reads: sums by day wherever they know what is asked, else attempts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Label,
    Select,
    and_,
    false,
    func,
    literal,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy.sql.selectable import FromClause

from gateway.ledger.reports import columns
from gateway.ledger.reports.asked import Asked
from gateway.ledger.reports.dimensions import Dimension
from gateway.ledger.reports.period import Span
from gateway.ledger.schema import DIMENSIONS, adjustments, attempts, rollups, tag_rollups

ROLLED_UP = frozenset(DIMENSIONS)
TAG_ROLLED_UP = frozenset({"day", "environment", "state"})
"""What the sums for tags know beside the tag."""

Of = Callable[[Dimension], ColumnElement[Any]]
Rows = Select[Any]


def rows(asked: Asked, dialect: str) -> FromClause:
    """Return what adds up to the report: rows with `d0`, `d1`, ..., state, won, and figures.

    A row stands for many attempts, or takes away what others count twice: only sums mean
    something. Those of a row are all open, or none is.
    """
    return union_all(*_selects(asked, dialect)).subquery("figures")


def from_attempts(asked: Asked) -> bool:
    """Say whether a report reads attempts only: what is asked stands in no sums."""
    return _sums(asked) is None


def _selects(asked: Asked, dialect: str) -> Iterator[Rows]:
    days, edges = asked.period.days, asked.period.edges
    made = _sums(asked)
    if made is None or days is None:
        yield chosen(asked, dialect, between(asked.period.whole))
    else:
        yield from made(asked, days)
        yield chosen(asked, dialect, attempts.c.open, _on(attempts.c.day, days))
        if edges:
            yield chosen(asked, dialect, or_(*map(between, edges)))
    if days is not None:
        yield _adjustments(asked, days)


def _sums(asked: Asked) -> Callable[[Asked, tuple[str | None, str | None]], Iterator[Rows]] | None:
    """Return what reads the sums that know all that is asked; None: there are none."""
    used = {*asked.by, *(each for each, _ in asked.filters)}
    plain = {each.column for each in used if each.column is not None}
    tags = {each.tag for each in used if each.tag is not None}
    if not tags and plain <= ROLLED_UP:
        return _rolled_up
    if len(tags) == 1 and plain <= TAG_ROLLED_UP:
        return _tag_rolled_up
    return None


def _rolled_up(asked: Asked, days: tuple[str | None, str | None]) -> Iterator[Rows]:
    of = columns.of_rollup
    head = _head(asked.by, of, rollups.c.state, rollups.c.won)
    chosen = and_(_on(rollups.c.day, days), *_filtered(asked, of))
    yield _summed(head, columns.of_sums(rollups)).where(chosen)


def _tag_rolled_up(asked: Asked, days: tuple[str | None, str | None]) -> Iterator[Rows]:
    """Yield what has the tag, and what has it not: all, without those that have it."""
    used = (*asked.by, *(each for each, _ in asked.filters))
    tag = next(each.tag for each in used if each.tag is not None)
    tagged = and_(_on(tag_rollups.c.day, days), tag_rollups.c.tag == tag)
    yield _of_tag(asked, columns.of_tag_rollup, tagged)
    yield from _rolled_up(asked, days)
    yield _of_tag(asked, _without_tag, tagged, sign=-1)


def _of_tag(asked: Asked, of: Of, tagged: ColumnElement[bool], sign: int = 1) -> Rows:
    head = _head(asked.by, of, tag_rollups.c.state, tag_rollups.c.won)
    chosen = and_(tagged, *_filtered(asked, of))
    return _summed(head, columns.of_sums(tag_rollups, sign)).where(chosen)


def _without_tag(dimension: Dimension) -> ColumnElement[Any]:
    return literal("") if dimension.tag is not None else columns.of_tag_rollup(dimension)


def chosen(asked: Asked, dialect: str, *conditions: ColumnElement[bool]) -> Rows:
    """Return the attempts that hold some conditions, and that the filters let through."""

    def of(dimension: Dimension) -> ColumnElement[Any]:
        return columns.of_attempt(dimension, dialect)

    head = _head(asked.by, of, attempts.c.state, attempts.c.won)
    found = _summed(head, columns.of_attempts()).group_by(attempts.c.open)
    return found.where(*conditions, *_filtered(asked, of))


def _adjustments(asked: Asked, days: tuple[str | None, str | None]) -> Rows:
    of = columns.of_adjustment
    head = _head(asked.by, of, literal(""), false())
    chosen = and_(_on(adjustments.c.day, days), *_filtered(asked, of))
    return _summed(head, columns.of_adjustments()).where(chosen)


def _summed(head: Sequence[Label[Any]], figures: Sequence[Label[Any]]) -> Rows:
    sums = [func.sum(each.element).label(each.name) for each in figures]
    return select(*head, *sums).group_by(*(each.name for each in head))


def _head(
    by: Iterable[Dimension], of: Of, state: ColumnElement[Any], won: ColumnElement[Any]
) -> list[Label[Any]]:
    return [*keys(by, of), state.label("state"), won.label("won")]


def keys(by: Iterable[Dimension], of: Of) -> list[Label[Any]]:
    """Return the columns `d0`, `d1`, ... for dimensions."""
    return [of(each).label(f"d{place}") for place, each in enumerate(by)]


def _filtered(asked: Asked, of: Of) -> list[ColumnElement[bool]]:
    return [of(each).in_(values) for each, values in asked.filters]


def between(span: Span, began: ColumnElement[Any] = attempts.c.started_us) -> ColumnElement[bool]:
    """Return which attempts began in a span."""
    return _bounded(began, span.from_us, span.to_us)


def _on(day: ColumnElement[Any], days: tuple[str | None, str | None]) -> ColumnElement[bool]:
    return _bounded(day, *days)


def _bounded(column: ColumnElement[Any], first: object, end: object) -> ColumnElement[bool]:
    bounds: list[ColumnElement[bool]] = [true()]
    if first is not None:
        bounds.append(column >= first)
    if end is not None:
        bounds.append(column < end)
    return and_(*bounds)


def filtered(asked: Asked, dialect: str) -> list[ColumnElement[bool]]:
    """Return which attempts the filters let through."""
    return _filtered(asked, lambda each: columns.of_attempt(each, dialect))
