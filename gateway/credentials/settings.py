"""What an operator says about one upstream's credential."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NoReturn


class CredentialKind(StrEnum):
    """Where a credential comes from."""

    TOKEN = "token"  # noqa: S105 - the name of a kind, not a secret
    """A key or token as it stands: an API key, a Bedrock API key, an access token."""
    AWS_KEYS = "aws_keys"
    AWS_PROFILE = "aws_profile"
    AWS_CHAIN = "aws_chain"
    """Whatever botocore's chain finds: environment, files, SSO, container, instance."""
    GOOGLE_FILE = "google_file"
    """A service-account key file."""
    GOOGLE_TOKEN = "google_token"  # noqa: S105 - the name of a kind, not a secret
    """An OAuth access token that somebody else renews."""
    GOOGLE_ADC = "google_adc"
    """Application Default Credentials."""
    AZURE_SECRET = "azure_secret"  # noqa: S105 - the name of a kind, not a secret
    """A service principal's client secret."""
    AZURE_CERTIFICATE = "azure_certificate"
    """A service principal's certificate with its private key."""
    AZURE_WORKLOAD = "azure_workload"
    """A token file of Kubernetes or another issuer that Entra trusts."""
    AZURE_MANAGED = "azure_managed"
    """The identity that Azure gives the machine."""
    AZURE_DEFAULT = "azure_default"
    """What the environment names, or the machine's identity; no developer's tool is run."""
    ANTHROPIC_CHAIN = "anthropic_chain"
    """The Anthropic SDK's own chain: token variable, profile, workload identity."""


AZURE = frozenset(kind for kind in CredentialKind if kind.name.startswith("AZURE_"))
"""What Entra gives a token for."""


@dataclass(frozen=True, slots=True)
class CredentialSettings:
    """One upstream's credential, with every secret already read.

    Fields that a kind does not need stay at their defaults.
    """

    kind: CredentialKind
    token: str | None = field(default=None, repr=False)
    """For `token` and `google_token`."""
    access_key_id: str | None = field(default=None, repr=False)
    secret_access_key: str | None = field(default=None, repr=False)
    session_token: str | None = field(default=None, repr=False)
    profile: str | None = None
    """For `aws_profile`: a name in the AWS configuration files."""
    file: str | None = None
    """The path of a key or token file: `google_file`, `azure_certificate`, `azure_workload`."""
    tenant_id: str | None = None
    client_id: str | None = None
    """For Entra: whose token is asked for; for `azure_managed` None is the machine's own."""
    client_secret: str | None = field(default=None, repr=False)
    file_password: str | None = field(default=None, repr=False)
    """For `azure_certificate`: what the private key is encrypted with."""
    authority: str = ""
    """For Entra: `https://host` of the token endpoint."""
    token_hosts: tuple[str, ...] = ()
    """Further hosts (`host` or `host:port`) that tokens may be fetched from."""
    base_url: str = "https://api.anthropic.com"
    """For `anthropic_chain`: the deployment whose token endpoint is asked."""
    ca_file: str | None = None
    """For Google's and Entra's tokens: a PEM file to trust instead of the system's authorities."""
    proxy: str | None = field(default=None, repr=False)
    """For the same: `http://[user:password@]host:port`; never from the environment."""

    def __reduce__(self) -> NoReturn:
        raise TypeError("credential settings hold secrets and are not pickled")
