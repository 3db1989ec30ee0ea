"""Entra credentials: a bearer token. azure-identity loads in the first refresh."""

from __future__ import annotations

import time
from collections.abc import Callable

from gateway.credentials.contract import CredentialError
from gateway.credentials.lease import Lease
from gateway.credentials.settings import AZURE, CredentialKind, CredentialSettings
from gateway.credentials.token_signer import TokenSigner

_NEEDS = {
    CredentialKind.AZURE_SECRET: ("tenant_id", "client_id", "client_secret"),
    CredentialKind.AZURE_CERTIFICATE: ("tenant_id", "client_id", "file"),
    CredentialKind.AZURE_WORKLOAD: ("tenant_id", "client_id", "file"),
}


class AzureSigner(TokenSigner):
    """Sends an access token of Entra's.

    Raises CredentialError when the settings of its kind are incomplete.
    """

    __slots__ = ()

    def __init__(
        self, settings: CredentialSettings, *, clock: Callable[[], float] = time.time
    ) -> None:
        _check(settings)
        super().__init__(
            lambda now_s: _fetch(settings, now_s), "the Entra access token", clock=clock
        )


def _fetch(settings: CredentialSettings, now_s: float) -> Lease[str]:
    try:
        from gateway.credentials import azure_tokens  # noqa: PLC0415 - an extra
    except ImportError:
        raise CredentialError(
            "azure-identity is not installed, which Entra credentials need: "
            "pip install 'tidegate[azure]'"
        ) from None
    return azure_tokens.fetch_token(settings, now_s)


def _check(settings: CredentialSettings) -> None:
    if settings.kind not in AZURE:
        raise CredentialError(f"{settings.kind.value} fetches no Entra token")
    for name in ("authority", *_NEEDS.get(settings.kind, ())):
        if not getattr(settings, name):
            raise CredentialError(f"{settings.kind.value} needs {name}")
