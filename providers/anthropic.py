"""The Claude API itself: the caller's request and its answer travel as they are."""

from __future__ import annotations

import re

from providers import capabilities
from providers.codecs import places
from providers.codecs.anthropic_format import AnthropicFormat
from providers.contract import Bearer, Endpoint, Place, PlaceError

BASE_URL = "https://api.anthropic.com"
"""anthropic 2.12 `_client.py`."""

_WORKSPACE = re.compile(r"wrkspc_[A-Za-z0-9]{1,100}")


class Anthropic(AnthropicFormat):
    """Provider for the Claude API, and for what speaks its format at another base URL."""

    name = "anthropic"

    def endpoint(self, place: Place) -> Endpoint:
        """Complete a place: a base URL, the credential as a bearer token; raises PlaceError.

        With a geography only the models that take `inference_geo` are served there.
        """
        places.refuse(place, "The Claude API", "region", "project", "profile", "fips", "dualstack")
        return Endpoint(
            base_url=places.base_url(place, BASE_URL),
            auth=place.auth or Bearer(),
            models=capabilities.platform_models(capabilities.load(self.name), place),
            geo=place.geo,
            workspace=_workspace(place),
        )


def _workspace(place: Place) -> str | None:
    if place.workspace is not None and not _WORKSPACE.fullmatch(place.workspace):
        raise PlaceError("workspace", f"{place.workspace!r} is not like 'wrkspc_011CZkZaBF1tNoB5'")
    return place.workspace
