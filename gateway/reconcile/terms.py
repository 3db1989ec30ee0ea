"""How statements are read and compared, from `data/reconcile.toml`."""

from __future__ import annotations

import tomllib
from decimal import Decimal
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Literal

import msgspec

from gateway.reconcile.statement import Kind, Routing
from providers.data_files import Table


class Class(StrEnum):
    """What a group turns out to be."""

    MATCH = "match"
    WE_HIGH = "we_high"
    """The ledger has more than the statement."""
    WE_LOW = "we_low"
    """The ledger has less than the statement."""
    MISSING_HERE = "missing_here"
    """Only the statement has it."""
    MISSING_THERE = "missing_there"
    """Only the ledger has it."""


class Tolerance(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How far apart sums may lie; the larger of both holds."""

    relative: Decimal
    """A share of the statement's sum."""
    absolute: Decimal
    """In USD, or tokens."""


class Tolerances(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One for each class that is not a match."""

    we_high: Tolerance
    we_low: Tolerance
    missing_here: Tolerance
    missing_there: Tolerance
    reason: str = ""

    def of(self, kind: Class) -> Tolerance:
        """Return the tolerance of a class."""
        found: Tolerance = getattr(self, kind.value)
        return found


class Residual(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a bill has beside requests."""

    booked: bool
    says: str


class AnthropicTerms(Table, kw_only=True):
    """How the reports of the Admin API are read."""

    leaves_out_tiers: tuple[str, ...]
    most_groups: int
    geos: dict[str, Routing]
    cost_types: dict[str, Kind]
    overlapping: dict[str, str]


class Words(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The words of a usage type after the model, by what they mean."""

    plain: frozenset[str]
    tiers: frozenset[str]
    everywhere: frozenset[str] = msgspec.field(name="global")
    geo: frozenset[str]
    hour: frozenset[str]
    long_context: frozenset[str]
    reserved: frozenset[str]


class AwsTerms(Table, kw_only=True):
    """How cost and usage reports of AWS are read."""

    product_codes: frozenset[str]
    marketplace_ending: str
    platform_products: tuple[str, ...]
    required: tuple[str, ...]
    units: dict[str, int]
    line_types: dict[str, Literal["usage", "discount", "credit", "refund", "tax", "fee"]]
    words: Words


class Terms(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file."""

    tolerance: dict[Literal["tokens", "usd"], Tolerances]
    residuals: dict[str, Residual]
    anthropic: AnthropicTerms
    aws: AwsTerms


@cache
def terms() -> Terms:
    """Return the file's content."""
    text = (resources.files("gateway") / "data" / "reconcile.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text), Terms)
