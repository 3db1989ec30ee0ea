"""Claude in Microsoft Foundry: the Claude API's format, by deployment, let in by Azure."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from providers import capabilities
from providers.capabilities import Capabilities
from providers.codecs import azure_clouds, errors, places
from providers.codecs.anthropic_format import AnthropicFormat
from providers.contract import (
    Bearer,
    Endpoint,
    Failure,
    Headers,
    Place,
    PlaceError,
    PlatformModel,
)

AZURE, ANTHROPIC = "azure", "anthropic"
"""Whose machines a deployment runs on."""


class Foundry(AnthropicFormat):
    """Provider for Claude's deployments in one resource of Microsoft Foundry.

    The model on the wire is a deployment's name, which is the model's id unless the operator says
    another.
    """

    name = "foundry"

    def endpoint(self, place: Place) -> Endpoint:
        """Complete a place: it needs a resource or a base URL; raises PlaceError."""
        title = "Microsoft Foundry"
        refused = ("region", "project", "profile", "geo", "workspace", "fips", "dualstack")
        places.refuse(place, title, *refused)
        return Endpoint(
            base_url=_base_url(place),
            auth=place.auth or Bearer(),
            models=_models(capabilities.load(self.name), place),
            zone=place.zone,
        )

    def failure(self, status: int, headers: Headers, body: bytes) -> Failure:
        """Classify an error: Anthropic's envelope, or Azure's."""
        return errors.http_error(status, headers, body, trusted=self.trusted, platform=self.name)


def _base_url(place: Place) -> str:
    if place.base_url is not None:
        if place.resource is not None:
            raise PlaceError(
                "resource", "stands beside base_url, which names one: keep one of them"
            )
        azure_clouds.check_host("base_url", urlsplit(place.base_url).hostname or "")
        return places.base_url(place, "")
    resource = places.segment("resource", place.resource, "my-resource")
    if not resource.replace("-", "").isalnum():
        raise PlaceError("resource", f"{resource!r} is no name of a resource, like 'my-resource'")
    return f"https://{resource}.{azure_clouds.public().domain}/anthropic"


def _models(caps: Capabilities, place: Place) -> Mapping[str, PlatformModel]:
    """Return the deployments; where they are to be hosted on Azure, only models that can be."""
    geos = caps.geos
    if geos is None or place.zone not in (None, *geos.values):
        known = ", ".join(sorted(geos.values)) if geos else "none"
        raise PlaceError("zone", f"{place.zone!r} is no data zone of Claude there: {known}")
    zoned = place.zone is not None and place.zone not in geos.anywhere
    if zoned and place.hosting == ANTHROPIC:
        raise PlaceError("hosting", "only deployments hosted on Azure keep to a data zone")
    served = capabilities.platform_models(caps, place)
    if not zoned and place.hosting != AZURE:
        return served
    return capabilities.only(served, place, geos.models, "is not hosted on Azure")
