"""A comparison -> the adjustments that make the ledger's total that of the statement. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from gateway import money
from gateway.ledger.row import Adjustment
from gateway.reconcile.booking import Booked, Chosen, Due, due, tag
from gateway.reconcile.matching import Comparison, Group
from gateway.reconcile.residuals import Residual
from gateway.reconcile.spans import DAY_H, Span, moment


def adjustments(
    comparison: Comparison, booked: Sequence[Booked], chosen: Chosen
) -> list[Adjustment]:
    """Return what is to be written; nothing where the ledger's total is that of the statement.

    Days that were compared only in part are left alone. Raises Conflict.
    """
    statement = comparison.statement
    days = comparison.whole_days()
    return due(
        [*_of_groups(comparison.groups, days), *_of_residuals(comparison, days)],
        booked,
        chosen,
        days=days,
        platform=statement.platform,
        source=source(comparison),
    )


def source(comparison: Comparison) -> str:
    """Return the statement's files, by name and digest."""
    files = (f"{file.name} sha256:{file.digest}" for file in comparison.statement.files)
    return f"{comparison.statement.format}: {', '.join(files)}"


def not_adjusted(comparison: Comparison) -> list[Group]:
    """Return the groups whose money differs and is left so: parts of their days are missing."""
    whole = comparison.whole_days()
    return [
        group
        for group in comparison.groups
        if group.key.family.measure == "usd"
        and group.difference
        and not _whole(group.key.period, whole)
    ]


def _of_groups(groups: Iterable[Group], days: frozenset[str]) -> Iterator[Due]:
    for group in groups:
        if group.key.family.measure != "usd" or not _whole(group.key.period, days):
            continue
        attempts = (group.ours.value if group.ours else 0) - group.booked_pico
        scope = f" {group.key.scope}" if group.key.scope else ""
        yield Due(
            group=group.tag,
            day=_day(group.key.period),
            platform=group.key.platform,
            model=group.key.model or "",
            attempts_pico=attempts,
            theirs_pico=group.theirs or 0,
            what=_words(f"{group.key.family.name}{scope}", group.theirs or 0, attempts),
        )


def _of_residuals(comparison: Comparison, days: frozenset[str]) -> Iterator[Due]:
    sums: dict[tuple[str, str], int] = {}
    for residual in comparison.residuals:
        if _is_booked(residual, days):
            name = (residual.what, _day(residual.period))
            sums[name] = sums.get(name, 0) + residual.pico
    for (what, day), pico in sorted(sums.items()):
        yield Due(
            group=tag("residual", what, day, comparison.statement.platform),
            day=day,
            platform=comparison.statement.platform,
            model="",
            attempts_pico=0,
            theirs_pico=pico,
            what=_words(what, pico, 0),
        )


def _is_booked(residual: Residual, days: frozenset[str]) -> bool:
    return residual.booked and _day(residual.period) in days


def _whole(period: Span, days: frozenset[str]) -> bool:
    hours = range(period.start, period.end, DAY_H)
    return period.start % DAY_H == 0 and all(f"{moment(hour):%Y-%m-%d}" in days for hour in hours)


def _day(period: Span) -> str:
    return f"{moment(period.start):%Y-%m-%d}"


def _words(what: str, theirs_pico: int, attempts_pico: int) -> str:
    return (
        f"reconciliation of {what}: statement {money.usd(theirs_pico)} USD, "
        f"attempts {money.usd(attempts_pico)} USD"
    )
