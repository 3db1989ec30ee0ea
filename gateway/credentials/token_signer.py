"""A bearer token that a cloud's own library fetches."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NoReturn

from gateway.credentials.headers import without_credentials
from gateway.credentials.lease import Lease
from gateway.credentials.renewal import Renewal
from providers.contract import Headers, WireRequest


class TokenSigner:
    """Sends an access token, renewed when less than five minutes of it are left.

    `fetch` and `what` are those of `Renewal`; `clock` returns seconds since the epoch.
    """

    __slots__ = ("_renewal",)

    def __init__(
        self,
        fetch: Callable[[float], Lease[str]],
        what: str,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._renewal: Renewal[str] = Renewal(fetch, what, clock=clock)

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
