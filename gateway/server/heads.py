"""What is wrong with the head of a request that is valid HTTP. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from gateway.server.asgi import RawHeaders

SEPARATORS_BYTES = 4
"""A colon, a space and a line end."""


class Fault(NamedTuple):
    """Why a request is not served, as the caller is told."""

    status: int
    type: str
    message: str


NOT_HTTP = Fault(400, "invalid_request_error", "The request is not valid HTTP/1.1.")
TOO_LARGE = Fault(431, "invalid_request_error", "The head of the request is too large.")
UPGRADE = Fault(
    400,
    "invalid_request_error",
    "The request asks for another protocol in front of its body. Send it as plain HTTP/1.1, "
    "without an upgrade header.",
)
CROWDED = Fault(429, "rate_limit_error", "Too many requests wait on this connection.")
SLOW = Fault(408, "timeout_error", "The request took too long to arrive.")


def too_many(limit: int) -> Fault:
    """Return the fault of a head with more fields than `limit`."""
    message = f"The request has more than {limit} header fields."
    return Fault(431, "invalid_request_error", message)


def size_bytes(url: bytes, headers: RawHeaders) -> int:
    """Return how large a head is, but for its first line's method and version."""
    return len(url) + sum(len(name) + len(value) + SEPARATORS_BYTES for name, value in headers)


def has_body(headers: Sequence[tuple[bytes, bytes]]) -> bool:
    """Say whether a head announces a body."""
    return any(
        name == b"transfer-encoding" or (name == b"content-length" and value.strip(b"0"))
        for name, value in headers
    )
