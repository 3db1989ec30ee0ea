"""A token endpoint as Google's: a signed assertion in, a short-lived access token out.

The rules are those of RFC 7523 (JWT bearer grant) and of "Using OAuth 2.0 for server to server
applications" in Google's identity documentation. The service account exists only here; its key is
made when it is first asked for.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from gateway.emulator.sealed_tokens import SealedTokens

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
"""The grant type of RFC 7523."""
GOOGLE_AUDIENCE = "https://oauth2.googleapis.com/token"
"""The audience that google-auth writes whatever the token URI is."""
SCOPE = "https://www.googleapis.com/auth/cloud-platform"
"""The scope that the assertion must ask for."""
TOKEN_LIFETIME_S = 3600
"""How long an access token is good for, unless the account says otherwise."""

_MAX_ASSERTION_S = 3600
_SKEW_S = 300
_JWT_PARTS = 3
# DER of `DigestInfo` for SHA-256, before the digest: RFC 8017, section 9.2, note 1.
_SHA256_INFO = bytes.fromhex("3031300d060960864801650304020105000420")


class AssertionRefused(Exception):
    """An assertion that buys no token; `error` is the OAuth 2.0 error code."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.error = error
        self.description = description


@dataclass(frozen=True, slots=True)
class PublicKey:
    """An RSA public key."""

    modulus: int
    exponent: int


@dataclass(slots=True)
class ServiceAccount:
    """The one service account that the emulated Google knows; safe to share between threads."""

    project: str = "tidegate-test"
    email: str = "tidegate@tidegate-test.iam.gserviceaccount.com"
    token_lifetime_s: int = TOKEN_LIFETIME_S
    static_tokens: frozenset[str] = frozenset()
    """Access tokens that are good for ever, for clients that are simply given one."""
    _key: RSAPrivateKey | None = field(default=None, repr=False)
    _issued: SealedTokens = field(default_factory=lambda: SealedTokens("ya29."))
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def info(self, token_uri: str) -> dict[str, str]:
        """Return the content of a service-account JSON file that points at `token_uri`."""
        from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - slow to import

        pem = self._private_key().private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        return {
            "type": "service_account",
            "project_id": self.project,
            "private_key_id": self.key_id(),
            "private_key": pem.decode(),
            "client_email": self.email,
            "client_id": "100000000000000000001",
            "token_uri": token_uri,
            "universe_domain": "googleapis.com",
        }

    def key_id(self) -> str:
        """Return the id of the account's key, as an assertion's header names it."""
        return hashlib.sha256(str(self.public_key().modulus).encode()).hexdigest()[:40]

    def public_key(self) -> PublicKey:
        """Return the key that assertions are checked with."""
        numbers = self._private_key().public_key().public_numbers()
        return PublicKey(numbers.n, numbers.e)

    def exchange(self, form: bytes, audience: str, now_s: float) -> tuple[int, dict[str, Any]]:
        """Answer `POST /token`: the status and the JSON object.

        Args:
            form: The body, `application/x-www-form-urlencoded`.
            audience: This endpoint's own URL, taken as an audience besides Google's.
            now_s: The service's clock, Unix time.
        """
        try:
            claims = verified_claims(granted_assertion(form), self.public_key())
            check_claims(claims, self.email, {audience, GOOGLE_AUDIENCE}, now_s)
        except AssertionRefused as refused:
            return 400, {"error": refused.error, "error_description": refused.description}
        return 200, {
            "access_token": self._issued.issue(now_s + self.token_lifetime_s),
            "expires_in": self.token_lifetime_s,
            "token_type": "Bearer",
        }

    def accepts(self, token: str, now_s: float) -> bool:
        """Say whether `token` was issued here and has not expired at `now_s`."""
        return token in self.static_tokens or self._issued.accepts(token, now_s)

    def _private_key(self) -> RSAPrivateKey:
        from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: PLC0415 - slow to import

        with self._lock:
            if self._key is None:
                self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
            return self._key


def granted_assertion(form: bytes) -> str:
    """Return the assertion of a token request's form; raises AssertionRefused."""
    fields = parse_qs(form.decode("latin-1"))
    if fields.get("grant_type") != [GRANT]:
        raise AssertionRefused("unsupported_grant_type", f"Invalid grant_type; use {GRANT}")
    return fields.get("assertion", [""])[0]


def verified_claims(assertion: str, key: PublicKey) -> dict[str, Any]:
    """Return the claims of an RS256 JSON Web Token; raises AssertionRefused."""
    parts = assertion.split(".")
    if len(parts) != _JWT_PARTS:
        raise AssertionRefused("invalid_grant", "Bad Request: the assertion is not a JWT.")
    try:
        header, claims = json.loads(_decode(parts[0])), json.loads(_decode(parts[1]))
        signature = _decode(parts[2])
    except (ValueError, RecursionError) as error:
        raise AssertionRefused("invalid_grant", "Bad Request: malformed JWT.") from error
    if not isinstance(header, dict) or header.get("alg") != "RS256":
        raise AssertionRefused("invalid_grant", "Invalid JWT: the algorithm must be RS256.")
    signed = f"{parts[0]}.{parts[1]}".encode()
    if not isinstance(claims, dict) or not _rs256(signed, signature, key):
        raise AssertionRefused("invalid_grant", "Invalid JWT Signature.")
    return claims


def check_claims(claims: dict[str, Any], email: str, audiences: set[str], now_s: float) -> None:
    """Check an assertion's issuer, audience, times and scope; raises AssertionRefused."""
    if claims.get("iss") != email:
        raise AssertionRefused("invalid_grant", "Invalid grant: account not found")
    if claims.get("aud") not in audiences:
        raise AssertionRefused(
            "invalid_grant",
            f"Invalid JWT: Failed audience check. The right audience is {GOOGLE_AUDIENCE}",
        )
    issued, expires = claims.get("iat"), claims.get("exp")
    if not isinstance(issued, int) or not isinstance(expires, int):
        raise AssertionRefused("invalid_grant", "Invalid JWT: iat and exp must be numbers.")
    if expires <= now_s or issued > now_s + _SKEW_S or expires - issued > _MAX_ASSERTION_S:
        raise AssertionRefused(
            "invalid_grant",
            "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable "
            "timeframe. Check your iat and exp values in the JWT claim.",
        )
    if SCOPE not in str(claims.get("scope", "")).split():
        raise AssertionRefused("invalid_scope", f"Invalid OAuth scope; ask for {SCOPE}")


def _rs256(signed: bytes, signature: bytes, key: PublicKey) -> bool:
    """Verify RSASSA-PKCS1-v1_5 with SHA-256 by comparing encodings (RFC 8017, 8.2.2)."""
    size = (key.modulus.bit_length() + 7) // 8
    number = int.from_bytes(signature)
    if len(signature) != size or number >= key.modulus:
        return False
    tail = b"\x00" + _SHA256_INFO + hashlib.sha256(signed).digest()
    expected = b"\x00\x01" + b"\xff" * (size - len(tail) - 2) + tail
    return hmac.compare_digest(pow(number, key.exponent, key.modulus).to_bytes(size), expected)


def _decode(part: str) -> bytes:
    return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
