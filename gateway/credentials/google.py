"""Google Cloud credentials: a bearer token. google-auth loads in the first refresh."""

from __future__ import annotations

import time
from collections.abc import Callable

from gateway.credentials.contract import CredentialError
from gateway.credentials.lease import Lease
from gateway.credentials.settings import CredentialKind, CredentialSettings
from gateway.credentials.token_signer import TokenSigner


class GoogleSigner(TokenSigner):
    """Sends an access token of Google's.

    Raises CredentialError when the settings of its kind are incomplete.
    """

    __slots__ = ()

    def __init__(
        self, settings: CredentialSettings, *, clock: Callable[[], float] = time.time
    ) -> None:
        _check(settings)
        super().__init__(
            lambda now_s: _fetch(settings, now_s), "the Google access token", clock=clock
        )


def _fetch(settings: CredentialSettings, now_s: float) -> Lease[str]:
    from gateway.credentials import google_tokens  # noqa: PLC0415 - google-auth loads when used

    return google_tokens.fetch_token(settings, now_s)


def _check(settings: CredentialSettings) -> None:
    match settings.kind:
        case CredentialKind.GOOGLE_FILE:
            if not settings.file:
                raise CredentialError("a Google service-account credential needs its key file")
        case CredentialKind.GOOGLE_ADC:
            pass
        case _:
            raise CredentialError(f"{settings.kind.value} fetches no Google token")
