"""The tariff for a place: the user's own rows first, then the book's, under the contract there."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from msgspec import Struct

from gateway.policy.observed import NOT_SAID
from gateway.prices.cost import Context, Scope
from gateway.prices.files import Listed
from gateway.prices.shelves import NOBODY, Contract, Holder, Place, Shelf, day_at
from gateway.prices.tariff import Rates, Tariff, searches, tariff
from gateway.usage import Usage
from providers import catalog

_REMEMBERED = 4096
_SHOWN = 60
"""Characters of a platform's word in a reason."""


class Own(Struct, frozen=True):
    """What a user's own price file says."""

    shelves: tuple[tuple[Holder, Shelf], ...] = ()
    contracts: tuple[Contract, ...] = ()
    file: str | None = None
    """Where it was read from."""


class Finder:
    """Finds tariffs; what was found is remembered."""

    def __init__(self, files: Sequence[Listed], own: Own) -> None:
        """Take checked files and a user's own prices."""
        self.own = own
        self._files = {name: listed for listed in files for name in listed.prices.platforms}
        self._shelves = {
            listed.name: Shelf(listed.name, listed.prices.rows, listed.prices.sources)
            for listed in files
        }
        self.tariff = lru_cache(_REMEMBERED)(self._tariff)
        self.searches = lru_cache(_REMEMBERED)(self._searches)
        self.canonical = lru_cache(_REMEMBERED)(_canonical)

    @property
    def platforms(self) -> frozenset[str]:
        """The platforms that have a price file."""
        return frozenset(self._files)

    def place(self, usage: Usage, context: Context) -> Place | str:
        """Return where an answer's price is looked up, for the model that answered; or why not.

        The answer's own word counts: where it ran, how fast, and in which tier.
        """
        scope = self._scope(usage.inference_geo, context)
        if isinstance(scope, Unknown):
            return scope.why
        processing, tier = context.processing, usage.service_tier or "standard"
        if tier == "batch":
            processing, tier = "batch", "standard"
        return Place(
            context.platform,
            context.upstream,
            self.canonical(context.served or context.model),
            scope,
            processing,
            usage.speed or "standard",
            tier,
            day_at(context.at_s),
        )

    def anywhere(self, context: Context, usage: Usage, speed: str | None) -> list[Place]:
        """Return every place that an answer of which little is known may be priced at.

        Args:
            context: Where it was sent.
            usage: What was told; what it does not tell may be anything that is sold.
            speed: What the request asks for; None: that is not known.
        """
        place = self.place(usage, context)
        if isinstance(place, str):
            return []
        scopes = {place.scope}
        if usage.inference_geo is None:
            scopes |= set(self._geo_scopes(context.platform).values())
        speeds = {"standard"} if speed == "standard" else None
        speeds = speeds if usage.speed is None else {usage.speed}
        tiers = None if usage.service_tier is None else {place.tier}
        sold = {variant for shelf in self._looked_at(place) for variant in _variants(shelf, place)}
        return [
            place._replace(scope=scope, speed=how, tier=tier)
            for scope, how, tier in sorted(sold)
            if scope in scopes
            and (speeds is None or how in speeds)
            and (tiers is None or tier in tiers)
        ]

    def waives_empty_refusals(self, platform: str) -> bool:
        """Say whether a platform does not bill a refusal without output."""
        listed = self._files.get(platform)
        return listed is not None and listed.prices.waives_empty_refusals

    def told(self) -> dict[str, Any]:
        """Return all that is in force as JSON values."""
        return {
            "files": [
                {
                    "name": listed.name,
                    "platforms": list(listed.prices.platforms),
                    "web_search": listed.prices.web_search,
                    "geo_scopes": listed.prices.geo_scopes,
                    "waives_empty_refusals": listed.prices.waives_empty_refusals,
                    "rows": self._shelves[listed.name].told(),
                }
                for listed in {each.name: each for each in self._files.values()}.values()
            ],
            "own": [
                [list(holder.upstreams), list(holder.platforms), shelf.told()]
                for holder, shelf in self.own.shelves
            ],
            "contracts": [contract.told() for contract in self.own.contracts],
        }

    def _scope(self, geo: str | None, context: Context) -> str | Unknown | None:
        told = self._geo_scopes(context.platform)
        if geo is None or not told:
            return context.scope
        found = told.get(geo)
        if found is None and geo not in NOT_SAID:
            return Unknown(f"inference_geo {shown(geo)} has no price on {context.platform}")
        return found or context.scope

    def _geo_scopes(self, platform: str) -> dict[str, Scope]:
        listed = self._files.get(platform)
        return {} if listed is None else listed.prices.geo_scopes

    def _tariff(self, place: Place) -> Tariff | str:
        for shelf in self._looked_at(place):
            entries = shelf.at(place)
            if entries:
                return tariff(entries, self._contract(place))
        return self._missing(place)

    def _searches(self, place: Place) -> Rates | str:
        listed = self._files.get(place.platform)
        if listed is None or listed.prices.web_search is None:
            return f"a web search has no price on {place.platform}"
        source = f"{listed.name}.toml"
        return searches(listed.name, listed.prices.web_search, source, self._contract(place))

    def _looked_at(self, place: Place) -> list[Shelf]:
        """Return the shelves that may hold a place, the one that counts most first."""
        ranked = [
            (holder.rank(place.upstream, place.platform), shelf)
            for holder, shelf in self.own.shelves
        ]
        ranked.sort(key=lambda pair: pair[0], reverse=True)
        found = [shelf for rank, shelf in ranked if rank != NOBODY]
        listed = self._files.get(place.platform)
        return found if listed is None else [*found, self._shelves[listed.name]]

    def _contract(self, place: Place) -> Contract | None:
        ranked = [(contract.rank(place), contract) for contract in self.own.contracts]
        fitting = [pair for pair in ranked if pair[0][0] != NOBODY]
        return max(fitting, key=lambda pair: pair[0])[1] if fitting else None

    def _missing(self, place: Place) -> str:
        """Say why a place has no price: what is it that the book does not know?"""
        shelves = self._looked_at(place)
        if not shelves:
            return f"platform {place.platform} is not in the price book"
        if not any(place.model in shelf.models for shelf in shelves):
            return f"model {shown(place.model)} is not in the price book of {place.platform}"
        if not place.scope:
            return f"nothing tells in which scope {place.model} runs at {place.upstream}"
        wanted = [f"scope {place.scope}"]
        wanted += ["batch"] if place.processing == "batch" else []
        wanted += [f"speed {shown(place.speed)}"] if place.speed != "standard" else []
        wanted += [f"service_tier {shown(place.tier)}"] if place.tier != "standard" else []
        what = ", ".join(wanted)
        return f"{place.model} has no price on {place.platform} that day for {what}"


class Unknown(Struct, frozen=True):
    """Why something cannot be told."""

    why: str


def shown(word: str) -> str:
    """Return a platform's own word as it may stand in a reason."""
    return repr(word[:_SHOWN]) if not word.isalnum() or len(word) > _SHOWN else word


def _canonical(name: str) -> str:
    """Return the canonical id of any spelling of a model; what is none stays as it is."""
    return catalog.canonical(name) or name


def _variants(shelf: Shelf, place: Place) -> set[tuple[str, str, str]]:
    return shelf.variants(place.model, place.processing)
