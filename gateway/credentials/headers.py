"""How a credential joins a request's headers."""

from __future__ import annotations

from gateway.credentials.contract import CredentialError
from providers.contract import Headers

CREDENTIAL_HEADERS = frozenset(
    {
        "api-key",
        "authorization",
        "proxy-authorization",
        "x-amz-date",
        "x-amz-security-token",
        "x-api-key",
    }
)
"""Headers that carry a credential; only a signer may set them."""


def without_credentials(headers: Headers) -> Headers:
    """Return `headers` without any credential that came from elsewhere."""
    return tuple([pair for pair in headers if pair[0] not in CREDENTIAL_HEADERS])


def checked_secret(secret: str, what: str) -> str:
    """Return `secret` if it can stand in a header; `what` names it in the error.

    Raises CredentialError for an empty value, blanks, line breaks and anything not ASCII.
    """
    if not secret:
        raise CredentialError(f"{what} is empty")
    if not (secret.isascii() and secret.isprintable()) or " " in secret:
        raise CredentialError(
            f"{what} holds a blank, a line break or a character outside ASCII; "
            "give the bare value, without quotes or a trailing line break"
        )
    return secret
