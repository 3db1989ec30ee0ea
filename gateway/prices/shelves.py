"""Rows by what they hold for, and whom rows and contracts of a user's own hold for."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from gateway.prices.checks import tiers_of
from gateway.prices.rows import PriceRow

_EPOCH = dt.date(1970, 1, 1).toordinal()
_SECONDS_A_DAY = 86_400
_NO_END = dt.date.max.toordinal()

NAME, GLOB, PLATFORM, NOBODY = 3, 2, 1, 0
"""How closely a holder names an upstream."""


class Place(NamedTuple):
    """All that a price depends on, as it is looked up."""

    platform: str
    upstream: str
    model: str
    scope: str | None
    processing: str
    speed: str
    tier: str
    day: int
    """Days since 1970, UTC."""


class Holder(Struct, frozen=True):
    """Whom a price holds for: upstreams by name or glob, or platforms."""

    upstreams: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()

    def rank(self, upstream: str, platform: str) -> int:
        """Return how closely this names an upstream: NAME, GLOB, PLATFORM or NOBODY."""
        if upstream and upstream in self.upstreams:
            return NAME
        if upstream and fits(self.upstreams, upstream):
            return GLOB
        return PLATFORM if platform in self.platforms else NOBODY


class Contract(Struct, frozen=True, kw_only=True):
    """A price list's multiplier for some upstreams, from a day to a day."""

    name: str
    holder: Holder
    models: tuple[str, ...] = ()
    """Globs; none: every model."""
    multiplier: Decimal
    effective_from: dt.date
    effective_until: dt.date | None = None

    def rank(self, place: Place) -> tuple[int, bool]:
        """Return how closely this fits a place; (NOBODY, ...): it does not hold there."""
        fits = self.covers(place.model) and self.holds_on(place.day)
        return self.holder.rank(place.upstream, place.platform) * fits, bool(self.models)

    def covers(self, model: str) -> bool:
        """Say whether it holds for a model."""
        return not self.models or fits(self.models, model)

    def holds_on(self, day: int) -> bool:
        """Say whether it holds on a day."""
        return day_of(self.effective_from) <= day < end_of(self.effective_until)

    def holds_at(self, at_s: float) -> bool:
        """Say whether it holds at a Unix time."""
        return self.holds_on(day_at(at_s))

    def told(self) -> dict[str, Any]:
        """Return the contract as JSON values."""
        return {
            "name": self.name,
            "multiplier": str(self.multiplier),
            "upstreams": list(self.holder.upstreams),
            "platforms": list(self.holder.platforms),
            "models": list(self.models),
            "effective_from": self.effective_from.isoformat(),
            "effective_until": None if self.effective_until is None else str(self.effective_until),
        }


class Entry(Struct, frozen=True, eq=False):
    """One row, ready to be found."""

    id: str
    row: PriceRow
    source: str
    tiers: frozenset[str]
    first_day: int
    end_day: int

    def told(self) -> dict[str, Any]:
        """Return the row as JSON values."""
        told: dict[str, Any] = msgspec.to_builtins(self.row)
        return {"id": self.id, **told, "source": self.source}


class Shelf:
    """The rows of one file, or those of a user for the same upstreams."""

    def __init__(self, name: str, rows: Iterable[PriceRow], sources: dict[str, str]) -> None:
        """Args are checked before: see `checks`.

        Args:
            name: What the ids of its rows begin with.
            rows: The rows.
            sources: What the short names of sources stand for.
        """
        found: defaultdict[tuple[str | None, ...], list[Entry]] = defaultdict(list)
        for row in rows:
            entry = Entry(
                _id(name, row),
                row,
                sources.get(row.source, row.source),
                tiers_of(row),
                day_of(row.effective_from),
                end_of(row.effective_until),
            )
            found[row.model, row.scope, row.processing, row.speed].append(entry)
        self._found = {key: tuple(entries) for key, entries in found.items()}
        self.models = frozenset(str(key[0]) for key in self._found)

    def at(self, place: Place) -> tuple[Entry, ...]:
        """Return the rows for a place: one for all prompts, or several by the prompt's size."""
        key = (place.model, place.scope, place.processing, place.speed)
        return tuple(
            entry
            for entry in self._found.get(key, ())
            if place.tier in entry.tiers and entry.first_day <= place.day < entry.end_day
        )

    def variants(self, model: str, processing: str) -> set[tuple[str, str, str]]:
        """Return each (scope, speed, tier) that a model has a price for."""
        return {
            (entry.row.scope, entry.row.speed, tier)
            for (name, _, how, _), entries in self._found.items()
            if name == model and how == processing
            for entry in entries
            for tier in entry.tiers
        }

    def told(self) -> list[dict[str, Any]]:
        """Return all rows as JSON values."""
        return [entry.told() for entries in self._found.values() for entry in entries]


def day_of(date: dt.date) -> int:
    """Return a date as days since 1970."""
    return date.toordinal() - _EPOCH


def day_at(at_s: float) -> int:
    """Return the UTC day of a Unix time, as days since 1970."""
    return int(at_s // _SECONDS_A_DAY)


def end_of(date: dt.date | None) -> int:
    """Return the first day on which something holds no more."""
    return (_NO_END if date is None else date.toordinal()) - _EPOCH


def fits(globs: Iterable[str], name: str) -> bool:
    """Say whether one of some names and globs is a name."""
    return any(fnmatchcase(name, glob) for glob in globs)


def _id(name: str, row: PriceRow) -> str:
    """Return the id of a row: what it holds for, and since when."""
    parts: Sequence[str] = (
        name,
        row.model,
        row.scope,
        *([row.processing] if row.processing != "standard" else []),
        *([row.speed] if row.speed != "standard" else []),
        *([] if "standard" in row.tiers else ["+".join(row.tiers)]),
        *([f"over-{row.over_input_tokens}"] if row.over_input_tokens is not None else []),
    )
    return f"{'/'.join(parts)}@{row.effective_from}"
