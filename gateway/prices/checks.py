"""What must be true of the rows of one price file, and of rows that users write."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import combinations

from msgspec import Struct

from gateway.prices.amounts import HOW, decimal_fault
from gateway.prices.rows import PriceRow
from providers import catalog

RATES = ("input", "output", "cache_write_5m", "cache_write_1h", "cache_read")
_NEVER = dt.date.max


class Fault(Struct, frozen=True):
    """One thing wrong in a row."""

    row: int
    """Its place, from 0."""
    key: str
    message: str
    suggestion: str = ""


def faults(rows: Sequence[PriceRow]) -> Iterator[Fault]:
    """Yield what is wrong in rows that hold for the same platforms or upstreams."""
    together: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for at, row in enumerate(rows):
        yield from _alone(at, row)
        together[row.model, row.scope, row.processing, row.speed].append(at)
    for places in together.values():
        yield from _overlaps(rows, places)
        yield from _partners(rows, places)


def tiers_of(row: PriceRow) -> frozenset[str]:
    """Return the tiers that a row holds for; what a batch is served by is called either way."""
    tiers = frozenset(row.tiers)
    return tiers | {"standard"} if row.processing == "batch" and "batch" in tiers else tiers


def model_fault(name: str) -> tuple[str, str] | None:
    """Return what is wrong with the name of a model, and what would be right."""
    try:
        known = catalog.resolve(name).canonical
    except catalog.UnknownModel as error:
        return "is no model", f"did you mean {error.near[0]}?" if error.near else ""
    return None if known == name else ("is another name of a model", f"write {known}")


def period_fault(first: dt.date, end: dt.date | None) -> str | None:
    """Return what is wrong with a period; None: nothing."""
    return "is not after effective_from" if end is not None and end <= first else None


def overlapping(
    first: dt.date, end: dt.date | None, other: dt.date, other_end: dt.date | None
) -> bool:
    """Say whether two periods have a day in common."""
    return first < (other_end or _NEVER) and other < (end or _NEVER)


def _alone(at: int, row: PriceRow) -> Iterator[Fault]:
    model = model_fault(row.model)
    if model is not None:
        yield Fault(at, "model", f"{row.model} {model[0]}", model[1])
    for name in RATES:
        text = getattr(row, name)
        why = None if text is None else decimal_fault(text)
        if why is not None:
            yield Fault(at, name, f"{text!r} {why}", HOW)
    if not row.tiers:
        yield Fault(at, "tiers", "is empty: the row is for nothing", "leave it out")
    if row.over_input_tokens is not None and row.over_input_tokens <= 0:
        yield Fault(at, "over_input_tokens", "is not more than 0", "leave it out")
    period = period_fault(row.effective_from, row.effective_until)
    if period is not None:
        yield Fault(at, "effective_until", period)


def _overlaps(rows: Sequence[PriceRow], places: Sequence[int]) -> Iterator[Fault]:
    for at, other in combinations(places, 2):
        one, two = rows[at], rows[other]
        same = one.over_input_tokens == two.over_input_tokens and tiers_of(one) & tiers_of(two)
        if same and overlapping(
            one.effective_from, one.effective_until, two.effective_from, two.effective_until
        ):
            what = f"is within the period of row {at + 1}, which prices the same"
            yield Fault(other, "effective_from", what, "end that one with effective_until")


def _partners(rows: Sequence[PriceRow], places: Sequence[int]) -> Iterator[Fault]:
    """Find rows for large prompts without one for the others: nobody could price those."""
    for at in places:
        row = rows[at]
        if row.over_input_tokens is None:
            continue
        for tier in sorted(tiers_of(row)):
            small = [
                rows[each]
                for each in places
                if rows[each].over_input_tokens is None and tier in tiers_of(rows[each])
            ]
            if not _covered(row, small):
                what = f"has no row without it for tier {tier}, for all of its period"
                yield Fault(at, "over_input_tokens", what, "add the price of smaller prompts")


def _covered(row: PriceRow, by: Sequence[PriceRow]) -> bool:
    """Say whether the periods of some rows leave no day of a row's period out."""
    reached, end = row.effective_from, row.effective_until or _NEVER
    for each in sorted(by, key=lambda other: other.effective_from):
        if each.effective_from <= reached:
            reached = max(reached, each.effective_until or _NEVER)
    return reached >= end
