"""Checks AWS Signature Version 4, from the request as it was received.

The rules are those of "Create a signed AWS API request" in the AWS IAM user guide, for services
other than S3: the path of the request line is encoded once more, the whole body is hashed. The
refusals use the names and words of AWS. Nothing here is shared with a signer, ours or AWS's.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import quote, unquote

ALGORITHM = "AWS4-HMAC-SHA256"
SKEW = timedelta(minutes=5)
"""How far a request's time may be from the service's, either way."""

_UNRESERVED = "-_.~"
_STAMP = "%Y%m%dT%H%M%SZ"
_PARTS = ("Credential", "SignedHeaders", "Signature")
_SCOPE_PARTS = 5


@dataclass(frozen=True, slots=True)
class Identity:
    """One access key that the service knows."""

    access_key: str
    secret_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)
    """Must come as `x-amz-security-token`; None: a long-term key, which has none."""
    expires_at_s: float | None = None
    """Unix time from which the session token is refused."""


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """What a signature covers, as it stood on the wire."""

    method: str
    target: str
    """Path and query of the request line."""
    headers: list[tuple[str, str]]
    """Pairs as received, decoded as Latin-1."""
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is not let in, in the words of AWS; the status is always 403."""

    name: str
    message: str


@dataclass(frozen=True, slots=True)
class Claim:
    """What an `authorization` header says."""

    access_key: str
    date: str
    region: str
    service: str
    signed: tuple[str, ...]
    signature: str


def check(
    request: SignedRequest,
    identities: dict[str, Identity],
    *,
    service: str,
    region: str | None,
    now_s: float,
) -> Refusal | None:
    """Return why `request` is refused, or None when its signature is good.

    Args:
        request: The request as received.
        identities: The known identities by access key.
        service: The service name that the credential scope must carry (`bedrock`).
        region: The region that it must carry; None: any.
        now_s: The service's clock, Unix time.
    """
    headers = fold_headers(request.headers)
    claim = parse_claim(headers.get("authorization", b"").decode("latin-1"))
    if isinstance(claim, Refusal):
        return claim
    stamp = _timestamp(headers)
    if stamp is None:
        return _incomplete(
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."
        )
    return (
        _check_scope(claim, service, region, stamp)
        or _check_identity(identities.get(claim.access_key), headers, now_s)
        or _check_time(stamp, now_s)
        or _check_covered(claim, headers)
        or _check_signature(request, headers, claim, stamp, identities[claim.access_key])
    )


def parse_claim(authorization: str) -> Claim | Refusal:
    """Read an `authorization` header, or say which part of it is missing."""
    if not authorization:
        return Refusal("MissingAuthenticationTokenException", "Missing Authentication Token")
    scheme, _, rest = authorization.partition(" ")
    if scheme != ALGORITHM:
        return _incomplete(f"Unsupported AWS 'algorithm': '{scheme}'.")
    found = dict(re.findall(r"(\w+)=([^,\s]*)", rest))
    for part in _PARTS:
        if not found.get(part):
            return _incomplete(f"Authorization header requires '{part}' parameter.")
    scope = found["Credential"].rsplit("/", _SCOPE_PARTS - 1)
    if len(scope) != _SCOPE_PARTS or scope[4] != "aws4_request":
        return _incomplete("Credential must have exactly 5 slash-delimited elements.")
    signed = tuple(found["SignedHeaders"].split(";"))
    return Claim(scope[0], scope[1], scope[2], scope[3], signed, found["Signature"])


def fold_headers(pairs: list[tuple[str, str]]) -> dict[str, bytes]:
    """Return headers by lower-case name: trimmed, inner blanks folded, repeats joined by commas."""
    folded: dict[str, bytes] = {}
    for name, value in pairs:
        key, text = name.lower(), b" ".join(value.encode("latin-1").split())
        folded[key] = folded[key] + b"," + text if key in folded else text
    return folded


def canonical_request(
    request: SignedRequest, headers: dict[str, bytes], signed: tuple[str, ...]
) -> bytes:
    """Return the canonical request of the published algorithm."""
    path, _, query = request.target.partition("?")
    lines = [request.method.encode(), canonical_path(path).encode(), _query(query).encode()]
    lines += [name.encode("latin-1") + b":" + headers.get(name, b"") for name in signed]
    lines += [b"", ";".join(signed).encode("latin-1")]
    lines.append(hashlib.sha256(request.body).hexdigest().encode())
    return b"\n".join(lines)


