"""Google's tokens through our own transport. Importing this module loads google-auth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from google.auth.exceptions import TransportError
from google.auth.transport import Request

from gateway.credentials.token_fetch import FetchFailed, TokenAnswer, TokenFetch


class TokenFetchError(TransportError):
    """A request for a token that came to nothing; names no address and quotes no answer."""

    def __init__(self, message: str) -> None:
        super().__init__(message)  # type: ignore[no-untyped-call]


@dataclass(frozen=True, slots=True)
class TokenTransport(TokenFetch, Request):
    """What google-auth asks through."""

    def __call__(
        self,
        url: str,
        method: str = "GET",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        **_unused: Any,
    ) -> TokenAnswer:
        """Return the answer to one request; raises TokenFetchError."""
        try:
            return self.ask(url, method, body, headers or {}, timeout)
        except FetchFailed as error:
            failure = TokenFetchError(str(error))
        raise failure
