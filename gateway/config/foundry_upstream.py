"""Upstreams in Microsoft Foundry: where their deployments are, and how Entra lets one in."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator

from gateway.config.secret import Secret, refuse
from gateway.config.upstream_section import BaseUrl, CredentialKind, File, UpstreamSection, Word
from providers.codecs import azure_clouds
from providers.contract import ApiKey, Bearer, Place, PlaceError


def _authority(url: str) -> str:
    parts = urlsplit(url)
    if parts.path:
        refuse("has a path", "write https://host: the tenant stands in tenant_id")
    try:
        azure_clouds.check_host("authority", parts.hostname or "")
    except PlaceError as error:
        refuse(f"cannot be: {error}")
    return url


Authority = Annotated[BaseUrl, AfterValidator(_authority)]


class FoundryUpstream(UpstreamSection):
    """Claude's deployments in one resource of Microsoft Foundry."""

    provider: Literal["foundry"]
    resource: Word | None = None
    """`my-resource` of `https://my-resource.services.ai.azure.com`; or else a base_url."""
    deployment_type: Literal["global_standard", "us_data_zone_standard"] | None = None
    """The type of its deployments: it tells where they run and what they cost. None: unknown."""
    hosted_on: Literal["azure", "anthropic"] | None = None
    """Whose machines its deployments run on. None: unknown."""
    api_key: Secret | None = None
    access_token: Secret | None = None
    """A token of Entra that somebody else renews."""
    tenant_id: Word | None = None
    client_id: Word | None = None
    """The application or, of managed identities, the one that the user assigned."""
    client_secret: Secret | None = None
    certificate_file: File | None = None
    """A certificate with its private key, PEM or PKCS12."""
    certificate_password: Secret | None = None
    federated_token_file: File | None = None
    """A token of Kubernetes or another issuer that Entra trusts."""
    managed_identity: bool = False
    authority: Authority | None = None
    """Who gives the tokens; None: Entra of Azure's public cloud."""

    @property
    def credential_kind(self) -> CredentialKind:
        """Which kind of credential it has; without any, the environment's or the machine's."""
        if self.token is not None:
            return "token"
        if self.client_secret is not None:
            return "azure_secret"
        if self.certificate_file is not None:
            return "azure_certificate"
        if self.federated_token_file is not None:
            return "azure_workload"
        return "azure_managed" if self.managed_identity else "azure_default"

    @property
    def token(self) -> Secret | None:
        """The secret that travels as it is."""
        return self.api_key or self.access_token

    def place(self) -> Place:
        """Return where it is, in the provider's words."""
        zones = {"global_standard": "global", "us_data_zone_standard": "us", None: None}
        return Place(
            # anthropic 2.12 `lib/foundry.py` sends a key in both.
            auth=Bearer() if self.api_key is None else ApiKey("x-api-key", also=("api-key",)),
            base_url=self.base_url,
            models=dict(self.models),
            resource=self.resource,
            zone=zones[self.deployment_type],
            hosting=self.hosted_on,
        )
