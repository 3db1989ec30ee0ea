"""What a model id of Bedrock names: a model, and where the request may be processed.

Who speaks Bedrock's format is not bound to Bedrock. A profile's prefix stands for the countries of
its regions, an id without one for the country of the region that the request is signed for.
Another partition than the commercial one has accounts and promises of its own: what names one is
bound to the platform there.
"""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from gateway.errors import Malformed, UnknownModel, quoted
from gateway.formats.bedrock.table import table
from gateway.policy import places, zones
from gateway.within import Within
from providers import capabilities, catalog
from providers.contract import Headers

_PLATFORM = "bedrock"
_COMMERCIAL = "aws"
_ID = re.compile(r"(?!arn:)[A-Za-z0-9][A-Za-z0-9._:\[\]-]{0,255}")
_ARN = re.compile(
    r"arn:(?P<partition>aws[a-z-]*):bedrock:(?P<region>[a-z0-9-]{0,20}):(?:\d{12})?:"
    r"(?P<kind>[a-z-]+)/(?P<name>[A-Za-z0-9._:/-]{1,256})"
)
_ANY_ARN = re.compile(r"arn:aws[a-z-]*:(?:bedrock|sagemaker):[A-Za-z0-9._:/-]{1,2000}")
_TELLING = frozenset({"foundation-model", "inference-profile"})
"""The kinds of ARN whose name is a model id."""
_SIGNED = "AWS4-"
_SCOPE = re.compile(r"AWS4-HMAC-SHA256\s+Credential=[^/,\s]+/\d{8}/(?P<region>[a-z0-9-]{1,30})/")
UNREADABLE = "?"
"""Stands for a region that a signature has and that cannot be read."""


class Named(NamedTuple):
    """What an id names."""

    model: str
    """What is asked for: a canonical id, or an id that binds to a platform or an upstream."""
    within: Within | None = None


def signed_region(headers: Headers) -> str | None:
    """Return the region in the credential scope of a signature (SigV4); None: there is none."""
    for name, value in headers:
        if name == "authorization" and value.startswith(_SIGNED):
            found = _SCOPE.match(value)
            return UNREADABLE if found is None else found["region"]
    return None


def read(written: str, region: str | None) -> Named:
    """Return what an id names.

    Args:
        written: The id or ARN as the path has it, percent-decoded.
        region: The region that the request is signed for; None: it is not signed.

    Raises:
        Malformed: It is no id, or its region is not known.
        UnknownModel: No model has it.
    """
    arn = _ARN.fullmatch(written)
    if arn is not None and arn["kind"] in _TELLING:
        spoken = {arn["partition"], places.partition(arn["region"])}
        return _named(written, arn["name"], arn["region"] or region, spoken)
    if _ANY_ARN.fullmatch(written):
        return Named(written)
    if not _ID.fullmatch(written):
        raise Malformed(f"The model identifier {quoted(written)!r} is not valid.{_near(written)}")
    return _named(written, written, region, {places.partition(region or "")})


def _named(
    written: str, name: str, region: str | None, partitions: AbstractSet[str | None]
) -> Named:
    found = _resolved(name)
    profile = places.profile_of(name)
    anywhere = found.narrow is None or found.narrow.profile is None
    if profile and not anywhere and not places.countries_of_profile(profile):
        # A profile of another partition, such as GovCloud's.
        return Named(name)
    if partitions - {None, _COMMERCIAL}:
        if region is None:
            raise Malformed(f"{quoted(written)} is in a partition of its own: name the region.")
        return Named(f"{_PLATFORM}/{region}/{name}")
    if profile:
        return Named(found.canonical, None if anywhere else _under(profile, name))
    return Named(found.canonical, None if region is None else _in_region(written, region))


def _under(profile: str, name: str) -> Within:
    zone = zones.shipped().get(table().zones.rows.get(profile, ""), frozenset())
    return Within(name, places.countries_of_profile(profile) | zone)


def _in_region(written: str, region: str) -> Within:
    country = places.country(region)
    if country is None:
        raise Malformed(
            f"{quoted(written)} is processed in the region that the request is signed for, and "
            f"nobody says in which country {quoted(region)} is."
        )
    return Within(region, frozenset({country}))


def _resolved(name: str) -> catalog.Resolved:
    try:
        found = catalog.resolve(name)
    except catalog.UnknownModel:
        raise UnknownModel(f"model: {quoted(name)} is not known.{_near(name)}") from None
    if found.narrow is not None and found.narrow.platform != _PLATFORM:
        raise UnknownModel(f"model: {quoted(name)} is an id of another platform.{_near(name)}")
    return found


def _near(written: str) -> str:
    """Name ids that look like one, as Bedrock spells them where it has the model."""
    rows = capabilities.load(_PLATFORM).models
    near = [rows[each].id if each in rows else each for each in catalog.near(written)]
    return f" Near names: {', '.join(near)}." if near else ""
