"""What a driver asks of a credential."""

from __future__ import annotations

from typing import Protocol

from providers.contract import Headers, WireRequest


class CredentialError(Exception):
    """A credential could not be had; `message` is safe to show, `detail` is for the log.

    `timed_out` says that it may still come, but not within the time allowed.
    """

    def __init__(self, message: str, detail: str = "", *, timed_out: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.detail = detail
        self.timed_out = timed_out


class Signer(Protocol):
    """One upstream's credential. Safe to share between threads."""

    def fresh(self) -> bool:
        """Say whether `sign` can answer now, without I/O."""
        ...

    def refresh(self, timeout_s: float) -> None:
        """Fetch what is missing or about to expire; blocks at most `timeout_s`.

        One fetch at a time serves all who wait for it. Raises CredentialError.
        """
        ...

    def sign(self, request: WireRequest, host: str) -> Headers:
        """Return the request's headers with the credential's added; `host` as on the wire."""
        ...
