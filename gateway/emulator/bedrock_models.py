"""Which model a Bedrock model id means, and where that id may be called."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from gateway.emulator.models import table
from gateway.emulator.problems import Problem

_ARN = re.compile(
    r"arn:aws(?:-[^:]+)?:bedrock:(?P<region>[a-z0-9-]+):(?P<account>\d*):"
    r"(?P<kind>inference-profile|application-inference-profile|foundation-model)/(?P<id>.+)"
)


@dataclass(frozen=True, slots=True)
class BedrockModel:
    """One model as bedrock-runtime serves it."""

    name: str
    """The canonical id."""
    base: str
    profiles: frozenset[str]
    """Prefixes of its inference profiles."""
    on_demand: frozenset[str]
    """Regions that serve the base id without a profile."""
    legacy: bool
    """Takes only the versions in `legacy_versions`."""
    count_tokens: bool


@dataclass(frozen=True, slots=True)
class BedrockTable:
    """`data/bedrock.toml`, as far as it is about model ids."""

    account: str
    models: Mapping[str, BedrockModel]
    """By base id."""
    profiles: Mapping[str, tuple[str, ...]]
    application_profiles: Mapping[str, str]
    destinations: Mapping[str, tuple[str, ...]]
    """Profile prefix -> the regions its requests may go to; `""`: any."""


@cache
def bedrock_table() -> BedrockTable:
    """Return the table of model ids."""
    data = table("bedrock.toml")
    rows = {name: data["defaults"] | own for name, own in data["models"].items()}
    models = {
        row["base"]: BedrockModel(
            name=name,
            base=row["base"],
            profiles=frozenset(row["profiles"]),
            on_demand=frozenset(row["on_demand"]),
            legacy=row["legacy"],
            count_tokens=row["count_tokens"],
        )
        for name, row in rows.items()
    }
    profiles = {prefix: tuple(regions) for prefix, regions in data["profiles"].items()}
    destinations = {prefix: tuple(regions) for prefix, regions in data["destinations"].items()}
    return BedrockTable(
        data["account"], models, profiles, data["application_profiles"], destinations
    )


def invoked(identifier: str, region: str | None) -> BedrockModel:
    """Return the model that an id, a profile id or an ARN invokes.

    Args:
        identifier: `modelId` of the request, percent-decoded.
        region: The region called; None where it cannot be known (then a profile passes anywhere).

    Raises:
        Problem: In the words of AWS; its kind is the name of the exception.
    """
    known = bedrock_table()
    profile, base = split(local(identifier, region, known), known)
    model = known.models.get(base)
    if model is None or (profile is not None and profile not in model.profiles):
        raise _unknown()
    if profile is None and region not in model.on_demand:
        raise _invalid(
            f"Invocation of model ID {identifier} with on-demand throughput isn't supported. "
            "Retry your request with the ID or ARN of an inference profile that contains this "
            "model."
        )
    if profile is not None and region is not None and not callable_from(profile, region, known):
        raise _invalid("The provided model identifier is invalid.")
    return model


def counted(identifier: str, region: str | None) -> BedrockModel:
    """Return the model whose tokens an id counts; raises Problem as `invoked` does.

    CountTokens takes ids of foundation models, and not of every one.
    """
    known = bedrock_table()
    profile, base = split(local(identifier, region, known), known)
    model = known.models.get(base)
    if model is None:
        raise _unknown()
    if profile is not None:
        raise _invalid("The provided model identifier is invalid.")
    if not model.count_tokens:
        raise _invalid("The provided model doesn't support counting tokens.")
    return model


def local(identifier: str, region: str | None, known: BedrockTable) -> str:
    """Return the id inside an ARN, an application profile resolved; other ids as they are."""
    if not identifier.startswith("arn:"):
        return identifier
    arn = _ARN.fullmatch(identifier)
    if arn is None or region not in {None, arn["region"]}:
        raise _invalid("The provided model identifier is invalid.")
    if arn["kind"] == "foundation-model":
        return arn["id"]
    if arn["account"] != known.account:
        raise Problem(
            403,
            "You don't have access to the model with the specified model ID.",
            kind="AccessDeniedException",
        )
    if arn["kind"] == "inference-profile":
        return arn["id"]
    if arn["id"] not in known.application_profiles:
        raise _unknown()
    return known.application_profiles[arn["id"]]


def scope_of(identifier: str, region: str | None) -> str:
    """Return how far a request may travel that an id, a profile id or an ARN invokes."""
    known = bedrock_table()
    profile, _ = split(local(identifier, region, known), known)
    if (profile or region or "").startswith("us-gov"):
        return "government"
    if profile is None:
        return "in_region"
    return "global" if profile == "global" else "geo"


def split(identifier: str, known: BedrockTable) -> tuple[str | None, str]:
    """Return (profile prefix or None, base id)."""
    prefix, _, rest = identifier.partition(".")
    return (prefix, rest) if prefix in known.profiles else (None, identifier)


def callable_from(profile: str, region: str, known: BedrockTable) -> bool:
    """Say whether a profile may be called from a region."""
    return any(
        region == place or (place.endswith("-") and region.startswith(place))
        for place in known.profiles[profile]
    )


def _unknown() -> Problem:
    return Problem(
        404,
        "Could not resolve the foundation model from the provided model identifier.",
        kind="ResourceNotFoundException",
    )


def _invalid(message: str) -> Problem:
    return Problem(400, message, kind="ValidationException")
