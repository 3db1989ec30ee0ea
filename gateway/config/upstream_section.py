"""What the upstreams of all platforms have: their settings' types, and those they share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
)

from gateway.config.addresses import is_loopback_url, split_url, url_fault
from gateway.config.secret import Secret, references, refuse
from providers.contract import ApiKey, Bearer

CredentialKind = Literal[
    "token",
    "aws_keys",
    "aws_profile",
    "aws_chain",
    "google_file",
    "google_token",
    "google_adc",
    "azure_secret",
    "azure_certificate",
    "azure_workload",
    "azure_managed",
    "azure_default",
]
"""Which kind of credential an upstream has."""


def _base_url(text: str) -> str:
    if fault := url_fault(text):
        refuse(fault, "write https://host or https://host/path")
    return text.rstrip("/")


def _file(text: str, info: ValidationInfo) -> str:
    known = references(info)
    path = ((known.directory or Path()) / text).absolute()
    if known.required and not path.is_file():
        refuse(f"there is no file {path}")
    return str(path)


def _open_proxy(value: object) -> object:
    """Let a proxy be written out while it names no user; else it must be a reference."""
    if not isinstance(value, str) or "${" in value:
        return value
    if "@" in value:
        refuse("is a secret written out", "write ${VARIABLE} or ${file:/path}")
    return Secret("the configuration", value)


def _proxy(secret: Secret) -> Secret:
    parts = split_url(secret.reveal()) if secret.present else urlsplit("http://unknown:1")
    if parts is None or parts.scheme != "http" or not parts.port or parts.path.strip("/"):
        refuse("is no proxy address", "write http://host:port")
    return secret


Word = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9-]+$")]
"""A name that becomes part of a host."""
Workspace = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9_-]+$")]
"""The id of a workspace; it becomes a header."""
Project = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9.:-]+$")]
"""A Google Cloud project id; old ones are `domain.example:name`."""
ModelId = Annotated[str, Field(min_length=1, max_length=512, pattern=r"^[A-Za-z0-9._:/@-]+$")]
"""A model id, a profile id or an ARN."""
BaseUrl = Annotated[str, AfterValidator(_base_url)]
File = Annotated[str, Field(min_length=1), AfterValidator(_file)]
Proxy = Annotated[Secret, BeforeValidator(_open_proxy), AfterValidator(_proxy)]


class UpstreamSection(BaseModel):
    """What every upstream has, wherever it is."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, hide_input_in_errors=True)

    name: str
    """The name of its table."""
    base_url: BaseUrl | None = None
    control_url: BaseUrl | None = None
    """Where `gateway doctor` asks about it; None: the platform's own host."""
    proxy: Proxy | None = None
    ca_file: File | None = None
    client_cert: File | None = None
    allow_private_network: bool = False
    fidelity: Literal["strict", "lenient"] = "strict"
    """`strict`: a request that the platform cannot take whole does not go there."""
    models: dict[ModelId, ModelId] = Field(default_factory=dict)
    """Canonical id -> platform id, over what the provider's table says."""

    @property
    def private_network(self) -> bool:
        """Whether it may be on a private address: said so, or its URL is on this machine."""
        return self.allow_private_network or is_loopback_url(self.base_url)


class KeyedUpstreamSection(UpstreamSection):
    """What upstreams have in common that are let in by one secret, in a header of choice."""

    api_key: Secret | None = None
    """Sent as `x-api-key`."""
    auth_token: Secret | None = None
    """Sent as `authorization: Bearer`."""

    @property
    def credential_kind(self) -> CredentialKind:
        """Which kind of credential it has."""
        return "token"

    @property
    def token(self) -> Secret | None:
        """The secret that travels as it is."""
        return self.api_key or self.auth_token

    @property
    def auth(self) -> ApiKey | Bearer:
        """How a request is let in."""
        return ApiKey() if self.api_key is not None else Bearer()
