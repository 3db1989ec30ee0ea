"""Claude on Amazon Bedrock's Messages API: the Claude API's format, processed in one region."""

from __future__ import annotations

import msgspec
from msgspec import Raw, structs

from providers import capabilities
from providers.codecs import anthropic_body, aws_regions, errors, places
from providers.codecs.anthropic_format import AnthropicFormat
from providers.contract import (
    Endpoint,
    Failure,
    Fields,
    Headers,
    Loss,
    Operation,
    Place,
    PlaceError,
    SigV4,
    WireRequest,
    header,
)

SERVICE = "bedrock-mantle"
"""What requests are signed for, and the start of the host: anthropic 2.12 `lib/bedrock/_mantle.py`.
litellm 1.109.1 signs for `bedrock`."""

_PROFILE = "anthropic-user-profile-id"
_PROFILE_FIELD = "user_profile_id"
_PARTITIONS = frozenset({"aws", "aws-us-gov"})


class BedrockMantle(AnthropicFormat):
    """Provider for Bedrock's Messages API."""

    name = "bedrock_mantle"
    trusted = False

    def endpoint(self, place: Place) -> Endpoint:
        """Complete a place: it needs a region, in which requests are processed.

        The default is to sign as service `bedrock-mantle`. Raises PlaceError.
        """
        title = "Bedrock's Messages API"
        places.refuse(place, title, "project", "profile", "geo", "workspace", "fips", "dualstack")
        region = places.segment("region", place.region, "eu-central-1")
        return Endpoint(
            base_url=places.base_url(place, f"https://{_host(region)}/anthropic"),
            auth=place.auth or SigV4(SERVICE, region),
            models=capabilities.platform_models(capabilities.load(self.name), place),
            region=region,
        )

    def encode(
        self,
        operation: Operation,
        fields: Fields,
        endpoint: Endpoint,
        losses: tuple[Loss, ...] = (),
    ) -> WireRequest:
        """Return the caller's body with the platform's id of the model.

        A user profile travels in the body here, and in a header everywhere else.
        """
        return super().encode(operation, _profiled(fields), endpoint, losses)

    def failure(self, status: int, headers: Headers, body: bytes) -> Failure:
        """Classify an error: Anthropic's envelope, or an exception of AWS."""
        name = (header(headers, "x-amzn-errortype") or "").partition(":")[0]
        return errors.http_error(
            status, headers, body, trusted=False, platform="bedrock", name=name
        )


def _host(region: str) -> str:
    partition = aws_regions.partition(region)
    if partition.name not in _PARTITIONS:
        reason = f"Bedrock's Messages API is not known to be in the partition {partition.name}"
        raise PlaceError("region", f'{reason} of {region}; use provider = "bedrock" there')
    return f"{SERVICE}.{region}.api.aws"


def _profiled(fields: Fields) -> Fields:
    profile = header(fields.headers, _PROFILE)
    if profile is None:
        return fields
    more = {_PROFILE_FIELD: profile}
    return structs.replace(
        fields,
        raw=anthropic_body.extended(fields.raw, more),
        body={**fields.body, _PROFILE_FIELD: Raw(msgspec.json.encode(profile))},
        headers=tuple(pair for pair in fields.headers if pair[0] != _PROFILE),
    )
