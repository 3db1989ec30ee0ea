"""What a usage type of Amazon Bedrock says: which model, which tokens, by which route. Pure.

There are two ways of writing them. `USE1-Claude4.6Sonnet-cache-read-input-token-count` has the
model in it; `USE1-MP:USE1_CacheReadInputTokenCount_Global-Units`, of models that are sold through
AWS Marketplace, has it in the name of the product.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Literal

from msgspec import Struct

from gateway.reconcile.statement import Kind, Routing
from gateway.reconcile.terms import Words, terms
from providers import catalog

_RUNTIME = re.compile(
    r"(?:(?P<region>[A-Z]{2,4}\d?)-)?(?P<model>[A-Za-z][\w.: ]*(?:-[\w.: ]+)*?)-(?:mantle-)?"
    r"(?P<kind>cache-read|cacheread|cache-write|cachewrite|input|output)(?P<rest>(?:-\w+)+)",
    re.ASCII,
)
_MARKETPLACE = re.compile(
    r"(?:[A-Z]{2,4}\d?-)?(?:MP:)?(?P<region>[A-Z]{2,4}\d?)_(?P<rest>\w+)-Units", re.ASCII
)
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[a-z])(?=\dh)|(?<=\dh)(?=[A-Z])")
_GOVERNMENT = "UG"
"""How the short names of the regions of GovCloud begin (`UGW1`)."""
_NAMES = (
    re.compile(r"claude[ -]?(?P<version>\d+(?:\.\d+)?)[ -]?(?P<line>[a-z]+)"),
    re.compile(r"claude[ -]?(?P<line>[a-z]+)[ -]?(?P<version>\d+(?:\.\d+)?)"),
)


class Parsed(Struct, frozen=True, kw_only=True):
    """A usage type, taken apart."""

    named: str
    """What stands for the model; empty where the product's name has it."""
    kind: Kind | Literal["reserved"]
    scope: Routing
    tier: str = "standard"


@lru_cache(maxsize=4096)
def parsed(usage_type: str) -> Parsed | None:
    """Return what a usage type says; None where it is not about tokens, or has words unknown."""
    sold = _MARKETPLACE.fullmatch(usage_type)
    if sold is not None:
        words = _HUMP.sub("_", sold["rest"]).lower().split("_")
        return _made("", sold["region"], words)
    own = _RUNTIME.fullmatch(usage_type)
    if own is None:
        return None
    kind = own["kind"].replace("cache", "cache-").replace("--", "-")
    words = [*kind.split("-"), *own["rest"].lower().split("-")[1:]]
    return _made(own["model"], own["region"] or "", words)


def _made(named: str, region: str, words: list[str]) -> Parsed | None:
    known = terms().aws.words
    kind = _kind(set(words), known)
    unknown = set(words) - {"cache", "read", "write"} - _all(known)
    if kind is None or (unknown and kind != "reserved"):
        return None
    tiers = [word for word in words if word in known.tiers]
    everywhere = not known.everywhere.isdisjoint(words)
    scope: Routing = "global" if everywhere else "regional"
    if region.startswith(_GOVERNMENT):
        scope = "government"
    return Parsed(named=named, kind=kind, scope=scope, tier=tiers[0] if tiers else "standard")


def _kind(words: set[str], known: Words) -> Kind | Literal["reserved"] | None:
    if not known.reserved.isdisjoint(words):
        return "reserved"
    if not words & {"token", "tokens"}:
        return None
    if "cache" in words:
        if "read" in words:
            return "cache_read"
        return "cache_write_5m" if known.hour.isdisjoint(words) else "cache_write_1h"
    return "output" if "output" in words else "input"


def _all(known: Words) -> set[str]:
    groups: Iterable[frozenset[str]] = (
        known.plain, known.tiers, known.everywhere, known.geo, known.hour, known.long_context,
    )  # fmt: skip
    return {word for group in groups for word in group}


def is_claude(name: str) -> bool:
    """Say whether a usage type or the name of a product is about Claude."""
    return "claude" in name.lower()


@lru_cache(maxsize=1024)
def model(named: str) -> str | None:
    """Return the canonical id of a model as bills name it; None: nobody knows it."""
    name = named.removesuffix(terms().aws.marketplace_ending).strip().lower()
    found = catalog.canonical(name)
    for pattern in _NAMES:
        parts = pattern.fullmatch(name)
        if found is None and parts is not None:
            version = parts["version"].replace(".", "-")
            found = catalog.canonical(f"claude-{parts['line']}-{version}")
            found = found or catalog.canonical(f"claude-{version}-{parts['line']}")
    return found
