"""What only a server refuses: paths, encodings, a missing key, and too many calls."""

from __future__ import annotations

from gateway.errors import NotAuthorized, NotServed, Refused


class NoSuchPath(Refused):
    """The path means nothing here."""

    status = 404
    type = "not_found_error"
    reason = "no_such_path"


class UnknownEncoding(Refused):
    """The body is packed in a way that is not read here."""

    status = 415
    type = "invalid_request_error"
    reason = "unknown_encoding"


class Overloaded(Refused):
    """The server bears no more calls; another gateway may."""

    status = 529
    type = "overloaded_error"

    def __init__(self, reason: str, retry_after_s: int) -> None:
        super().__init__("This gateway is overloaded. Try again in a few seconds.")
        self.reason = reason
        self.retry_after_s = retry_after_s


class TooManyCalls(Refused):
    """The caller has as many calls in flight as it may."""

    status = 429
    type = "rate_limit_error"

    def __init__(self, reason: str, limit: int, retry_after_s: int) -> None:
        super().__init__(
            f"This gateway key has {limit} calls in flight, which is its limit. "
            "Try again when one of them has ended."
        )
        self.reason = reason
        self.retry_after_s = retry_after_s


class WrongHost(Refused):
    """A keyless gateway was reached under a name that is not this machine's."""

    status = 403
    type = "permission_error"
    reason = "wrong_host"
    should_retry = False


def unserved(path: str) -> Refused:
    """Return the refusal for a path that no handler takes."""
    shown = path[:200]
    if path.startswith("/v1/"):
        return NotServed(f"This gateway does not serve {shown}.")
    return NoSuchPath(f"There is nothing at {shown}.")


def unauthorized(*, shown: bool, kind: str = "gateway") -> NotAuthorized:
    """Return the refusal for a key that is wrong (`shown`) or missing."""
    if shown:
        return NotAuthorized(f"This {kind} key is not valid.")
    article = "An" if kind[0] in "aeiou" else "A"
    return NotAuthorized(
        f"{article} {kind} key is required, in x-api-key or as authorization: Bearer <key>."
    )


class OperatorsOnly(Refused):
    """Usage was asked for, and nobody may ask."""

    status = 403
    type = "permission_error"
    reason = "operators_only"
    should_retry = False

    def __init__(self) -> None:
        super().__init__(
            "Usage and cost are for operators: configure admin_keys in [server], and show one."
        )


class NoLedger(NotServed):
    """Usage was asked for, and there is no ledger."""

    def __init__(self) -> None:
        super().__init__(
            "This gateway keeps no ledger: configure dir in [journal] and url in [ledger]."
        )


class LostLedger(Refused):
    """The ledger cannot be read now."""

    status = 503
    type = "api_error"
    reason = "ledger"

    def __init__(self, why: str) -> None:
        super().__init__(f"The ledger cannot be read: {why}.")


class SlowLedger(Refused):
    """A report took longer than it may."""

    status = 504
    type = "timeout_error"
    reason = "ledger"
    should_retry = False

    def __init__(self, limit_s: float) -> None:
        super().__init__(
            f"The report took longer than {limit_s:g} s: ask for less time, or use `gateway usage`."
        )


class BusyLedger(Refused):
    """As many reports are read as may be at a time."""

    status = 429
    type = "rate_limit_error"
    reason = "ledger"
    retry_after_s = 2

    def __init__(self, limit: int) -> None:
        super().__init__(f"{limit} reports are being read, which is the limit. Try again soon.")
