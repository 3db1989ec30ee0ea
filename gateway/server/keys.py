"""Gateway keys: who may call at all."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Iterable, Mapping
from typing import NoReturn

from gateway.server.refusals import unauthorized

BEARER = b"bearer "
_INDEX_BYTES = 8


class Keys:
    """The keys that are good, kept as HMAC-SHA-256 digests under a secret of this process.

    A key is found by a prefix of its digest and compared whole in constant time; a miss is
    compared, too. Without the secret nobody can aim at a digest, so the look-up tells nothing.
    """

    __slots__ = ("_digests", "_dummy", "_pepper")

    def __init__(self, keys: Iterable[str]) -> None:
        self._pepper = secrets.token_bytes(32)
        self._dummy = secrets.token_bytes(32)
        digests = [self._digest(key.encode()) for key in keys]
        self._digests = {digest[:_INDEX_BYTES]: digest for digest in digests}

    def __bool__(self) -> bool:
        return bool(self._digests)

    def __repr__(self) -> str:
        return f"Keys({len(self._digests)})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("gateway keys are not pickled")

    def check(self, headers: Mapping[bytes, bytes]) -> None:
        """Return when a request shows a good key in either place; raises NotAuthorized."""
        key = headers.get(b"x-api-key")
        if key is not None and self._good(key.strip()):
            return
        token = headers.get(b"authorization", b"")
        bears = token[: len(BEARER)].lower() == BEARER
        if bears and self._good(token[len(BEARER) :].strip()):
            return
        raise unauthorized(shown=bears or key is not None)

    def _good(self, key: bytes) -> bool:
        digest = self._digest(key)
        return hmac.compare_digest(self._digests.get(digest[:_INDEX_BYTES], self._dummy), digest)

    def _digest(self, key: bytes) -> bytes:
        return hmac.digest(self._pepper, key, "sha256")
