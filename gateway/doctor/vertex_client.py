"""A client of Vertex AI's Model Garden for one upstream.

Importing this module loads google-cloud-aiplatform, which takes seconds.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from google.cloud.aiplatform_v1.services.model_garden_service import ModelGardenServiceClient
from google.cloud.aiplatform_v1.services.model_garden_service.transports import (
    ModelGardenServiceRestTransport,
)
from google.oauth2.credentials import Credentials

from gateway.config import VertexUpstream


class _Transport(ModelGardenServiceRestTransport):  # type: ignore[misc]  # not followed
    """The vendor's REST transport, without redirects and without proxies of the environment."""

    def __init__(self, section: VertexUpstream, url: str, token: str) -> None:
        at = urlsplit(url)
        super().__init__(
            host=at.netloc if at.port else f"{at.netloc}:{443 if at.scheme == 'https' else 80}",
            url_scheme=at.scheme,
            credentials=Credentials(token),  # type: ignore[no-untyped-call]
        )
        session = self._session
        session.max_redirects = 0
        session.trust_env = False
        session.verify = section.ca_file or True
        session.cert = section.client_cert
        if section.proxy is not None:
            proxy = section.proxy.reveal()
            session.proxies = {"https": proxy, "http": proxy}


def model_garden(section: VertexUpstream, url: str, token: str) -> Any:
    """Return the Model Garden client that asks at `url` with an access token."""
    return ModelGardenServiceClient(transport=_Transport(section, url, token))
