"""What follows from where an upstream is: countries, partition, processor.

Sources are in `gateway/data/regions.toml` and, for inference profiles, in the providers' models.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import cache
from importlib import resources
from typing import Literal

import msgspec

from gateway.policy.digest import digest
from gateway.policy.facts import EVERYWHERE, PLACES, Assurance, Fact
from providers import capabilities, catalog, data_files
from providers.data_files import Table
from providers.shapes import ready

_IN_REGION = "anthropic."
"""What a model id on Bedrock starts with when no profile moves the request."""
_PREFIX = re.compile(r"([a-z-]+)\.(?=anthropic\.)")
_AWS_PLATFORM = "aws"
_NAMED = {"geo": "inference_geo", "zone": "data zone"}
"""What names a geography to the platform, where a setting of that name locates it."""


@dataclass(frozen=True, slots=True)
class Where:
    """What an upstream is, as the configuration says it."""

    name: str
    platform: str
    region: str | None = None
    """AWS region or Google location."""
    profile: str | None = None
    """Inference-profile prefix on Bedrock; None: in-region."""
    geo: str | None = None
    """`inference_geo` that every request there carries, or a deployment's data zone."""
    relay: bool = False
    """It is reached by an address that is not the platform's own, so nothing follows from it."""
    address: str | None = None
    """The address of its own by which it is reached; None: the platform's."""
    models: Mapping[str, str] = field(default_factory=dict)
    """Canonical id -> id on the wire there; on Bedrock that id may name another profile."""
    account: tuple[str, ...] = ()
    """The project, workspace or credential profile that the configuration names; no secret."""

    @property
    def fingerprint(self) -> str:
        """A short digest of the place: what was found out there is void when it changes."""
        place = [
            *(self.platform, self.region, self.profile),
            *(self.geo, self.relay, self.address, self.account),
        ]
        return digest({"place": place, "models": dict(self.models)})[:16]


