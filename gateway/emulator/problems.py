"""Refusals in Anthropic's words, before a platform wraps them in its own envelope."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

TYPES: Final = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    409: "conflict_error",
    413: "request_too_large",
    422: "invalid_request_error",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}
"""Status -> error type, as `types/shared/error_type.py` of the anthropic package names them."""


def error_type(status: int) -> str:
    """Return the Anthropic error type that goes with an HTTP status."""
    if status in TYPES:
        return TYPES[status]
    return "api_error" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "invalid_request_error"


class Problem(Exception):
    """A request that a platform refuses.

    Args:
        status: The HTTP status.
        message: What is wrong, naming the field.
        kind: The Anthropic error type; by default the one that goes with the status.
        code: `error.details.error_code`, where there is one.
    """

    def __init__(
        self, status: int, message: str, *, kind: str | None = None, code: str | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.kind = kind or error_type(status)
        self.code = code
