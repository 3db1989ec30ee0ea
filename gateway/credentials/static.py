"""Credentials that are sent as they stand."""

from __future__ import annotations

from typing import NoReturn

from gateway.credentials.contract import CredentialError
from gateway.credentials.headers import checked_secret, without_credentials
from providers.contract import ApiKey, Auth, Bearer, Headers, WireRequest


class StaticSigner:
    """Sends one secret, as `authorization: Bearer` or in a header of its own.

    Raises CredentialError when the secret cannot stand in a header or `auth` needs another kind.
    """

    __slots__ = ("_headers",)

    def __init__(self, secret: str, auth: Auth) -> None:
        self._headers = _headers(checked_secret(secret, "the token"), auth)

    def fresh(self) -> bool:
        """Say yes: there is nothing to fetch."""
        return True

    def refresh(self, timeout_s: float) -> None:
        """Do nothing: a static credential has no source to ask."""

    def sign(self, request: WireRequest, host: str) -> Headers:  # noqa: ARG002 - the protocol
        """Return the request's headers with the secret added."""
        return (*without_credentials(request.headers), *self._headers)

    def __repr__(self) -> str:
        return f"StaticSigner({', '.join(name for name, _ in self._headers)})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a signer holds a secret and is not pickled")


def _headers(secret: str, auth: Auth) -> Headers:
    match auth:
        case Bearer():
            return (("authorization", f"Bearer {secret}"),)
        case ApiKey():
            return tuple((name, secret) for name in (auth.header, *auth.also))
        case _:
            raise CredentialError(
                "a token cannot sign with AWS Signature Version 4; "
                "use AWS keys, a profile or the AWS chain"
            )
