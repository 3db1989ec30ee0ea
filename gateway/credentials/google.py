"""Google Cloud credentials: a bearer token. google-auth loads in the first refresh."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NoReturn

from gateway.credentials.contract import CredentialError
from gateway.credentials.headers import without_credentials
from gateway.credentials.lease import Lease
from gateway.credentials.renewal import Renewal
from gateway.credentials.settings import CredentialKind, CredentialSettings
from providers.contract import Headers, WireRequest


class GoogleSigner:
    """Sends an access token, renewed when less than five minutes of it are left.

    Raises CredentialError when the settings of its kind are incomplete. `clock` returns seconds
    since the epoch.
    """

    __slots__ = ("_renewal",)

    def __init__(
        self, settings: CredentialSettings, *, clock: Callable[[], float] = time.time
    ) -> None:
        _check(settings)
        self._renewal: Renewal[str] = Renewal(
            lambda now_s: _fetch(settings, now_s), "the Google access token", clock=clock
        )

    def fresh(self) -> bool:
        """Say whether there is a token with more than half a minute left."""
        return self._renewal.fresh()

    def refresh(self, timeout_s: float) -> None:
        """Fetch a token, or join the fetch in progress. Raises CredentialError."""
        self._renewal.refresh(timeout_s)

    def sign(self, request: WireRequest, host: str) -> Headers:  # noqa: ARG002 - the protocol
        """Return the request's headers with the token added."""
        bearer = ("authorization", f"Bearer {self._renewal.value()}")
        return (*without_credentials(request.headers), bearer)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a signer holds a secret and is not pickled")


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
