"""Prices and contracts of a user's own: `prices.toml`, read, checked and put over the book."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import combinations
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, Strict

from gateway.config import Config, ConfigError, Mistake
from gateway.config.document import Document
from gateway.config.mistakes import Key, nearest
from gateway.config.text import is_there, text_of
from gateway.policy.reading import SCHEMA, Names, Shape, checked, document, in_order
from gateway.prices.amounts import HOW, decimal_fault
from gateway.prices.checks import faults, overlapping, period_fault, tiers_of
from gateway.prices.files import shipped_files
from gateway.prices.finding import Own
from gateway.prices.rows import PriceRow
from gateway.prices.shelves import NOBODY, Contract, Holder, Shelf, fits
from providers import catalog

FILE = "prices.toml"
MOST = Decimal(10)
"""The largest multiplier: 82 is not 0.82."""
_OWN_SOURCE = "a row of your own"
_ANY = ("*",)


def _price(value: object) -> object:
    """Refuse what is no decimal text: a number of TOML is a float, and prices are exact."""
    if not isinstance(value, str):
        raise ValueError(f"should be text: {HOW}")  # noqa: TRY004 - what pydantic reports
    why = decimal_fault(value)
    if why is not None:
        raise ValueError(f"{value!r} {why}: {HOW}")
    return value


Text = Annotated[str, Field(min_length=1, max_length=64)]
Price = Annotated[str, BeforeValidator(_price)]


class ContractShape(Shape):
    """A `[[contracts]]` table."""

    name: Text
    upstreams: Names = ()
    """Names or globs (`bedrock-*`); or else `platforms`."""
    platforms: Names = ()
    models: Names = ()
    """Globs over canonical ids; none: every model."""
    multiplier: Price
    """What a list price is multiplied by: `"0.82"` is 18 % off."""
    effective_from: dt.date
    effective_until: dt.date | None = None
    """The first day, UTC, on which it holds no more."""


class RowShape(Shape):
    """A `[[rows]]` table: as in a shipped price file, and whom it holds for."""

    upstreams: Names = ()
    platforms: Names = ()
    model: str
    scope: Literal["global", "geo", "in_region", "government"]
    processing: Literal["standard", "batch"] = "standard"
    speed: Literal["standard", "fast"] = "standard"
    tiers: Names = ("standard",)
    over_input_tokens: int | None = None
    input: Price
    output: Price
    cache_write_5m: Price | None = None
    cache_write_1h: Price | None = None
    cache_read: Price | None = None
    effective_from: dt.date
    effective_until: dt.date | None = None
    source: Annotated[str, Field(min_length=1)] = _OWN_SOURCE
    checked_on: dt.date | None = None
    verified: bool = False


class PricesShape(Shape):
    """`prices.toml`."""

    schema_: Annotated[int, Field(alias="schema", ge=SCHEMA, le=SCHEMA)]
    contracts: Annotated[tuple[ContractShape, ...], Strict(strict=False)] = ()
    rows: Annotated[tuple[RowShape, ...], Strict(strict=False)] = ()


def own_of(config: Config) -> Own:
    """Return what a configuration's price file says; nothing where there is none.

    Raises:
        ConfigError: With every mistake in it, or where it is named and not there.
    """
    path = _path(config)
    if path is None:
        return Own()
    upstreams = {name: each.provider for name, each in config.upstreams.items()}
    return read_own(str(path), text_of(path), upstreams)


def _path(config: Config) -> Path | None:
    named = config.prices.file
    if named is not None:
        path = config.path(named)
        if not is_there(path):
            what = f"names {path}, which is not there"
            raise ConfigError([Mistake(None, None, "prices.file", what, "write it, or leave it")])
        return path
    usual = config.path(FILE)
    return usual if config.directory is not None and is_there(usual) else None


def read_own(file: str, text: str, upstreams: Mapping[str, str]) -> Own:
    """Read one file of own prices.

    Args:
        file: Its name, for mistakes.
        text: Its text.
        upstreams: The configured upstreams, and the platform of each.

    Raises:
        ConfigError: With every mistake in it.
    """
    source = document(file, text)
    shape = checked(source, PricesShape)
    reader = _Reader(source, upstreams)
    mistakes = in_order([*reader.contracts(shape.contracts), *reader.rows(shape.rows)])
    if mistakes:
        raise ConfigError(mistakes)
    return Own(
        tuple(
            (holder, Shelf(Path(file).name, [_row(shape.rows[at]) for at in places], {}))
            for holder, places in _by_holder(shape.rows).items()
        ),
        tuple(map(_contract, shape.contracts)),
        file,
    )


class _Reader:
    """Finds what is wrong in one file beyond its types."""

    def __init__(self, source: Document, upstreams: Mapping[str, str]) -> None:
        self._source = source
        self._upstreams = upstreams
        self._platforms = {name for each in shipped_files() for name in each.prices.platforms}

    def contracts(self, shapes: Sequence[ContractShape]) -> Iterator[Mistake]:
        """Yield what is wrong in the contracts."""
        for at, shape in enumerate(shapes):
            key: Key = ("contracts", at)
            yield from self._holder(key, shape)
            yield from self._models(key, shape.models)
            if Decimal(shape.multiplier) > MOST:
                what, hint = f"is more than {MOST}", '"0.82" is 18 % off'
                yield self._wrong((*key, "multiplier"), what, hint)
            why = period_fault(shape.effective_from, shape.effective_until)
            if why is not None:
                yield self._wrong((*key, "effective_until"), why)
            if any(shape.name == other.name for other in shapes[:at]):
                yield self._wrong((*key, "name"), f"{shape.name} is the name of two contracts")
        for at, other in combinations(range(len(shapes)), 2):
            yield from self._contested(shapes, at, other)

    def rows(self, shapes: Sequence[RowShape]) -> Iterator[Mistake]:
        """Yield what is wrong in the rows."""
        for at, shape in enumerate(shapes):
            yield from self._holder(("rows", at), shape)
        for places in _by_holder(shapes).values():
            for fault in faults([_row(shapes[at]) for at in places]):
                key: Key = ("rows", places[fault.row], fault.key)
                yield self._wrong(key, fault.message, fault.suggestion)
        for at, other in combinations(range(len(shapes)), 2):
            one, two = shapes[at], shapes[other]
            if _same_price(one, two) and self._meet(_holder(one), _holder(two)):
                what = f"prices the same as row {at + 1}, and both fit one upstream as closely"
                yield self._wrong(("rows", other), what, "name upstreams in one of them")

    def _holder(self, key: Key, shape: ContractShape | RowShape) -> Iterator[Mistake]:
        """Find holders of nothing: names that are not configured, or none at all."""
        if bool(shape.upstreams) == bool(shape.platforms):
            what = "needs either upstreams or platforms"
            yield self._wrong(key, what, 'write upstreams = ["bedrock-*"]')
        for at, name in enumerate(shape.upstreams):
            if not any(fits((name,), each) for each in self._upstreams):
                what = f"{name} fits no upstream"
                yield self._wrong((*key, "upstreams", at), what, nearest(name, self._upstreams))
        for at, name in enumerate(shape.platforms):
            if name not in self._platforms:
                what = f"{name} is no platform with a price list"
                yield self._wrong((*key, "platforms", at), what, nearest(name, self._platforms))

    def _models(self, key: Key, names: Iterable[str]) -> Iterator[Mistake]:
        known = [model.id for model in catalog.models()]
        for at, name in enumerate(names):
            if not any(fits((name,), each) for each in known):
                what = f"{name} fits no model"
                yield self._wrong((*key, "models", at), what, nearest(name, known))

    def _contested(self, shapes: Sequence[ContractShape], at: int, other: int) -> Iterator[Mistake]:
        """Find two contracts that fit an upstream and model as closely, on the same day."""
        one, two = shapes[at], shapes[other]
        same = bool(one.models) == bool(two.models) and overlapping(
            one.effective_from, one.effective_until, two.effective_from, two.effective_until
        )
        shared = any(
            fits(one.models or _ANY, each.id) and fits(two.models or _ANY, each.id)
            for each in catalog.models()
        )
        if same and shared and self._meet(_holder(one), _holder(two)):
            what = f"holds for the same as {one.name}, which fits as closely"
            yield self._wrong(("contracts", other), what, "name upstreams or models in one of them")

    def _meet(self, one: Holder, two: Holder) -> bool:
        """Say whether two holders fit an upstream equally closely."""
        places = [*self._upstreams.items(), *(("", platform) for platform in self._platforms)]
        ranks = [(one.rank(*place), two.rank(*place)) for place in places]
        return any(rank == other != NOBODY for rank, other in ranks)

    def _wrong(self, key: Key, message: str, suggestion: str = "") -> Mistake:
        return self._source.mistake(key, message, suggestion)


def _same_price(one: RowShape, two: RowShape) -> bool:
    """Say whether two rows of different holders price the same on the same day."""
    fields = ("model", "scope", "processing", "speed", "over_input_tokens")
    return (
        _holder(one) != _holder(two)
        and all(getattr(one, name) == getattr(two, name) for name in fields)
        and bool(tiers_of(_row(one)) & tiers_of(_row(two)))
        and overlapping(
            one.effective_from, one.effective_until, two.effective_from, two.effective_until
        )
    )


def _by_holder(shapes: Sequence[RowShape]) -> dict[Holder, list[int]]:
    """Return the places of rows by whom they hold for."""
    found: dict[Holder, list[int]] = {}
    for at, shape in enumerate(shapes):
        found.setdefault(_holder(shape), []).append(at)
    return found


def _holder(shape: ContractShape | RowShape) -> Holder:
    return Holder(tuple(sorted(shape.upstreams)), tuple(sorted(shape.platforms)))


def _row(shape: RowShape) -> PriceRow:
    fields = shape.model_dump(exclude={"upstreams", "platforms", "checked_on"})
    return PriceRow(**fields, checked_on=shape.checked_on or shape.effective_from)


def _contract(shape: ContractShape) -> Contract:
    return Contract(
        name=shape.name,
        holder=_holder(shape),
        models=shape.models,
        multiplier=Decimal(shape.multiplier),
        effective_from=shape.effective_from,
        effective_until=shape.effective_until,
    )
