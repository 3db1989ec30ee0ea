"""Bedrock's answers as the doctor reads them: exactly these members, or no answer.

Members follow botocore's bedrock service model (API version 2023-04-20).
"""

from __future__ import annotations

import re
from typing import NamedTuple

from msgspec import Struct

from gateway.policy import places
from gateway.policy.facts import EVERYWHERE

_ARN = re.compile(
    r"arn:(?P<partition>aws[a-z-]*):bedrock:(?P<region>[a-z0-9-]*)::foundation-model/(?P<id>.+)"
)


class Retention(Struct):
    """`GetAccountDataRetention`."""

    mode: str


class ProfileModel(Struct):
    """One destination of a profile."""

    modelArn: str  # noqa: N815 - the vendor's name


class Profile(Struct):
    """`GetInferenceProfile`."""

    models: list[ProfileModel]


class ModelDetails(Struct):
    """What `GetFoundationModel` says of a model."""

    modelArn: str  # noqa: N815 - the vendor's name
    inferenceTypesSupported: list[str] = []  # noqa: N815 - the same


class FoundationModel(Struct):
    """`GetFoundationModel`."""

    modelDetails: ModelDetails  # noqa: N815 - the vendor's name


class Agreement(Struct):
    """Whether the model's agreement is signed."""

    status: str


class Availability(Struct):
    """`GetFoundationModelAvailability`."""

    agreementAvailability: Agreement  # noqa: N815 - the vendor's name
    authorizationStatus: str  # noqa: N815 - the same
    entitlementAvailability: str  # noqa: N815 - the same
    regionAvailability: str  # noqa: N815 - the same


class Reach(NamedTuple):
    """Where a model id leads."""

    partitions: frozenset[str]
    regions: frozenset[str]
    """`""`: any Region."""
    base: str
    """The id of the foundation model."""


class UnreadableArn(Exception):
    """A destination that is no ARN of a foundation model."""


def reach(arns: list[str]) -> Reach:
    """Return where ARNs of foundation models are; raises UnreadableArn."""
    found = [_ARN.fullmatch(arn) for arn in arns]
    whole = [each for each in found if each is not None]
    if not whole or len(whole) < len(found):
        raise UnreadableArn
    return Reach(
        frozenset(each["partition"] for each in whole),
        frozenset(each["region"] for each in whole),
        whole[0]["id"],
    )


def countries(home: str, regions: frozenset[str]) -> frozenset[str] | None:
    """Return the countries of a source region and its destinations; None: one is unknown."""
    if "" in regions:
        return EVERYWHERE
    found = {places.country(region) for region in regions | {home}}
    return None if None in found else frozenset(each for each in found if each)
