"""Upstreams: one model for each platform, and how each says where it is."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from gateway.config.foundry_upstream import FoundryUpstream
from gateway.config.relay_upstream import RelayUpstream
from gateway.config.secret import Secret
from gateway.config.upstream_section import (
    CredentialKind,
    File,
    KeyedUpstreamSection,
    Project,
    UpstreamSection,
    Word,
    Workspace,
)
from providers.contract import Bearer, ChatDialect, Place


class AnthropicUpstream(KeyedUpstreamSection):
    """The direct API, or a relay that speaks its format."""

    provider: Literal["anthropic"]
    admin_key: Secret | None = None
    """An Admin API key, with which `gateway doctor` asks about the workspace."""
    geo: Word | None = None
    """`us` or `global`: the `inference_geo` of every request there."""
    workspace: Workspace | None = None
    """The id of the workspace of every request there."""

    def place(self) -> Place:
        """Return where it is, in the provider's words."""
        return Place(
            auth=self.auth,
            base_url=self.base_url,
            models=dict(self.models),
            geo=self.geo,
            workspace=self.workspace,
        )


class AwsUpstreamSection(UpstreamSection):
    """What upstreams have in common that AWS lets requests in to."""

    region: Word | None = None
    api_key: Secret | None = None
    """An API key that AWS issued, sent as `authorization: Bearer`."""
    aws_access_key_id: Secret | None = None
    aws_secret_access_key: Secret | None = None
    aws_session_token: Secret | None = None
    aws_profile: Annotated[str, Field(min_length=1)] | None = None
    """A profile of the AWS configuration files; not an inference profile."""

    @property
    def credential_kind(self) -> CredentialKind:
        """Which kind of credential it has; without any, boto3's chain finds one."""
        if self.api_key is not None:
            return "token"
        if self.aws_access_key_id is not None:
            return "aws_keys"
        return "aws_chain" if self.aws_profile is None else "aws_profile"

    @property
    def token(self) -> Secret | None:
        """The secret that travels as it is."""
        return self.api_key

    @property
    def auth(self) -> Bearer | None:
        """How a request is let in; None: signed, as the platform wants it."""
        return None if self.api_key is None else Bearer()


class AwsUpstream(AwsUpstreamSection):
    """Claude Platform on AWS: the Claude API, let in by AWS in one region."""

    provider: Literal["aws"]
    geo: Word | None = None
    """`us` or `global`: the `inference_geo` of every request there."""
    workspace: Workspace | None = None
    """The id of the workspace of every request there; it is needed."""

    def place(self) -> Place:
        """Return where it is, in the provider's words."""
        return Place(
            auth=self.auth,
            base_url=self.base_url,
            region=self.region,
            models=dict(self.models),
            geo=self.geo,
            workspace=self.workspace,
        )


class BedrockUpstream(AwsUpstreamSection):
    """Amazon Bedrock in one region."""

    provider: Literal["bedrock"]
    profile: Word | None = None
    """Inference-profile prefix: `eu`, `us`, `global`, ...; None: in-region."""
    fips: bool = False
    dualstack: bool = False

    def place(self) -> Place:
        """Return where it is, in the provider's words."""
        return Place(
            auth=self.auth,
            base_url=self.base_url,
            region=self.region,
            profile=self.profile,
            models=dict(self.models),
            fips=self.fips,
            dualstack=self.dualstack,
        )


class BedrockMantleUpstream(AwsUpstreamSection):
    """Bedrock's Messages API: processed in one region."""

    provider: Literal["bedrock_mantle"]

    def place(self) -> Place:
        """Return where it is, in the provider's words."""
        return Place(
            auth=self.auth,
            base_url=self.base_url,
            region=self.region,
            models=dict(self.models),
        )


class GoogleUpstreamSection(UpstreamSection):
    """What upstreams have in common that Google lets requests in to."""

    project: Project | None = None
    region: Word | None = None
    """A location: `europe-west1`, `eu`, `us`, `global`."""
    credentials_file: File | None = None
    access_token: Secret | None = None

    @property
    def credential_kind(self) -> CredentialKind:
        """Which kind of credential it has; without any, Google's default one is used."""
        if self.access_token is not None:
            return "google_token"
        return "google_adc" if self.credentials_file is None else "google_file"

    @property
    def token(self) -> Secret | None:
        """The secret that travels as it is."""
        return self.access_token


class GoogleCloudUpstream(GoogleUpstreamSection):
    """Claude on Google Cloud as Anthropic runs it."""

    provider: Literal["google_cloud"]
    geo: Word | None = None
    """`us` or `global`: the `inference_geo` of every request there."""
    workspace: Workspace | None = None
    """The id of the workspace of every request there; it is needed."""

    def place(self) -> Place:
        """Return where it is, in the provider's words."""
        return Place(
            base_url=self.base_url,
            region=self.region,
            project=self.project,
            models=dict(self.models),
            geo=self.geo,
            workspace=self.workspace,
        )


class OpenaiRelayUpstream(UpstreamSection):
    """Whatever serves Claude as chat completions."""

    provider: Literal["openai_relay"]
    api_key: Secret | None = None
    """Sent as `authorization: Bearer`."""
    cache_markers: bool = False
    """Whether it reads `cache_control` inside content parts; without, they are not sent."""
    max_tokens_field: Literal["max_completion_tokens", "max_tokens"] = "max_completion_tokens"
    """What `max_tokens` is called there."""

    @property
    def credential_kind(self) -> CredentialKind:
        """Which kind of credential it has."""
        return "token"

    @property
    def token(self) -> Secret | None:
        """The secret that travels as it is."""
        return self.api_key

    def place(self) -> Place:
        """Return where it is, in the provider's words."""
        return Place(
            base_url=self.base_url,
            models=dict(self.models),
            chat=ChatDialect(self.max_tokens_field, self.cache_markers),
        )


class VertexUpstream(GoogleUpstreamSection):
    """Claude on Google's Vertex AI in one location."""

    provider: Literal["vertex"]

    def place(self) -> Place:
        """Return where it is, in the provider's words."""
        return Place(
            base_url=self.base_url,
            region=self.region,
            project=self.project,
            models=dict(self.models),
        )


Upstream = (
    AnthropicUpstream
    | AwsUpstream
    | BedrockMantleUpstream
    | BedrockUpstream
    | FoundryUpstream
    | GoogleCloudUpstream
    | OpenaiRelayUpstream
    | RelayUpstream
    | VertexUpstream
)

UPSTREAMS: dict[str, type[Upstream]] = {
    "anthropic": AnthropicUpstream,
    "aws": AwsUpstream,
    "bedrock": BedrockUpstream,
    "bedrock_mantle": BedrockMantleUpstream,
    "foundry": FoundryUpstream,
    "google_cloud": GoogleCloudUpstream,
    "openai_relay": OpenaiRelayUpstream,
    "relay": RelayUpstream,
    "vertex": VertexUpstream,
}
"""Provider -> the model of its upstreams."""
