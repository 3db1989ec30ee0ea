"""AWS credentials: signs with Signature Version 4. botocore loads in the first refresh."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, NoReturn

from gateway.credentials.contract import CredentialError
from gateway.credentials.lease import Lease
from gateway.credentials.renewal import Renewal
from gateway.credentials.settings import CredentialKind, CredentialSettings
from providers.contract import Headers, SigV4, WireRequest

if TYPE_CHECKING:
    from gateway.credentials.sigv4 import RequestSigner


class AwsSigner:
    """Signs with keys from one source, renewed before they expire.

    Raises CredentialError when the settings of its kind are incomplete. `clock` returns seconds
    since the epoch; it dates the signature and decides when the keys are renewed.
    """

    __slots__ = ("_clock", "_renewal")

    def __init__(
        self,
        settings: CredentialSettings,
        auth: SigV4,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        _check(settings)
        self._clock = clock
        self._renewal: Renewal[RequestSigner] = Renewal(
            lambda now_s: _fetch(settings, auth, now_s), "the AWS credentials", clock=clock
        )

    def fresh(self) -> bool:
        """Say whether there are keys that do not expire within seconds."""
        return self._renewal.fresh()

    def refresh(self, timeout_s: float) -> None:
        """Fetch keys, or join the fetch in progress. Raises CredentialError."""
        self._renewal.refresh(timeout_s)

    def sign(self, request: WireRequest, host: str) -> Headers:
        """Return the request's headers with date, session token and signature added."""
        return self._renewal.value().sign(request, host, self._clock())

    def __reduce__(self) -> NoReturn:
        raise TypeError("a signer holds a secret and is not pickled")


def _fetch(settings: CredentialSettings, auth: SigV4, now_s: float) -> Lease[RequestSigner]:
    from gateway.credentials import aws_chain  # noqa: PLC0415 - botocore loads when used

    return aws_chain.fetch_signer(settings, auth.service, auth.region, now_s)


def _check(settings: CredentialSettings) -> None:
    match settings.kind:
        case CredentialKind.AWS_KEYS:
            if not settings.access_key_id or not settings.secret_access_key:
                raise CredentialError("AWS keys need both an access key id and a secret access key")
        case CredentialKind.AWS_PROFILE:
            if not settings.profile:
                raise CredentialError("an AWS profile needs its name")
        case CredentialKind.AWS_CHAIN:
            if settings.profile:
                raise CredentialError("the AWS chain takes no profile; use kind aws_profile")
        case _:
            raise CredentialError(f"{settings.kind.value} cannot sign for AWS")