def canonical_path(path: str) -> str:
    """Return the path without dot segments and doubled slashes, encoded once more."""
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            kept[-1:] = []
        elif segment not in {"", "."}:
            kept.append(segment)
    tail = "/" if kept and path.endswith("/") else ""
    return "/" + quote("/".join(kept), safe="/" + _UNRESERVED) + tail


def _query(query: str) -> str:
    pairs = [pair.partition("=") for pair in query.split("&") if pair]
    encoded = sorted((_encode(name), _encode(value)) for name, _, value in pairs)
    return "&".join(f"{name}={value}" for name, value in encoded)


def _encode(text: str) -> str:
    return quote(unquote(text, errors="surrogateescape"), _UNRESERVED, errors="surrogateescape")


def _timestamp(headers: dict[str, bytes]) -> datetime | None:
    try:
        if "x-amz-date" in headers:
            text = headers["x-amz-date"].decode("latin-1")
            return datetime.strptime(text, _STAMP).replace(tzinfo=UTC)
        return parsedate_to_datetime(headers["date"].decode("latin-1")).astimezone(UTC)
    except (KeyError, ValueError):
        return None


def _check_scope(claim: Claim, service: str, region: str | None, stamp: datetime) -> Refusal | None:
    if region is not None and claim.region != region:
        return _invalid("Credential should be scoped to a valid region.")
    if claim.service != service:
        return _invalid(f"Credential should be scoped to correct service: '{service}'.")
    if claim.date != stamp.strftime("%Y%m%d"):
        return _invalid(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date "
            f"from HTTP: '{claim.date}' != '{stamp:%Y%m%d}', from '{stamp:{_STAMP}}'."
        )
    return None


def _check_identity(
    identity: Identity | None, headers: dict[str, bytes], now_s: float
) -> Refusal | None:
    token = headers.get("x-amz-security-token", b"").decode("latin-1")
    if identity is None or not hmac.compare_digest(
        token.encode("latin-1"), (identity.session_token or "").encode()
    ):
        return Refusal(
            "UnrecognizedClientException", "The security token included in the request is invalid."
        )
    if identity.expires_at_s is not None and now_s >= identity.expires_at_s:
        return Refusal(
            "ExpiredTokenException", "The security token included in the request is expired"
        )
    return None


def _check_time(stamp: datetime, now_s: float) -> Refusal | None:
    now = datetime.fromtimestamp(now_s, UTC)
    first, last = now - SKEW, now + SKEW
    if stamp < first.replace(microsecond=0):
        return _invalid(
            f"Signature expired: {stamp:{_STAMP}} is now earlier than {first:{_STAMP}} "
            f"({now:{_STAMP}} - 5 min.)"
        )
    if stamp > last:
        return _invalid(
            f"Signature not yet current: {stamp:{_STAMP}} is still later than {last:{_STAMP}} "
            f"({now:{_STAMP}} + 5 min.)"
        )
    return None


def _check_covered(claim: Claim, headers: dict[str, bytes]) -> Refusal | None:
    """Check that host and every `x-amz-` header are covered, and that each covered one came."""
    must = ["host", *(name for name in headers if name.startswith("x-amz-"))]
    for name in must:
        if name not in claim.signed:
            return _invalid(f"'{name}' must be a 'SignedHeader' in the AWS Authorization.")
    if list(claim.signed) != sorted(set(claim.signed)) or set(claim.signed) - headers.keys():
        return _mismatch()
    return None


def _check_signature(
    request: SignedRequest,
    headers: dict[str, bytes],
    claim: Claim,
    stamp: datetime,
    identity: Identity,
) -> Refusal | None:
    canonical = canonical_request(request, headers, claim.signed)
    scope = f"{claim.date}/{claim.region}/{claim.service}/aws4_request"
    text = "\n".join([ALGORITHM, f"{stamp:{_STAMP}}", scope, hashlib.sha256(canonical).hexdigest()])
    key = f"AWS4{identity.secret_key}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode("latin-1"), "sha256")
    expected = hmac.digest(key, text.encode("latin-1"), "sha256").hex()
    if hmac.compare_digest(expected.encode(), claim.signature.encode("latin-1")):
        return None
    return _mismatch()


def _mismatch() -> Refusal:
    return _invalid(
        "The request signature we calculated does not match the signature you provided. Check "
        "your AWS Secret Access Key and signing method. Consult the service documentation for "
        "details."
    )


def _invalid(message: str) -> Refusal:
    return Refusal("InvalidSignatureException", message)


def _incomplete(message: str) -> Refusal:
    return Refusal("IncompleteSignatureException", message)
