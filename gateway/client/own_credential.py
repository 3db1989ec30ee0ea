"""The caller's own credential for the direct API, as the SDK puts it on each request.

In the no-file mode the SDK keeps its whole say about that credential: key, token, provider,
profile, what a copy of the client replaces, and when an access token is renewed.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from hashlib import blake2b

from gateway.credentials.anthropic_chain import OAUTH_BETA, with_oauth_beta
from gateway.credentials.contract import CredentialError
from gateway.credentials.headers import without_credentials
from providers.contract import Headers, WireRequest

NAMES = frozenset({"authorization", "x-api-key"})
"""The headers in which the SDK sends a credential."""

_SEAL = secrets.token_bytes(32)
_shown: ContextVar[Headers] = ContextVar("gateway_own_credential", default=())


def parted(headers: Headers) -> tuple[Headers, Headers]:
    """Return a request's headers without its credential, and the credential's.

    The beta that lets an access token in belongs to the credential: no other platform knows it.
    """
    rest: list[tuple[str, str]] = []
    own: list[tuple[str, str]] = []
    for name, value in headers:
        if name in NAMES:
            own.append((name, value))
        elif name == "anthropic-beta" and OAUTH_BETA in value:
            flags = [flag for flag in map(str.strip, value.split(",")) if flag]
            own.extend((name, flag) for flag in flags if flag == OAUTH_BETA)
            rest.append((name, ",".join(flag for flag in flags if flag != OAUTH_BETA)))
        else:
            rest.append((name, value))
    return tuple(rest), tuple(own)


def account(credential: Headers) -> str:
    """Return what stands for a credential in this process; nothing can be read from it."""
    digest = blake2b(key=_SEAL, digest_size=16)
    for name, value in credential:
        digest.update(f"{name}:{value}\n".encode())
    return digest.hexdigest()


@contextmanager
def shown(credential: Headers) -> Iterator[None]:
    """Let `OwnCredential` send this credential for the calls made inside the block."""
    token = _shown.set(credential)
    try:
        yield
    finally:
        _shown.reset(token)


class OwnCredential:
    """The signer of the direct upstream in the no-file mode."""

    def fresh(self) -> bool:
        """Say yes: the credential came with the request."""
        return True

    def refresh(self, timeout_s: float) -> None:
        """Do nothing: the SDK renews what it sends."""

    def sign(self, request: WireRequest, host: str) -> Headers:  # noqa: ARG002 - the protocol
        """Return the request's headers with the caller's credential added."""
        credential = _shown.get()
        if not credential:
            raise CredentialError("the request carries no credential for the direct API")
        own = tuple(pair for pair in credential if pair[0] in NAMES)
        kept = without_credentials(request.headers)
        if len(own) < len(credential):
            kept = with_oauth_beta(kept)
        return (*kept, *own)