class _PlatformRow(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    processor: str
    located_by: Literal["aws", "google", "geo", "zone"]


class _PlatformTable(Table, kw_only=True):
    rows: dict[str, _PlatformRow]


class _CountryTable(Table, kw_only=True):
    rows: dict[str, frozenset[str]]


class _AwsTable(Table, kw_only=True):
    rows: dict[str, dict[str, str]]


@ready
class _RegionFile(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    platforms: _PlatformTable
    geos: _CountryTable
    aws: _AwsTable
    google: _CountryTable


@cache
def _file() -> _RegionFile:
    text = (resources.files("gateway") / "data" / "regions.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text), _RegionFile)


@cache
def _profiles() -> dict[str, data_files.ProfileRow]:
    return data_files.read("models", data_files.ModelFile).profiles.rows


def platforms() -> frozenset[str]:
    """Return the platforms that a policy may name."""
    return frozenset(_file().platforms.rows)


def processors() -> frozenset[str]:
    """Return who may run a platform."""
    return frozenset(row.processor for row in _file().platforms.rows.values())


def country(region: str) -> str | None:
    """Return the country of an AWS region; None where nobody says."""
    return next((rows[region] for rows in _file().aws.rows.values() if region in rows), None)


def partition(region: str) -> str | None:
    """Return the AWS partition of a region; None where nobody says."""
    return next((name for name, rows in _file().aws.rows.items() if region in rows), None)


def countries_of_profile(profile: str) -> frozenset[str]:
    """Return the countries of the regions of an inference profile; empty: it names none."""
    commercial = _file().aws.rows[_AWS_PLATFORM]
    return frozenset(
        {commercial[each] for each in regions_of_profile(profile) if each in commercial}
    )


def regions_of_profile(profile: str) -> tuple[str, ...]:
    """Return the regions of an inference profile, of every partition."""
    row = _profiles().get(profile)
    patterns = () if row is None else row.regions
    return tuple(
        name
        for rows in _file().aws.rows.values()
        for name in rows
        if any(fnmatchcase(name, pattern) for pattern in patterns)
    )


def country_of_location(location: str) -> frozenset[str] | None:
    """Return the countries of a Google location; None where nobody says."""
    return _file().google.rows.get(location)


def locations() -> tuple[str, ...]:
    """Return the Google locations whose countries are known."""
    return tuple(_file().google.rows)


def aws_regions(where: Where) -> tuple[frozenset[str], bool]:
    """Return the AWS regions that requests to an upstream may reach, and whether these are all."""
    profiles = {where.profile} | {profile_of(wire_id) for wire_id in where.models.values()}
    found = [_regions(str(where.region), profile) for profile in profiles]
    known = frozenset({str(where.region)}).union(*(each for each in found if each))
    return known, None not in found


def _regions(region: str, profile: str | None) -> frozenset[str] | None:
    if profile is None:
        return frozenset({region})
    row = _profiles().get(profile)
    rows = next((rows for rows in _file().aws.rows.values() if region in rows), {})
    if row is None or row.anywhere or not rows:
        return None
    return frozenset(
        name
        for name in rows
        if name == region or any(fnmatchcase(name, pattern) for pattern in row.regions)
    )


def partitions() -> frozenset[str]:
    """Return the AWS partitions whose regions are known."""
    return frozenset(_file().aws.rows)


def derived(where: Where) -> dict[str, Fact]:
    """Return the facts that follow from what an upstream is; what does not follow is absent."""
    found = {"platform": _fact(where.platform, "the configuration")}
    row = _file().platforms.rows.get(where.platform)
    if row is None or where.relay:
        return found
    found["processor"] = _fact(row.processor, f"platform {where.platform}")
    return found | _LOCATED[row.located_by](where)


def bounds(where: Where) -> dict[str, Fact]:
    """Return the places that a request to a relay asks for by its profile or location.

    What answers at an address of its own may be anything, so nothing follows from it. But who
    vouches for it cannot mean fewer places than the request itself leaves open.
    """
    if not where.relay or _located_by(where) in _NAMED:
        return {}
    found = derived(replace(where, relay=False))
    return {name: fact for name, fact in found.items() if name in PLACES}


def bounds_by_model(where: Where) -> dict[str, dict[str, Fact | None]]:
    """Return the same for the models whose id there names another profile."""
    if not where.relay or _located_by(where) in _NAMED:
        return {}
    return derived_by_model(replace(where, relay=False))


def _located_by(where: Where) -> str:
    row = _file().platforms.rows.get(where.platform)
    return "geo" if row is None else row.located_by


def derived_by_model(where: Where) -> dict[str, dict[str, Fact | None]]:
    """Return where models go that the upstream's own place does not hold.

    On AWS their id there names another profile than the upstream's; on the Claude API they do
    not take the field that names a geography.
    """
    row = _file().platforms.rows.get(where.platform)
    if row is None or where.relay:
        return {}
    own = _LOCATED_BY_MODEL.get(row.located_by)
    return {} if own is None else own(where)


def geography(geo: str) -> frozenset[str] | None:
    """Return the countries of a geography as the Claude API names it; None: no such is known."""
    return _file().geos.rows.get(geo)


def _aws_by_model(where: Where) -> dict[str, dict[str, Fact | None]]:
    usual = _aws(where)
    found: dict[str, dict[str, Fact | None]] = {}
    for model, wire_id in where.models.items():
        own = _aws_under(where, profile_of(wire_id))
        if own != usual:
            found[model] = {name: own.get(name) for name in ("processing_in", "storage_in")}
    return found


def profile_of(wire_id: str) -> str | None:
    """Return the profile in an id; None: in-region; "" when the id does not tell (an ARN)."""
    tail = wire_id.rsplit("/", 1)[-1]
    match = _PREFIX.match(tail)
    if match is not None:
        return match[1]
    return None if tail.startswith(_IN_REGION) else ""


def _aws(where: Where) -> dict[str, Fact]:
    return _aws_under(where, where.profile)


def _aws_under(where: Where, profile: str | None) -> dict[str, Fact]:
    """Return what follows from a region and a profile.

    A profile's request is at the source region and at any destination. Copies kept against abuse
    are stored where it was processed (docs.aws.amazon.com: geographic cross-region inference).
    """
    found_in = partition(where.region or "")
    if found_in is None:
        return {}
    origin = f"region {where.region}" + (f", profile {profile}" if profile else "")
    found = {"partition": _fact(found_in, origin)}
    reached = _destinations(_file().aws.rows[found_in], str(where.region), profile)
    if reached:
        found["processing_in"] = found["storage_in"] = _fact(reached, origin)
    return found


def _destinations(
    regions: Mapping[str, str], region: str, profile: str | None
) -> frozenset[str] | None:
    home = regions[region]
    if profile is None:
        return frozenset({home})
    row = _profiles().get(profile)
    if row is None:
        return None
    if row.anywhere:
        return EVERYWHERE
    reached = {
        country
        for name, country in regions.items()
        if any(fnmatchcase(name, pattern) for pattern in row.regions)
    }
    return frozenset({home} | reached) if reached else None


def _google(where: Where) -> dict[str, Fact]:
    reached = _file().google.rows.get(where.region or "")
    return {} if reached is None else {"processing_in": _fact(reached, f"location {where.region}")}


def _geo(where: Where) -> dict[str, Fact]:
    geo = where.geo or "global"
    reached = geography(geo)
    named = _NAMED[_located_by(where)]
    return {} if reached is None else {"processing_in": _fact(reached, f"{named} {geo}")}


def _geo_by_model(where: Where) -> dict[str, dict[str, Fact | None]]:
    try:
        geos = capabilities.load(where.platform).geos
    except LookupError:
        return {}
    if where.geo is None or geos is None or where.geo in geos.anywhere:
        return {}
    anywhere = _fact(EVERYWHERE, f"the model takes no {_NAMED[_located_by(where)]}")
    return {
        model.id: {"processing_in": anywhere}
        for model in catalog.models()
        if model.id not in geos.models
    }


_LOCATED: dict[str, Callable[[Where], dict[str, Fact]]] = {
    _AWS_PLATFORM: _aws,
    "google": _google,
    "geo": _geo,
    "zone": _geo,
}
_LOCATED_BY_MODEL: dict[str, Callable[[Where], dict[str, dict[str, Fact | None]]]] = {
    _AWS_PLATFORM: _aws_by_model,
    "geo": _geo_by_model,
    "zone": _geo_by_model,
}


def _fact(value: frozenset[str] | str, origin: str) -> Fact:
    """What the configuration says is signed off by whoever wrote it; a probe says more."""
    return Fact(value, Assurance.ORG, origin=origin)
