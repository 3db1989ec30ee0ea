"""The rows of the price files (`gateway/data/prices/*.toml`), as they are written."""

from __future__ import annotations

from datetime import date
from typing import Literal

from msgspec import Struct

from gateway.prices.cost import Scope


class PriceRow(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The rates of one model in one place, in USD for a million tokens, as decimal text.

    A category without a rate has no price there. Nothing is multiplied: each combination of
    scope, processing and speed that is sold has a row of its own.
    """

    model: str
    """The canonical id."""
    scope: Scope
    processing: Literal["standard", "batch"] = "standard"
    speed: Literal["standard", "fast"] = "standard"
    tiers: tuple[str, ...] = ("standard",)
    """The `service_tier`s that these rates hold for."""
    over_input_tokens: int | None = None
    """These rates hold for all tokens of a run whose prompt (uncached, written and read) is
    larger than this; a row without it holds for the others."""
    input: str
    output: str
    cache_write_5m: str | None = None
    cache_write_1h: str | None = None
    cache_read: str | None = None
    effective_from: date
    """The first day, UTC."""
    effective_until: date | None = None
    """The first day on which it holds no more; None: it still holds."""
    source: str
    """Where the price is from; a key of the file's `sources`, or words."""
    checked_on: date
    verified: bool = False
    """Whether a bill has shown it."""


class PriceFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One file: the prices of one platform."""

    platforms: tuple[str, ...]
    """The providers' names that these prices hold for."""
    currency: Literal["USD"] = "USD"
    web_search: str | None = None
    """USD for one search; None: the platform sells none."""
    geo_scopes: dict[str, Scope] = {}
    """What `usage.inference_geo` says -> the scope that it is priced as; where the platform
    tells it."""
    waives_empty_refusals: bool = False
    """Whether a refusal without output is not billed."""
    sources: dict[str, str] = {}
    """What the rows' `source` stands for."""
    rows: list[PriceRow]
