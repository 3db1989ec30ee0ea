"""Made-up access tokens that say themselves until when they are good."""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass, field


@dataclass(slots=True)
class SealedTokens:
    """Issues tokens, and knows its own again; safe to share between threads."""

    prefix: str
    """What each token starts with."""
    _seal: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)

    def issue(self, expires_at_s: float) -> str:
        """Return a token that is good until a Unix time."""
        text = f"{self.prefix}{int(expires_at_s)}"
        return f"{text}.{self._sealed(text)}"

    def accepts(self, token: str, now_s: float) -> bool:
        """Say whether a token was issued here and has not expired."""
        text, _, seal = token.rpartition(".")
        if not hmac.compare_digest(self._sealed(text).encode(), seal.encode()):
            return False
        return now_s < float(text.removeprefix(self.prefix))

    def _sealed(self, text: str) -> str:
        return hmac.digest(self._seal, text.encode(), "sha256").hex()
