"""Facts: what is known of an upstream, how surely, and until when.

A fact that is not there is unknown. Nothing is assumed of it.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from fnmatch import fnmatchcase
from functools import cached_property
from types import MappingProxyType
from typing import Any

from gateway.policy.digest import digest

Value = frozenset[str] | str | int | bool
"""A fact's value; its type is that of `SHAPES`."""

EVERYWHERE = frozenset({"*"})
"""The countries of what may run anywhere: it lies in no zone."""

_DAY_S = 86_400

NEVER = math.inf
"""The end of what does not end."""

SHAPES: Mapping[str, type] = MappingProxyType(
    {
        "processing_in": frozenset,
        "storage_in": frozenset,
        "processor": str,
        "platform": str,
        "partition": str,
        "certifications": frozenset,
        "baa": bool,
        "private_network": bool,
        "cmek": bool,
        "retention_days": int,
        "flagged_retention_days": int,
    }
)
"""Every fact there is, and the type of its value."""

PLACES = frozenset({"processing_in", "storage_in"})
"""The facts whose values are countries."""


class Assurance(IntEnum):
    """How surely a fact is known; each level includes those below."""

    HINT = 1
    """A vendor said so, and nobody here signed it off."""
    ORG = 2
    """The organization signed it off, or its configuration says it."""
    VERIFIED = 3
    """The platform was asked."""

    @property
    def word(self) -> str:
        """The level as files write it."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Fact:
    """One property of one upstream."""

    value: Value
    assurance: Assurance
    until_s: float = NEVER
    """Unix time from which it is expired."""
    origin: str = ""
    """Who says it, for people: `region eu-central-1`, `attested: contract 7`."""
    fallback: Fact | None = None
    """What was known without the probe that verified it; it holds again after the end."""

    def at(self, now: float) -> Fact:
        """Return the fact as it is at a Unix time."""
        return self if now < self.until_s or self.fallback is None else self.fallback.at(now)

    def ends(self) -> set[float]:
        """Return the moments at which it becomes another one, or expires."""
        later = self.fallback.ends() if self.fallback is not None else set()
        return {self.until_s} | later

    def content(self) -> list[Any]:
        """Return what a digest covers."""
        until = "never" if math.isinf(self.until_s) else self.until_s
        own = [plain(self.value), self.assurance.word, until, self.origin]
        return own if self.fallback is None else [*own, self.fallback.content()]


@dataclass(frozen=True)
class UpstreamFacts:
    """What is known of one upstream."""

    name: str
    platform: str
    facts: Mapping[str, Fact] = field(default_factory=dict)
    by_model: Mapping[str, Mapping[str, Fact | None]] = field(default_factory=dict)
    """Model -> the facts that differ for it; None: unknown for that model."""

    def get(self, name: str, model: str) -> Fact | None:
        """Return a fact as it is for a model, or None where it is unknown."""
        own = self.by_model.get(model)
        if own is not None and name in own:
            return own[name]
        return self.facts.get(name)

    def any_model(self, name: str) -> tuple[Fact | None, ...]:
        """Return a fact as it is for each model that differs, and for all others."""
        found = [own[name] for own in self.by_model.values() if name in own]
        return (self.facts.get(name), *found)

    def content(self) -> dict[str, Any]:
        """Return what a digest covers."""
        models = {
            model: {name: fact.content() if fact else None for name, fact in own.items()}
            for model, own in self.by_model.items()
        }
        facts = {name: fact.content() for name, fact in self.facts.items()}
        return {"platform": self.platform, "facts": facts, "by_model": models}


@dataclass(frozen=True)
class Retention:
    """What platforms keep whatever an account is set to: by model and by feature.

    Raises nothing; what is not listed is unknown.
    """

    models: tuple[tuple[str, int], ...] = ()
    """Pattern -> days; the first that fits."""
    features: Mapping[str, int | None] = field(default_factory=dict)
    """Feature -> days; None: nobody says."""

    def of_model(self, model: str) -> int | None:
        """Return the days that a model's terms keep a request, or None where nobody says."""
        return next((days for glob, days in self.models if fnmatchcase(model, glob)), None)


@dataclass(frozen=True, eq=False)
class FactSheet:
    """Everything known of every upstream, in the configured order."""

    upstreams: tuple[UpstreamFacts, ...]
    retention: Retention = field(default_factory=Retention, repr=False)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the content; the order of upstreams is no part of it."""
        return digest(
            {
                "upstreams": {each.name: each.content() for each in self.upstreams},
                "models": self.retention.models,
                "features": self.retention.features,
            }
        )

    def ends(self) -> set[float]:
        """Return the moments at which some fact expires."""
        facts: list[Fact | None] = []
        for upstream in self.upstreams:
            facts.extend(upstream.facts.values())
            for own in upstream.by_model.values():
                facts.extend(own.values())
        return {end for fact in facts if fact is not None for end in fact.ends()} - {NEVER}


def plain(value: Value) -> Any:
    """Return a value as JSON and people write it: a set is a sorted list."""
    return sorted(value) if isinstance(value, frozenset) else value


def shaped(name: str, value: object) -> Value | None:
    """Return `value` as the fact `name` has it, or None where it is of another type."""
    kind = SHAPES.get(name)
    if kind is frozenset:
        if isinstance(value, (list, tuple)) and all(isinstance(word, str) for word in value):
            return frozenset(str(word) for word in value)
        return None
    if kind is int and isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    if kind is bool and isinstance(value, bool):
        return value
    return value if kind is str and isinstance(value, str) else None


def end_of(day: dt.date | dt.datetime) -> float:
    """Return the Unix time at which `day` is over (UTC), or that of a moment itself."""
    if isinstance(day, dt.datetime):
        return (day if day.tzinfo else day.replace(tzinfo=dt.UTC)).timestamp()
    start = dt.datetime(day.year, day.month, day.day, tzinfo=dt.UTC)
    return start.timestamp() + _DAY_S
