"""From an upstream's credential settings to its signer."""

from __future__ import annotations

from gateway.credentials.aws import AwsSigner
from gateway.credentials.azure import AzureSigner
from gateway.credentials.contract import CredentialError, Signer
from gateway.credentials.google import GoogleSigner
from gateway.credentials.settings import CredentialKind, CredentialSettings
from gateway.credentials.static import StaticSigner
from providers.contract import Auth, Bearer, SigV4


def signer(settings: CredentialSettings, auth: Auth) -> Signer:
    """Return the signer for one upstream. Cheap: nothing is fetched and no library loads yet.

    Raises CredentialError when the settings are incomplete or do not fit `auth`.
    """
    match settings.kind:
        case CredentialKind.TOKEN | CredentialKind.GOOGLE_TOKEN:
            return StaticSigner(settings.token or "", auth)
        case CredentialKind.AWS_KEYS | CredentialKind.AWS_PROFILE | CredentialKind.AWS_CHAIN:
            return AwsSigner(settings, _sigv4(settings, auth))
        case CredentialKind.GOOGLE_FILE | CredentialKind.GOOGLE_ADC:
            _needs_bearer(settings, auth)
            return GoogleSigner(settings)
        case (
            CredentialKind.AZURE_SECRET
            | CredentialKind.AZURE_CERTIFICATE
            | CredentialKind.AZURE_WORKLOAD
            | CredentialKind.AZURE_MANAGED
            | CredentialKind.AZURE_DEFAULT
        ):
            _needs_bearer(settings, auth)
            return AzureSigner(settings)
        case CredentialKind.ANTHROPIC_CHAIN:
            _needs_bearer(settings, auth)
            return _chain_signer(settings)


def _chain_signer(settings: CredentialSettings) -> Signer:
    from gateway.credentials import anthropic_chain  # noqa: PLC0415 - the SDK loads when used

    found = anthropic_chain.find_chain(settings.base_url)
    if found is None:
        raise CredentialError(
            "no Anthropic credential was found: set ANTHROPIC_API_KEY or ANTHROPIC_AUTH_TOKEN, "
            "or log in to a profile"
        )
    return anthropic_chain.ChainSigner(found)


def _sigv4(settings: CredentialSettings, auth: Auth) -> SigV4:
    if isinstance(auth, SigV4):
        return auth
    raise CredentialError(
        f"{settings.kind.value} signs requests, but this upstream takes a token; use kind token"
    )


def _needs_bearer(settings: CredentialSettings, auth: Auth) -> None:
    if not isinstance(auth, Bearer):
        raise CredentialError(
            f"{settings.kind.value} gives a bearer token, which this upstream does not take"
        )
