"""The disagreements with other price lists that are known, and why the book is as it is. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from fractions import Fraction
from typing import Literal

from msgspec import Struct

from gateway.prices.witness import Difference

_PATTERNS = ("platforms", "scopes", "models", "processing", "speed", "categories", "over")


class Explained(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One disagreement and its reason.

    A pattern that is left out holds for all; each value of one that is not must still occur.
    """

    witness: Literal["genai-prices", "litellm"]
    platforms: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    processing: tuple[str, ...] = ()
    speed: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    over: tuple[int, ...] = ()
    """Of prompts of more tokens than this; 0: the others."""
    ratios: tuple[str, ...] = ()
    """Theirs over ours, exactly: `10/11`, `1.25`."""
    theirs: str | None = None
    """Instead: what they ask, in USD for a million tokens or for one search."""
    why: str
    checked_on: date


class ExplainedFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`price_disagreements.toml`."""

    rows: tuple[Explained, ...] = ()


def fault(row: Explained) -> str | None:
    """Return what is wrong with a row; None: nothing."""
    if bool(row.ratios) == (row.theirs is not None):
        return "give either ratios or theirs"
    if not row.why.strip():
        return "why is empty"
    for text in row.ratios if row.theirs is None else (row.theirs,):
        try:
            Fraction(text)
        except (ValueError, ZeroDivisionError):
            return f"{text!r} is no number, such as 10/11 or 1.25"
    return None


def explained_by(difference: Difference, rows: Sequence[Explained]) -> Explained | None:
    """Return the row that explains a difference; None: none does."""
    return next((row for row in rows if _explains(row, difference)), None)


def stale(rows: Iterable[Explained], differences: Sequence[Difference]) -> Iterator[str]:
    """Yield what is explained and is not so any more."""
    for row in rows:
        held = [each for each in differences if _explains(row, each)]
        if not held:
            yield f"{described(row)}: no longer disagrees"
            continue
        for pattern in _PATTERNS:
            met = {_value(each, pattern) for each in held}
            gone = [value for value in getattr(row, pattern) if value not in met]
            yield from (f"{described(row)}: no longer for {pattern} {value}" for value in gone)
        ratios = {each.ratio for each in held}
        gone = [text for text in row.ratios if Fraction(text) not in ratios]
        yield from (f"{described(row)}: no longer by {text}" for text in gone)


def described(row: Explained) -> str:
    """Return which explanation is meant, in one line."""
    places = [*row.platforms, *row.scopes, *row.processing, *row.speed]
    models = ", ".join(row.models) or "every model"
    return f"{row.witness}: {' '.join(places)}: {models}: {amount(row)}"


def amount(row: Explained) -> str:
    """Return what a row says of theirs: `10/11 of ours`, `0.01`."""
    return row.theirs or f"{' or '.join(row.ratios)} of ours"


def _explains(row: Explained, difference: Difference) -> bool:
    return (
        row.witness == difference.witness
        and all(_meets(row, difference, pattern) for pattern in _PATTERNS)
        and _is_amount(row, difference)
    )


def _meets(row: Explained, difference: Difference, pattern: str) -> bool:
    values = getattr(row, pattern)
    return not values or _value(difference, pattern) in values


def _value(difference: Difference, pattern: str) -> str | int:
    sku = difference.sku
    values: dict[str, str | int] = {
        "platforms": sku.platform,
        "scopes": sku.scope,
        "models": sku.model,
        "processing": sku.processing,
        "speed": sku.speed,
        "categories": difference.category,
        "over": difference.over,
    }
    return values[pattern]


def _is_amount(row: Explained, difference: Difference) -> bool:
    if row.theirs is not None:
        return Fraction(difference.theirs) == Fraction(row.theirs)
    return difference.ratio in [Fraction(each) for each in row.ratios]
