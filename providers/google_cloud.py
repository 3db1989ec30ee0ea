"""Claude on Google Cloud as Anthropic runs it: the Claude API behind Google's door."""

from __future__ import annotations

from msgspec import structs

from providers import capabilities
from providers.codecs import places, residency
from providers.codecs.anthropic_format import AnthropicFormat
from providers.contract import (
    Bearer,
    Endpoint,
    Errand,
    Fields,
    Loss,
    Operation,
    Place,
    WireRequest,
)

_ORIGIN = "https://claude.googleapis.com"
"""anthropic 2.12 `lib/google_cloud`; its README calls the names provisional."""
_LOCATION = "global"


class GoogleCloud(AnthropicFormat):
    """Provider for the Anthropic-managed service on Google Cloud."""

    name = "google_cloud"

    def endpoint(self, place: Place) -> Endpoint:
        """Complete a place: it needs a project and a workspace; raises PlaceError.

        The region is Google's location, `global` where none is given. It is where Google lets a
        request in; where it is processed is told by `geo`, and otherwise by nothing.
        """
        title = "The Anthropic-managed service on Google Cloud"
        places.refuse(place, title, "profile", "fips", "dualstack")
        project = places.segment("project", place.project, "my-project")
        location = places.segment("region", place.region or _LOCATION, _LOCATION)
        workspace = places.workspace(place.workspace, "it stands in every path")
        root = f"/v1/projects/{project}/locations/{location}/workspaces/{workspace}/invoke"
        return Endpoint(
            base_url=places.base_url(place, f"{_ORIGIN}{root}"),
            auth=place.auth or Bearer(),
            models=capabilities.platform_models(capabilities.load(self.name), place),
            region=location,
            project=project,
            geo=place.geo,
            workspace=workspace,
        )

    def encode(
        self,
        operation: Operation,
        fields: Fields,
        endpoint: Endpoint,
        losses: tuple[Loss, ...] = (),
    ) -> WireRequest:
        """Return the request without the header of a workspace: the path names it."""
        return _without_workspace(super().encode(operation, fields, endpoint, losses))

    def carry(self, errand: Errand, fields: Fields, endpoint: Endpoint) -> WireRequest:
        """Return the request without the header of a workspace: the path names it."""
        return _without_workspace(super().carry(errand, fields, endpoint))


def _without_workspace(request: WireRequest) -> WireRequest:
    kept = tuple(pair for pair in request.headers if pair[0] != residency.WORKSPACE)
    return structs.replace(request, headers=kept)
