"""Which upstreams are allowed, worked out anew from policies and facts as they are written.

A second opinion, as plain as it can be: no compiling, no caching, no reasons. It takes the raw
content of the files, and shares nothing with the gateway's own decision.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

File = Mapping[str, Any]
"""One policy file, as TOML has it."""
NEVER = float("inf")
LEVELS = {"hint": 1, "org": 2, "verified": 3}
ZONES = {
    "eu": {
        *("AT", "BE", "BG", "HR", "CY", "CZ", "DK", "EE", "FI", "FR", "DE", "GR", "HU", "IE", "IT"),
        *("LV", "LT", "LU", "MT", "NL", "PL", "PT", "RO", "SK", "SI", "ES", "SE"),
    },
    "us": {"US"},
}
KEPT_DAYS = {
    "fast_mode": 0,
    "web_search": 0,
    "advisor": 0,
    "inference_geo": 0,
    "structured_outputs": 1,
    "json_schema_values": 1,
    "code_execution": 30,
    "mcp_connector": None,
    "server_fallback": None,
    "experiments": None,
}
"""What platforms keep because of a feature; None: nobody says. Another name is unknown."""
COVERED = ("claude-fable-*", "claude-mythos-*")
COVERED_DAYS = 30
"""What platforms keep of a request to one of these models."""


@dataclass(frozen=True)
class Known:
    """One fact as it is written."""

    value: Any
    level: str = "org"
    until_s: float = NEVER


@dataclass(frozen=True)
class Place:
    """What is known of one upstream."""

    platform: str
    facts: Mapping[str, Known]
    by_model: Mapping[str, Mapping[str, Known | None]] = field(default_factory=dict)

    def all(self, fact: str, model: str) -> Iterable[Known | None]:
        """Return a fact for a model; for whatever model the platform chooses, all there are."""
        own = [each[fact] for each in self.by_model.values() if fact in each]
        if model == "default":
            return [self.facts.get(fact), *own]
        differs = self.by_model.get(model, {})
        return [differs[fact] if fact in differs else self.facts.get(fact)]


@dataclass(frozen=True)
class Asked:
    """What a call asks for, as whoever wrote it meant it."""

    environment: str
    data_class: str | None
    model: str
    features: frozenset[str] = frozenset()
    betas: frozenset[str] = frozenset()
    layers: frozenset[str] = frozenset()
    inside: tuple[str, ...] = ()
    hatch: str | None = None
    """`inference_geo`, set to `us`."""
    require: Mapping[str, Any] = field(default_factory=dict)
    may_assert: bool = True
    only: frozenset[str] | None = None
    """The upstreams that the caller leaves; no part of the decision."""

    @property
    def checks(self) -> set[str]:
        """The checks it passes."""
        unknown = any(each.startswith("unknown:") for each in self.features)
        failed = unknown or "json_schema_values" in self.features
        return set() if failed else {"no_phi_in_json_schema"}


def allowed(
    files: Iterable[File], places: Mapping[str, Place], asked: Asked, now_s: float
) -> set[str]:
    """Return the upstreams that may see a call."""
    here = [each for each in files if _has_a_say(each, asked)]
    if not asked.may_assert or not _permitted(list(files), here, asked):
        return set()
    if asked.hatch and any(_hatch(each) != "keep" for each in here):
        return set()
    return {name for name in places if _passes(here, name, places[name], asked, now_s)}


def _has_a_say(file: File, asked: Asked) -> bool:
    layer = file.get("layer", {})
    if asked.environment not in layer.get("environments", [asked.environment]):
        return False
    return "keys" not in layer or bool(asked.layers & set(layer["keys"]))


def _permitted(files: list[File], here: list[File], asked: Asked) -> bool:
    named = {key for file in files for key in file.get("layer", {}).get("keys", ())}
    if asked.layers - named or all("layer" in file for file in here):
        return False
    return all(_permits(file, name, asked) for file in here for name in _classes(here, asked))


def _classes(here: list[File], asked: Asked) -> set[str | None]:
    """Return the label, or what policies give calls without one; None: one gives nothing."""
    if asked.data_class is not None:
        return {asked.data_class}
    silent = {None for file in here if "layer" not in file and "unlabelled" not in file}
    return {file["unlabelled"] for file in here if "unlabelled" in file} | silent


def _permits(file: File, name: str | None, asked: Asked) -> bool:
    if name is None:
        return False
    organization, permits = "layer" not in file, file.get("permit", ())
    if (organization or file.get("classes")) and name not in file.get("classes", {}):
        return False
    if not permits and not organization:
        return True
    return any(
        name in each["classes"] and asked.environment in each["environments"] for each in permits
    )


def _hatch(file: File) -> str:
    silent = "keep" if "layer" in file else "refuse"
    return str(file.get("hatches", {}).get("inference_geo", silent))


def _passes(here: list[File], name: str, place: Place, asked: Asked, now_s: float) -> bool:
    for file in here:
        for block in file.get("block", ()):
            if _fits(name, [block["upstream"]]) and now_s < _end_s(block.get("until")):
                return False
    rules = [*_rules(here, name, asked, now_s), {"require": asked.require}]
    return all(_rule_passes(rule, name, place, asked, now_s) for rule in rules)


def _rules(here: list[File], name: str, asked: Asked, now_s: float) -> Iterator[File]:
    """Yield the rules that apply to a call and are not lifted for an upstream."""
    classes = _classes(here, asked)
    for file in here:
        for rule in file.get("rule", ()):
            lifted = any(
                each["rule"] == rule["id"]
                and _fits(name, [each["upstream"]])
                and now_s < _end_s(each["until"])
                for each in file.get("exception", ())
            )
            for_class = not rule.get("classes") or classes & set(rule["classes"])
            in_environment = asked.environment in rule.get("environments", [asked.environment])
            if for_class and in_environment and not lifted:
                yield rule


def _rule_passes(rule: File, name: str, place: Place, asked: Asked, now_s: float) -> bool:
    forbid, allow, require = _parts(rule)
    platforms = forbid.get("platforms", ())
    if _fits(name, forbid.get("upstreams", ())) or _fits(place.platform, platforms):
        return False
    if not set(require.get("request_checks", ())) <= asked.checks:
        return False
    if any(_forbids(forbid, allow, "betas", beta) for beta in asked.betas):
        return False
    if not all(_feature_passes(rule, each) for each in asked.features):
        return False
    if asked.hatch and "processing_in" in require and not ZONES[require["processing_in"]] >= {"US"}:
        return False
    return all(_model_passes(rule, place, model, now_s) for model in (asked.model, *asked.inside))


def _feature_passes(rule: File, feature: str) -> bool:
    forbid, allow, require = _parts(rule)
    limit = require.get("retention_days")
    closed = forbid.get("features") or forbid.get("betas") or limit is not None or "baa" in require
    if _forbids(forbid, allow, "features", feature):
        return False
    if closed and feature not in KEPT_DAYS and not _fits(feature, allow.get("features", ())):
        return False
    days = KEPT_DAYS.get(feature)
    return limit is None or (days is not None and days <= limit)


def _model_passes(rule: File, place: Place, model: str, now_s: float) -> bool:
    forbid, allow, require = _parts(rule)
    limit = require.get("retention_days")
    if model == "default":
        about_models = forbid.get("models") or limit is not None
        if about_models and not _fits(model, allow.get("models", ())):
            return False
    elif _forbids(forbid, allow, "models", model) or (
        limit is not None and limit < (COVERED_DAYS if _fits(model, COVERED) else 0)
    ):
        return False
    floor, exempt = require.get("assurance", "org"), require.get("assurance_exempt", ())
    return all(
        _fact_passes(fact, wanted, known, "org" if fact in exempt else floor, now_s)
        for fact, wanted in require.items()
        if fact not in {"assurance", "assurance_exempt", "request_checks"}
        for known in place.all(fact, model)
    )


def _parts(rule: File) -> tuple[File, File, File]:
    return rule.get("forbid", {}), rule.get("allow", {}), rule.get("require", {})


def _forbids(forbid: File, allow: File, what: str, name: str) -> bool:
    return _fits(name, forbid.get(what, ())) and not _fits(name, allow.get(what, ()))


def _fact_passes(fact: str, wanted: Any, known: Known | None, floor: str, now_s: float) -> bool:
    if known is None or now_s >= known.until_s or LEVELS[known.level] < LEVELS[floor]:
        return False
    if fact in ("processing_in", "storage_in"):
        return set(known.value) <= ZONES[wanted]
    if fact in ("processor", "partition"):
        return known.value in wanted
    if fact == "certifications":
        return set(wanted) <= set(known.value)
    if fact in ("retention_days", "flagged_retention_days"):
        return bool(known.value <= wanted)
    return known.value is True


def _fits(name: str, globs: Iterable[str]) -> bool:
    return any(fnmatchcase(name, each) for each in globs)


def _end_s(until: dt.date | dt.datetime | None) -> float:
    """Return the end of a day in UTC, or a moment itself."""
    if until is None:
        return NEVER
    if isinstance(until, dt.datetime):
        return until.timestamp()
    midnight = dt.datetime(until.year, until.month, until.day, tzinfo=dt.UTC)
    return (midnight + dt.timedelta(days=1)).timestamp()
