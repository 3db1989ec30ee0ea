"""A token endpoint as Entra's: a secret or a signed assertion in, a short-lived access token out.

The rules are those of "OAuth 2.0 client credentials flow on the Microsoft identity platform" and of
the Azure Instance Metadata Service. The application exists only here; its certificate is made when
it is first asked for.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from gateway.emulator.sealed_tokens import SealedTokens

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

RESOURCE = "https://ai.azure.com"
"""What a token is good for."""
SCOPE = f"{RESOURCE}/.default"
TOKEN_LIFETIME_S = 3600
_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_SKEW_S = 300
_JWT_PARTS = 3


class TokenRefused(Exception):
    """A request that buys no token; `error` is the OAuth 2.0 error code."""

    def __init__(self, error: str, code: int, words: str) -> None:
        super().__init__(words)
        self.error = error
        self.code = code

    @property
    def body(self) -> dict[str, Any]:
        """The answer's JSON object."""
        words = f"AADSTS{self.code}: {self}"
        return {"error": self.error, "error_description": words, "error_codes": [self.code]}


@dataclass(slots=True)
class Application:
    """The one application that the emulated Entra knows; safe to share between threads."""

    tenant_id: str = "00000000-0000-4000-8000-000000007e4a"
    client_id: str = "00000000-0000-4000-8000-00000000c11e"
    client_secret: str = field(default="emulator-client-secret", repr=False)
    federated_token: str = field(default="emulator-federated-token", repr=False)
    """What its trusted issuer's tokens are."""
    token_lifetime_s: int = TOKEN_LIFETIME_S
    _issued: SealedTokens = field(default_factory=lambda: SealedTokens("entra."))
    _key: RSAPrivateKey | None = field(default=None, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def write_certificate(self, path: Path) -> Path:
        """Write its certificate with the private key as PEM, and return the path."""
        from cryptography import x509  # noqa: PLC0415 - slow to import
        from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415
        from cryptography.x509.oid import NameOID  # noqa: PLC0415

        key = self._private_key()
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "emulator")])
        now = dt.datetime.now(dt.UTC)
        made = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=1))
            .sign(key, hashes.SHA256())
        )
        pem = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        path.write_bytes(pem + made.public_bytes(serialization.Encoding.PEM))
        path.chmod(0o600)
        return path

    def exchange(self, form: bytes, endpoint: str, now_s: float) -> dict[str, Any]:
        """Return the answer to a request for a token; raises TokenRefused.

        Args:
            form: The body, `application/x-www-form-urlencoded`.
            endpoint: This endpoint's own path, which an assertion's audience ends in.
            now_s: The service's clock, Unix time.
        """
        given = {name: values[-1] for name, values in parse_qs(form.decode()).items()}
        if given.get("grant_type") != "client_credentials":
            raise TokenRefused("unsupported_grant_type", 70003, "The grant type is not supported.")
        if given.get("client_id") != self.client_id:
            words = "Application was not found in the directory."
            raise TokenRefused("unauthorized_client", 700016, words)
        if SCOPE not in given.get("scope", "").split():
            raise TokenRefused("invalid_scope", 70011, f"The scope must be {SCOPE}.")
        self._check(given, endpoint, now_s)
        return self.token(now_s)

    def token(self, now_s: float) -> dict[str, Any]:
        """Return a token, as an answer has it."""
        return {
            "access_token": self._issued.issue(now_s + self.token_lifetime_s),
            "expires_in": self.token_lifetime_s,
            "token_type": "Bearer",
        }

    def accepts(self, token: str, now_s: float) -> bool:
        """Say whether `token` was issued here and has not expired at `now_s`."""
        return self._issued.accepts(token, now_s)

    def _check(self, given: dict[str, str], endpoint: str, now_s: float) -> None:
        if given.get("client_assertion_type") != _ASSERTION:
            if given.get("client_secret") != self.client_secret:
                raise TokenRefused("invalid_client", 7000215, "Invalid client secret provided.")
            return
        assertion = given.get("client_assertion", "")
        if assertion != self.federated_token and not self._signed(assertion, endpoint, now_s):
            words = "Client assertion contains an invalid signature."
            raise TokenRefused("invalid_client", 700027, words)

    def _signed(self, assertion: str, endpoint: str, now_s: float) -> bool:
        """Say whether an assertion is signed with the certificate's key, for this endpoint."""
        from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - slow to import
        from cryptography.hazmat.primitives import hashes  # noqa: PLC0415
        from cryptography.hazmat.primitives.asymmetric import padding  # noqa: PLC0415

        parts = assertion.split(".")
        if len(parts) != _JWT_PARTS:
            return False
        try:
            head, claims = (json.loads(_decode(part)) for part in parts[:2])
            pss = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH)
            pad = pss if head["alg"] == "PS256" else padding.PKCS1v15()
            signed = ".".join(parts[:2]).encode()
            key = self._private_key().public_key()
            key.verify(_decode(parts[2]), signed, pad, hashes.SHA256())
        except (InvalidSignature, ValueError, KeyError, TypeError):
            return False
        own = claims["iss"] == claims["sub"] == self.client_id
        there = str(claims["aud"]).endswith(endpoint)
        return own and there and float(claims["exp"]) > now_s - _SKEW_S

    def _private_key(self) -> RSAPrivateKey:
        from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: PLC0415 - slow to import

        with self._lock:
            if self._key is None:
                self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
            return self._key


def _decode(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
