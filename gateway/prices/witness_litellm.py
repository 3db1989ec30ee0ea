"""litellm's price map as a witness, read as the JSON file that its wheel holds."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from gateway.prices.witness import SEARCH, Bands, Quote, Sku, WitnessError
from gateway.prices.witness_files import where

FILE = "model_prices_and_context_window_backup.json"
_CATEGORIES = {
    "input_cost_per_token": "input",
    "output_cost_per_token": "output",
    "cache_creation_input_token_cost": "cache_write_5m",
    "cache_creation_input_token_cost_above_1hr": "cache_write_1h",
    "cache_read_input_token_cost": "cache_read",
}
_FIELD = re.compile(rf"({'|'.join(_CATEGORIES)})(?:_above_(\d+)k_tokens)?(_batches)?")
_SEARCHES = "search_context_cost_per_query.search_context_size_medium"
_MILLION = Decimal(1_000_000)
_ONE = Decimal(1)


@dataclass(frozen=True)
class LitellmMap:
    """The prices of one edition of the map."""

    entries: Mapping[str, Mapping[str, Any]]
    version: str
    name: str = "litellm"

    @classmethod
    def read(cls, path: Path, version: str = "") -> LitellmMap:
        """Return the map in a file; raises WitnessError where it is none."""
        try:
            entries = json.loads(path.read_bytes(), parse_float=Decimal)
        except OSError as error:
            raise WitnessError(f"{path}: cannot be read: {error.strerror}") from None
        except (ValueError, RecursionError) as error:
            raise WitnessError(f"{path}: is no JSON ({error}); take litellm's {FILE}") from None
        claude = entries if isinstance(entries, dict) else {}
        claude = {key: each for key, each in claude.items() if "claude" in key}
        if not claude or not all(isinstance(each, dict) for each in claude.values()):
            raise WitnessError(f"{path}: has no entries of Claude models; take litellm's {FILE}")
        return cls(claude, version)

    def quotes(self, sku: Sku) -> tuple[Quote, ...]:
        """Return what its entries ask; none: it does not model that."""
        line = where().line(where().litellm, sku)
        if line is None or (sku.processing == "batch" and sku.speed == "fast"):
            return ()
        own = sku.speed == "fast" and bool(line.fast_ids)
        factors = [] if line.times is None else [line.times]
        if sku.speed == "fast" and not own:
            if line.fast_times is None:
                return ()
            factors.append(line.fast_times)
        ids = where().named(line.fast_ids if own else line.ids, sku)
        return tuple(self._quoted(ids, factors, batch=sku.processing == "batch"))

    def _quoted(self, ids: tuple[str, ...], factors: list[str], *, batch: bool) -> Iterator[Quote]:
        for key in ids:
            entry = self.entries.get(key, {})
            times = _product(key, entry, factors)
            bands = None if times is None else _bands(key, entry, times, batch=batch)
            if bands is not None:
                yield Quote(key, bands)


def _bands(key: str, entry: Mapping[str, Any], times: Decimal, *, batch: bool) -> Bands | None:
    """Return the rates of one entry; None: it has none for that processing.

    Over a threshold that only the other processing names a rate for, nothing is told.
    """
    bands: dict[int, dict[str, Decimal]] = {0: {}}
    for field in entry:
        found = _FIELD.fullmatch(field)
        if found is None:
            continue
        over = int(found[2] or 0) * 1000
        rates = bands.setdefault(over, {})
        rate = _number(key, entry, field) if bool(found[3]) == batch else None
        if rate is not None:
            rates[_CATEGORIES[found[1]]] = rate * _MILLION * times
    if not bands[0]:
        return None
    searches = None if batch else _number(key, entry, _SEARCHES)
    return {**bands, 0: bands[0] if searches is None else {**bands[0], SEARCH: searches}}


def _product(key: str, entry: Mapping[str, Any], factors: list[str]) -> Decimal | None:
    """Return the factors of an entry multiplied; None where it has not all of them."""
    product = _ONE
    for factor in factors:
        value = _number(key, entry, factor)
        if value is None:
            return None
        product *= value
    return product


def _number(key: str, entry: Mapping[str, Any], path: str) -> Decimal | None:
    """Return a number of an entry by its dotted path; None: it is not there."""
    value: Any = entry
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or not 0 <= value < _MILLION:
        raise WitnessError(f"{key}: {path} is no price: {value!r}; take litellm's {FILE}")
    return Decimal(value)
