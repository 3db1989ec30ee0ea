"""Gateway keys: who may call at all, and as whom."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from typing import NoReturn

from gateway.call import Caller
from gateway.server.refusals import unauthorized

BEARER = b"bearer "
_INDEX_BYTES = 8


class Keys:
    """The keys that are good, kept as HMAC-SHA-256 digests under a secret of this process.

    A key is found by a prefix of its digest and compared whole in constant time; a miss is
    compared, too. Without the secret nobody can aim at a digest, so the look-up tells nothing.
    """

    __slots__ = ("_digests", "_dummy", "_kind", "_pepper")

    _digests: dict[bytes, tuple[bytes, Caller | None]]

    def __init__(self, callers: Mapping[str, Caller], kind: str = "gateway") -> None:
        self._kind = kind
        self._pepper = secrets.token_bytes(32)
        self._dummy = (secrets.token_bytes(32), None)
        digests = [(self._digest(key.encode()), caller) for key, caller in callers.items()]
        self._digests = {digest[:_INDEX_BYTES]: (digest, caller) for digest, caller in digests}

    def __bool__(self) -> bool:
        return bool(self._digests)

    def __repr__(self) -> str:
        return f"Keys({len(self._digests)})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("gateway keys are not pickled")

    def caller(self, headers: Mapping[bytes, bytes]) -> Caller:
        """Return whose good key a request shows in either place; raises NotAuthorized."""
        key = headers.get(b"x-api-key")
        if key is not None and (found := self._found(key.strip())) is not None:
            return found
        token = headers.get(b"authorization", b"")
        bears = token[: len(BEARER)].lower() == BEARER
        if bears and (found := self._found(token[len(BEARER) :].strip())) is not None:
            return found
        raise unauthorized(shown=bears or key is not None, kind=self._kind)

    def _found(self, key: bytes) -> Caller | None:
        digest = self._digest(key)
        known, caller = self._digests.get(digest[:_INDEX_BYTES], self._dummy)
        return caller if hmac.compare_digest(known, digest) else None

    def _digest(self, key: bytes) -> bytes:
        return hmac.digest(self._pepper, key, "sha256")
