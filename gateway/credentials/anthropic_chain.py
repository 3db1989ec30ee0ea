"""The Anthropic SDK's own credential chain, for callers that configure nothing.

`anthropic.lib.credentials.default_credentials` looks at the token variable, the profile and
workload identity, in that order. An API key in `ANTHROPIC_API_KEY` is not its matter: it comes
before the chain and is a plain token.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NoReturn

from anthropic import AnthropicError
from anthropic.lib.credentials import AccessTokenProvider, CredentialResult, default_credentials

from gateway.credentials.contract import CredentialError
from gateway.credentials.headers import checked_secret, without_credentials
from gateway.credentials.lease import Lease, Margins
from gateway.credentials.renewal import Renewal
from providers.contract import Headers, WireRequest

OAUTH_BETA = "oauth-2025-04-20"
"""Lets a bearer token in (`anthropic.lib.credentials._constants.OAUTH_API_BETA_HEADER`)."""
MARGINS = Margins(early_s=120.0, last_s=30.0)
"""The SDK's own: its tokens live ten minutes (`anthropic.lib.credentials._constants`)."""
ASK_AGAIN_S = 1.0
"""What `expires_at=0`, the SDK's "ask me each time", lasts here."""


@dataclass(frozen=True, slots=True)
class ChainCredential:
    """What the chain has found, before any token is fetched."""

    provider: AccessTokenProvider = field(repr=False)
    headers: Headers
    """Headers that go with every request (`anthropic-workspace-id`)."""
    base_url: str | None
    """The deployment that the profile names; a URL the operator configured goes before it."""


def find_chain(base_url: str) -> ChainCredential | None:
    """Return what the SDK's chain finds on this machine, or None; fetches nothing.

    Raises CredentialError when an explicitly chosen profile is broken.
    """
    try:
        found = default_credentials(base_url=base_url)
    except AnthropicError as error:
        failure = CredentialError("the Anthropic profile cannot be used", str(error))
    else:
        return None if found is None else _found(found)
    raise failure


class ChainSigner:
    """Sends the access token that the SDK's chain provides."""

    __slots__ = ("_headers", "_renewal")

    def __init__(
        self, credential: ChainCredential, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._headers = credential.headers
        self._renewal: Renewal[str] = Renewal(
            lambda now_s: _fetch(credential.provider, now_s),
            "the Anthropic access token",
            clock=clock,
            margins=MARGINS,
        )

    def fresh(self) -> bool:
        """Say whether there is a token with more than half a minute left."""
        return self._renewal.fresh()

    def refresh(self, timeout_s: float) -> None:
        """Fetch a token, or join the fetch in progress. Raises CredentialError."""
        self._renewal.refresh(timeout_s)

    def sign(self, request: WireRequest, host: str) -> Headers:  # noqa: ARG002 - the protocol
        """Return the request's headers with token, beta and the profile's headers added."""
        own = {name for name, _ in self._headers}
        kept = tuple(p for p in without_credentials(request.headers) if p[0] not in own)
        bearer = ("authorization", f"Bearer {self._renewal.value()}")
        return (*with_oauth_beta(kept), *self._headers, bearer)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a signer holds a secret and is not pickled")


def _found(result: CredentialResult) -> ChainCredential:
    headers = tuple((name.lower(), value) for name, value in result.extra_headers.items())
    return ChainCredential(result.provider, headers, result.base_url)


def _fetch(provider: AccessTokenProvider, now_s: float) -> Lease[str]:
    try:
        token = provider()
    except AnthropicError as error:
        raise CredentialError(
            "the Anthropic access token could not be had", type(error).__name__
        ) from None
    expires_at_s = now_s + ASK_AGAIN_S if token.expires_at == 0 else token.expires_at
    return Lease(checked_secret(token.token, "the access token"), now_s, expires_at_s)


def with_oauth_beta(headers: Headers) -> Headers:
    """Return the headers with the beta that lets a bearer token in."""
    flags = [value for name, value in headers if name == "anthropic-beta"]
    if OAUTH_BETA in [flag.strip() for value in flags for flag in value.split(",")]:
        return headers
    others = (pair for pair in headers if pair[0] != "anthropic-beta")
    return (*others, ("anthropic-beta", ",".join([*flags, OAUTH_BETA])))
