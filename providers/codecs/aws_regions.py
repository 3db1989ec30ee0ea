"""AWS's regions: which partition each is in, and what its hosts end in."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from providers.contract import PlaceError

_FILE = Path(__file__).parents[1] / "data" / "aws_regions.toml"


@dataclass(frozen=True, slots=True)
class Partition:
    """Regions that share accounts, credentials and the ends of hosts."""

    name: str
    region: re.Pattern[str]
    suffix: str
    dualstack_suffix: str
    lacks: str = ""
    """Why Claude cannot be had there; empty: it can."""


@dataclass(frozen=True, slots=True)
class Table:
    """What `data/aws_regions.toml` says."""

    partitions: tuple[Partition, ...]
    fips: frozenset[str]
    """Regions with a FIPS endpoint of Bedrock's runtime."""
    tiers: Mapping[str, str]
    """Service tier in an answer's header -> Anthropic's word for it."""


@cache
def table() -> Table:
    """Return the table."""
    raw = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    return Table(
        partitions=tuple(
            Partition(
                row["name"],
                re.compile(row["region"]),
                row["suffix"],
                row["dualstack_suffix"],
                row.get("lacks", ""),
            )
            for row in raw["partitions"]["rows"]
        ),
        fips=frozenset(raw["fips"]["regions"]),
        tiers=raw["service_tiers"]["rows"],
    )


def partition(region: str) -> Partition:
    """Return the partition of a region; raises PlaceError for what is none, or has no Claude."""
    found = next((each for each in table().partitions if each.region.match(region)), None)
    if found is None:
        raise PlaceError("region", f"{region!r} is no AWS region; write it like eu-central-1")
    if found.lacks:
        raise PlaceError("region", f"{region} is in the partition {found.name}: {found.lacks}")
    return found
