"""litellm's price map as a witness, read as the JSON file that its wheel holds."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from gateway.config import ConfigError
from gateway.prices.witness import SEARCH, Bands, Quote, Sku
from gateway.prices.witness_files import mistaken, where

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
_RIGHT = f"take {FILE} of litellm's wheel"


@dataclass(frozen=True)
class LitellmMap:
    """The prices of one edition of the map."""

    path: Path
    entries: Mapping[str, Mapping[str, Any]]
    version: str = ""
    name: str = "litellm"

    @classmethod
    def read(cls, path: Path, version: str = "") -> LitellmMap:
        """Return the map in a file; raises ConfigError where it is none."""
        try:
            entries = json.loads(path.read_bytes(), parse_float=Decimal)
        except OSError as error:
            raise mistaken(path, f"cannot be read: {error.strerror}", _RIGHT) from None
        except (ValueError, RecursionError):
            raise mistaken(path, "is no JSON", _RIGHT) from None
        found = entries.items() if isinstance(entries, dict) else ()
        claude = {key: each for key, each in found if "claude" in key}
        if not claude or not all(isinstance(each, dict) for each in claude.values()):
            raise mistaken(path, "has no entries of Claude models", _RIGHT)
        return cls(path, claude, version)

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
            bands = self._bands(key, factors, batch=batch)
            if bands is not None:
                yield Quote(key, bands)

    def _bands(self, key: str, factors: list[str], *, batch: bool) -> Bands | None:
        """Return the rates of one entry; None: it has none for that.

        Over a threshold that it names for the other processing alone, it tells nothing.
        """
        times = self._product(key, factors)
        bands: dict[int, dict[str, Decimal]] = {0: {}}
        for field in self.entries.get(key, {}):
            named = _FIELD.fullmatch(field)
            if named is None:
                continue
            rates = bands.setdefault(int(named[2] or 0) * 1000, {})
            rate = self._number(key, field)
            if rate is not None and bool(named[3]) == batch:
                rates[_CATEGORIES[named[1]]] = rate * _MILLION
        if not bands[0] or times is None:
            return None
        for rates in bands.values():
            rates.update({each: rate * times for each, rate in rates.items()})
        searches = None if batch else self._number(key, _SEARCHES)
        return bands if searches is None else {**bands, 0: {**bands[0], SEARCH: searches}}

    def _product(self, key: str, factors: list[str]) -> Decimal | None:
        """Return the factors of an entry, multiplied; None: it has not all of them."""
        product = Decimal(1)
        for factor in factors:
            times = self._number(key, factor)
            if times is None:
                return None
            product *= times
        return product

    def _number(self, key: str, path: str) -> Decimal | None:
        """Return a number of an entry by its dotted path; None: it is not there."""
        value: Any = self.entries.get(key)
        for name in path.split("."):
            value = value.get(name) if isinstance(value, Mapping) else None
        if value is None:
            return None
        if isinstance(value, int | Decimal) and not isinstance(value, bool) and value >= 0:
            return Decimal(value)
        raise self._no_price(key, path, value)

    def _no_price(self, key: str, path: str, value: object) -> ConfigError:
        return mistaken(self.path, f"{key}: {path} is no price: {value!r}"[:300], _RIGHT)
