"""Holds the price book against other public price lists, rate by rate. Pure.

A witness answers only for what it really has: it never falls back to another price, and what it
does not have is not compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple, Protocol

from gateway.prices.rows import PriceFile, PriceRow

TOKENS = ("input", "output", "cache_write_5m", "cache_write_1h", "cache_read")
SEARCH = "web_search"
CATEGORIES = (*TOKENS, SEARCH)

Bands = Mapping[int, Mapping[str, Decimal]]
"""More prompt tokens than this (0: the others) -> category -> USD, as the price files count."""


class Sku(NamedTuple):
    """What is sold at one price list's line."""

    platform: str
    scope: str
    model: str
    processing: str = "standard"
    speed: str = "standard"


@dataclass(frozen=True)
class Quote:
    """What one entry of a witness asks."""

    id: str
    bands: Bands


class Witness(Protocol):
    """Another price list."""

    @property
    def name(self) -> str:
        """Return the name that explanations use."""
        ...

    @property
    def version(self) -> str:
        """Return which edition of it is compared."""
        ...

    def quotes(self, sku: Sku) -> Sequence[Quote]:
        """Return what its entries ask; none: it does not model that."""
        ...


class Difference(NamedTuple):
    """One rate that the book and a witness have differently."""

    witness: str
    sku: Sku
    over: int
    """Of a prompt of more tokens than this."""
    category: str
    ours: Decimal | None
    """None: the book has no price."""
    theirs: Decimal
    ids: tuple[str, ...]
    """The entries of the witness."""

    @property
    def ratio(self) -> Fraction | None:
        """Return theirs over ours."""
        return Fraction(self.theirs) / Fraction(self.ours) if self.ours else None


@dataclass(frozen=True)
class Finding:
    """What one witness says of one SKU; without `ids` it does not model it."""

    witness: str
    sku: Sku
    ids: tuple[str, ...] = ()
    unheard: tuple[str, ...] = ()
    """The categories of the book that it has no price for."""
    differences: tuple[Difference, ...] = ()


def rows_on(day: date, rows: Iterable[PriceRow]) -> Iterator[PriceRow]:
    """Yield the rows in force on a day."""
    for row in rows:
        if row.effective_from <= day and (row.effective_until is None or day < row.effective_until):
            yield row


def book(files: Iterable[PriceFile], day: date) -> dict[Sku, Bands]:
    """Return what the price files ask on a day, by SKU."""
    found: dict[Sku, dict[int, dict[str, Decimal]]] = {}
    for file in files:
        for row in rows_on(day, file.rows):
            for platform in file.platforms:
                sku = Sku(platform, row.scope, row.model, row.processing, row.speed)
                bands = found.setdefault(sku, {})
                over = row.over_input_tokens or 0
                bands[over] = _rates(row)
                if file.web_search is not None and not over and row.processing == "standard":
                    bands[over][SEARCH] = Decimal(file.web_search)
    return dict(found)


def compare(sku: Sku, ours: Bands, witness: Witness) -> Finding:
    """Hold what the book asks for one SKU against a witness."""
    quotes = witness.quotes(sku)
    differing: dict[tuple[int, str, Decimal], list[str]] = {}
    heard: set[str] = set()
    for quote in quotes:
        for over in sorted({*ours, *quote.bands}):
            own, theirs = _at(ours, over), _at(quote.bands, over)
            heard |= theirs.keys()
            for category in theirs.keys() - own.keys() | _unequal(own, theirs):
                differing.setdefault((over, category, theirs[category]), []).append(quote.id)
    differences = [
        Difference(witness.name, sku, over, category, _at(ours, over).get(category), price, (*ids,))
        for (over, category, price), ids in differing.items()
    ]
    return Finding(
        witness.name,
        sku,
        tuple(quote.id for quote in quotes),
        tuple(each for each in CATEGORIES if each in _at(ours, 0) and each not in heard),
        tuple(sorted(differences, key=_place)),
    )


def _rates(row: PriceRow) -> dict[str, Decimal]:
    texts = {each: getattr(row, each) for each in TOKENS}
    return {each: Decimal(text) for each, text in texts.items() if text is not None}


def _at(bands: Bands, over: int) -> dict[str, Decimal]:
    """Return the rates of prompts just larger than a size; a search costs the same in all."""
    rates = dict(bands[max(size for size in bands if size <= over)])
    if over:
        rates.pop(SEARCH, None)
    return rates


def _unequal(own: Mapping[str, Decimal], theirs: Mapping[str, Decimal]) -> set[str]:
    return {each for each in own.keys() & theirs.keys() if own[each] != theirs[each]}


def _place(difference: Difference) -> tuple[int, int, Decimal]:
    return difference.over, CATEGORIES.index(difference.category), difference.theirs
