"""What a model id of Bedrock names: a model, and where the request may be processed.

Who speaks Bedrock's format is not bound to Bedrock. A profile's prefix stands for the countries of
its regions, an id without one for the country of the region that the request is signed for.
Another partition than the commercial one has accounts and promises of its own: what names one is
bound to the platform there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
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
    r"(?P<kind>[a-z-]+)/(?P<name>[A-Za-z0-9._:-]{1,256})"
)
_ANY_ARN = re.compile(r"arn:aws[a-z-]*:(?:bedrock|sagemaker):[A-Za-z0-9._:/-]{1,2000}")
_TELLING = frozenset({"foundation-model", "inference-profile"})
"""The kinds of ARN whose name is a model id."""
_SIGNED = "aws4-"
_SCOPE = re.compile(
    r"(?i:AWS4-HMAC-SHA256)\s+Credential=[^/,\s]+/\d{8}/(?P<region>[a-z0-9-]{1,30})/"
)
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
        if name == "authorization" and value.lower().startswith(_SIGNED):
            found = _SCOPE.match(value)
            return UNREADABLE if found is None else found["region"]
    return None


def read(written: str, region: str | None) -> Named:
    """Return what an id names.

    Args:
        written: The id or ARN as the path has it, percent-decoded.
        region: The region that the request is signed for; None: it is not signed.

    Raises:
        Malformed: It is no id, or nobody knows its region.
        UnknownModel: No model has it.
    """
    arn = _ARN.fullmatch(written)
    if arn is not None and arn["kind"] in _TELLING:
        return _named(written, arn["name"], (arn["region"], region), arn["partition"])
    if _ANY_ARN.fullmatch(written):
        return Named(written)
    if not _ID.fullmatch(written):
        raise Malformed(f"The model identifier '{quoted(written)}' is not valid.{_near(written)}")
    return _named(written, written, (region,))


def _named(
    written: str, name: str, told: Sequence[str | None], partition: str = _COMMERCIAL
) -> Named:
    """Return what an id names; of the regions that are told, the first one counts."""
    found = _resolved(name)
    profile = places.profile_of(name)
    anywhere = found.narrow is None or found.narrow.profile is None
    if profile and not anywhere and not places.countries_of_profile(profile):
        # A profile of another partition, such as GovCloud's.
        return Named(name)
    regions = {each: _partition(written, each) for each in told if each}
    apart = {partition, *regions.values()} - {_COMMERCIAL}
    if apart:
        return Named(f"{_PLATFORM}/{_only(written, regions, apart)}/{name}")
    if profile:
        return Named(found.canonical, None if anywhere else _under(profile, name))
    return Named(found.canonical, _in_region(next(iter(regions), None)))


def _partition(written: str, region: str) -> str:
    found = places.partition(region)
    if found is None:
        raise Malformed(
            f"{quoted(written)} is asked for in a region, and nobody says in which partition and "
            f"country the region {quoted(region)} is."
        )
    return found


def _only(written: str, regions: Mapping[str, str], apart: AbstractSet[str]) -> str:
    """Return the region that binds a request to the one partition of its own that it names."""
    found = [region for region, partition in regions.items() if partition in apart]
    if len(apart) > 1 or not found:
        raise Malformed(f"{quoted(written)} is in a partition of its own: name a region of it.")
    return found[0]


def _under(profile: str, name: str) -> Within:
    zone = zones.shipped().get(table().zones.rows.get(profile, ""), frozenset())
    return Within(name, places.countries_of_profile(profile) | zone)


def _in_region(region: str | None) -> Within | None:
    if region is None:
        return None
    country = places.country(region)
    return Within(region, frozenset() if country is None else frozenset({country}))


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
