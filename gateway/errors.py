"""What the gateway itself refuses, as values every door can turn into its own error.

Refused                 nothing was sent upstream
  Malformed         400  the request is no request
  NotAuthorized     401  no or a wrong gateway key
  Forbidden         403  policy or the caller's own narrowing leaves no upstream
  UnknownModel      404  no such model
  WrongMethod       405  the path does not take the method
  TooLarge          413  over the body limit
  NotServed         501  no upstream serves this endpoint
  NotReady          503  shutting down, or nothing is configured

The drop-in client's exceptions, which subclass the SDK's, are in `gateway.exceptions`.
"""

from __future__ import annotations

import secrets

import msgspec

JSON = (("content-type", "application/json"),)


class Refused(Exception):
    """A request that the gateway turns away before any upstream sees a byte of it."""

    status = 500
    type = "api_error"
    reason = "other"
    """Why, in one word for counters and logs."""
    should_retry: bool | None = None
    """What `x-should-retry` says; None leaves it out."""
    retry_after_s: int | None = None
    """When to try again, where that is known."""

    def __init__(self, message: str, *, error_code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.error_code = error_code
        """`error.details.error_code`, which clients branch on."""
        self.decision: str | None = None
        """The id of the decision that says why, where there is one."""
        self.request_id: str | None = None
        """The id that the caller gets; None: it is made when the answer is."""


class Malformed(Refused):
    """The request is no valid request; the message names the field."""

    status = 400
    type = "invalid_request_error"
    reason = "malformed"


class NotAuthorized(Refused):
    """The gateway key is missing or wrong."""

    status = 401
    type = "authentication_error"
    reason = "unauthorized"
    should_retry = False


class Forbidden(Refused):
    """No upstream is allowed for this request."""

    status = 403
    type = "permission_error"
    reason = "forbidden"


class UnknownModel(Refused):
    """No model of that name is known or configured."""

    status = 404
    type = "not_found_error"
    reason = "unknown_model"


class WrongMethod(Refused):
    """The path is there, the method is not; `allow` names those that are."""

    status = 405
    type = "invalid_request_error"
    reason = "wrong_method"
    should_retry = False

    def __init__(self, method: str, path: str, allow: str) -> None:
        super().__init__(f"{method[:20]} is not allowed on {path}; it takes {allow}.")
        self.allow = allow


class TooLarge(Refused):
    """The body is over the limit, raw or inflated."""

    status = 413
    type = "request_too_large"
    reason = "too_large"


class NotServed(Refused):
    """No configured upstream serves this endpoint."""

    status = 501
    type = "not_supported"
    reason = "not_served"
    should_retry = False


class NotReady(Refused):
    """The gateway has no upstream, or is shutting down."""

    status = 503
    type = "api_error"
    reason = "not_ready"


def quoted(word: str, most: int = 100) -> str:
    """Return the start of what somebody else wrote, as plain ASCII without line breaks."""
    return ascii(word[:most])[1:-1]


def new_request_id() -> str:
    """Return a fresh id of our own, for answers whose platform gave none."""
    return f"req_gw_{secrets.token_hex(12)}"


def envelope(
    error_type: str, message: str, request_id: str, error_code: str | None = None
) -> bytes:
    """Return an error body in the Anthropic format."""
    error: dict[str, object] = {"type": error_type, "message": message}
    if error_code is not None:
        error["details"] = {"error_code": error_code}
    return msgspec.json.encode({"type": "error", "error": error, "request_id": request_id})


def error_event(
    error_type: str, message: str, request_id: str, error_code: str | None = None
) -> bytes:
    """Return the event that ends a stream which cannot end well."""
    body = envelope(error_type, message, request_id, error_code)
    return b"event: error\ndata: " + body + b"\n\n"
