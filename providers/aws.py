"""Claude Platform on AWS: the Claude API, run by Anthropic, let in and billed by AWS."""

from __future__ import annotations

from providers import capabilities
from providers.codecs import aws_regions, places
from providers.codecs.anthropic_format import AnthropicFormat
from providers.contract import Endpoint, Place, PlaceError, SigV4

SERVICE = "aws-external-anthropic"
"""What requests are signed for, and the start of the host (anthropic 2.12 `lib/aws`)."""

_PARTITION = "aws"


class Aws(AnthropicFormat):
    """Provider for Claude Platform on AWS."""

    name = "aws"

    def endpoint(self, place: Place) -> Endpoint:
        """Complete a place: it needs a region and a workspace; raises PlaceError.

        The default is to sign as service `aws-external-anthropic`. The region is where AWS lets a
        request in; where it is processed is told by `geo`, and otherwise by nothing.
        """
        title = "Claude Platform on AWS"
        places.refuse(place, title, "project", "profile", "fips", "dualstack")
        region = places.segment("region", place.region, "eu-central-1")
        return Endpoint(
            base_url=places.base_url(place, f"https://{_host(region)}"),
            auth=place.auth or SigV4(SERVICE, region),
            models=capabilities.platform_models(capabilities.load(self.name), place),
            region=region,
            geo=place.geo,
            workspace=places.workspace(place.workspace, "each request names it in a header"),
        )


def _host(region: str) -> str:
    partition = aws_regions.partition(region)
    if partition.name != _PARTITION:
        reason = f"Claude Platform on AWS is not in the partition {partition.name} of {region}"
        raise PlaceError("region", f"{reason}; use a commercial region, or Bedrock there")
    return f"{SERVICE}.{region}.api.aws"
