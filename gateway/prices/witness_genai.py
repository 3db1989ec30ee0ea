"""genai-prices as a witness: its own entries, read one by one.

`calc_price` is not asked. For a model, provider or context that it does not know, it answers with
the next best price and says nothing: the Claude API's for a model that Google's list lacks, the
standard one for `{"inference_geo": "us"}`, a prefix's for a model that does not exist. Here an
entry counts only if it belongs to the provider itself, matches the exact id, and is named after
the same model; and a variant only if it is for just the context that is meant.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING

from gateway.config import ConfigError, Mistake
from gateway.prices.witness import SEARCH, Bands, Quote, Sku
from gateway.prices.witness_files import where

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, ModelPrice

_CATEGORIES = {
    "input_mtok": "input",
    "output_mtok": "output",
    "cache_write_mtok": "cache_write_5m",
    "cache_write_1h_mtok": "cache_write_1h",
    "cache_read_mtok": "cache_read",
    "web_searches_kcount": SEARCH,
}
_THOUSAND = Decimal(1000)
_SUFFIX = re.compile(r"(-\d{8})?(-v\d+(:\d+)?)?$")
"""What entries write after a model: `-20251001-v1:0`."""


@dataclass(frozen=True)
class GenaiPrices:
    """The prices of the installed genai-prices on one day."""

    version: str
    providers: Mapping[str, Sequence[ModelInfo]]
    at: datetime
    name: str = "genai-prices"

    @classmethod
    def on(cls, day: date) -> GenaiPrices:
        """Return it as of a day; raises ConfigError where it is not installed."""
        try:
            import genai_prices  # noqa: PLC0415 - a development package: only a check needs it
            from genai_prices.data import providers  # noqa: PLC0415 - the same
        except ModuleNotFoundError as error:
            what = f"{error.name} is not installed; it comes with the development packages"
            raise ConfigError([Mistake(None, None, "", what, "pip install genai-prices")]) from None
        own = {each.id: each.models for each in providers}
        return cls(genai_prices.__version__, own, datetime.combine(day, time(12), UTC))

    def quotes(self, sku: Sku) -> tuple[Quote, ...]:
        """Return what its entries ask; none: it does not model that."""
        line = where().line(where().genai, sku)
        if line is None or line.provider is None:
            return ()
        found = {}
        for asked in where().named(line.ids, sku):
            entry = self._entry(line.provider, asked, sku.model)
            price = None if entry is None else self._price(entry, sku)
            if entry is not None and price is not None:
                found[entry.id] = Quote(f"{line.provider}/{entry.id}", _bands(price))
        return tuple(found.values())

    def _entry(self, provider: str, asked: str, model: str) -> ModelInfo | None:
        own = (each for each in self.providers.get(provider, ()) if each.is_match(asked))
        return next((each for each in own if _model_of(each.id) == model), None)

    def _price(self, entry: ModelInfo, sku: Sku) -> ModelPrice | None:
        if sku.processing == sku.speed == "standard":
            return entry.get_prices(self.at)
        meant = {"processing": sku.processing, "speed": sku.speed}
        context = {key: value for key, value in meant.items() if value != "standard"}
        for variant in entry.price_variants or ():
            active = variant.constraint is None or variant.constraint.active(self.at)
            if active and variant.when == context:
                return variant.prices
        return None


def _model_of(entry_id: str) -> str:
    return _SUFFIX.sub("", entry_id.rpartition("anthropic.")[2])


def _bands(price: ModelPrice) -> Bands:
    from genai_prices.types import TieredPrices  # noqa: PLC0415 - as in `on`

    base: dict[str, Decimal] = {}
    tiers: dict[int, dict[str, Decimal]] = {}
    for key, category in _CATEGORIES.items():
        value = getattr(price, key)
        if isinstance(value, TieredPrices):
            base[category] = value.base
            for tier in value.tiers:
                tiers.setdefault(tier.start, {})[category] = tier.price
        elif value is not None:
            base[category] = value / _THOUSAND if category == SEARCH else value
    return {0: base, **{start: {**base, **rates} for start, rates in tiers.items()}}
