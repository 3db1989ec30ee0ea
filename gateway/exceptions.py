"""The client's exceptions beyond the SDK's.

Each is also the SDK's own class for what happened, so code written for the SDK catches it:
`except anthropic.OverloadedError` and `except gateway.NoUpstreamAvailable` both see a call whose
upstreams were all overloaded. They pickle, and hold neither a key nor a prompt.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

import httpx2
import msgspec
from anthropic import APIConnectionError, APIStatusError, APITimeoutError, PermissionDeniedError
from anthropic._error_classes import make_status_error

from gateway.answers import Answer
from gateway.dispatch.attempts import Record
from providers.contract import Failure, FailureKind, Headers

UNANSWERED = frozenset({FailureKind.NOT_SENT, FailureKind.AMBIGUOUS})


@dataclass(frozen=True, slots=True)
class FailedAttempt:
    """One request to one upstream that brought no answer."""

    number: int
    """Counted from 1 over the whole call."""
    upstream: str
    kind: str
    """A `providers.contract.FailureKind`: `throttled`, `ill`, `not_sent`, ..."""
    status: int | None
    """The status the upstream sent; None when no answer came."""
    type: str
    """The Anthropic error type (`overloaded_error`)."""
    message: str
    request_id: str | None
    """The upstream's own id of the request."""
    took_s: float


@dataclass(frozen=True, slots=True)
class Report:
    """All that an exception of ours is made of."""

    status: int
    headers: Headers
    body: bytes
    """The error in the Anthropic envelope."""
    method: str
    url: str
    sent: Headers = ()
    """The request's headers that are worth keeping; never a credential."""
    attempts: tuple[FailedAttempt, ...] = ()


class _Portable(APIStatusError):
    """An error that is rebuilt from a report wherever it is unpickled."""

    _made_of: tuple[type[_Portable], type[Exception] | None, Report] | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return super().__reduce__() if self._made_of is None else (_made, self._made_of)


class NoUpstreamAvailable(_Portable):
    """Every attempt failed; no upstream that may serve the call answered it."""

    attempts: tuple[FailedAttempt, ...] = ()
    """Every attempt, in order."""


class PolicyDenied(_Portable, PermissionDeniedError):
    """No upstream is allowed for the call; nothing was sent."""


P = TypeVar("P", bound=_Portable)


def no_upstream(answer: Answer, failure: Failure, request: httpx2.Request) -> NoUpstreamAvailable:
    """Return the error for a call whose every attempt failed."""
    report = _report(answer, request, tuple(map(_attempt, answer.records)))
    return _made(NoUpstreamAvailable, _connection_class(failure), report)


def policy_denied(answer: Answer, request: httpx2.Request) -> PolicyDenied:
    """Return the error for a call that no upstream may serve."""
    return _made(PolicyDenied, None, _report(answer, request, ()))


def broken_off(failure: Failure, event: bytes, request: httpx2.Request) -> APIStatusError:
    """Return the error for a streamed answer that ended with an `error` event.

    It is the SDK's class for the failure; the SDK itself would see only the stream's status 200.
    `event` is the whole event; its data is the error in the Anthropic envelope.
    """
    body = event.partition(b"data: ")[2].strip()
    request_id = msgspec.json.decode(body).get("request_id") or ""
    answer = Answer(failure.status, (("request-id", request_id),), body)
    return _plain(_report(answer, request, ()))


def without_content(request: httpx2.Request) -> httpx2.Request:
    """Return a request with neither body nor credential, for an error to show."""
    # The SDK renews a rejected access token once, on the first try: it looks here for that.
    name = "x-stainless-retry-count"
    kept = [(name, request.headers[name])] if name in request.headers else []
    return httpx2.Request(request.method, _address(request), headers=kept)


def _address(request: httpx2.Request) -> str:
    return str(request.url.copy_with(username=None, password=None))


def _connection_class(failure: Failure) -> type[Exception] | None:
    """Return the SDK's class for a failure in which no upstream sent a status."""
    if failure.upstream_status is not None:
        return None
    if failure.type == "timeout_error":
        return APITimeoutError
    return APIConnectionError if failure.kind in UNANSWERED else None


def _attempt(record: Record) -> FailedAttempt:
    failure = record.failure
    return FailedAttempt(
        record.number,
        record.upstream,
        failure.kind.value,
        failure.upstream_status,
        failure.type,
        failure.message,
        failure.request_id,
        record.took_s,
    )


def _report(answer: Answer, request: httpx2.Request, attempts: tuple[FailedAttempt, ...]) -> Report:
    kept = tuple((name, value) for name, value in answer.headers if name != "x-should-retry")
    bare = without_content(request)
    return Report(
        answer.status,
        (*kept, ("x-should-retry", "false")),
        answer.body,
        bare.method,
        str(bare.url),
        tuple(bare.headers.multi_items()),
        attempts,
    )


def _plain(report: Report) -> APIStatusError:
    """Return the SDK's own error for a report."""
    request = httpx2.Request(report.method, report.url, headers=list(report.sent))
    response = httpx2.Response(
        report.status, headers=list(report.headers), content=report.body, request=request
    )
    body = msgspec.json.decode(report.body)
    tried = ", ".join(f"{each.upstream} {each.status or each.kind}" for each in report.attempts)
    tail = f" (tried: {tried})" if tried else ""
    words = f"Error code: {report.status} - {body}{tail}"
    return make_status_error(words, body=body, response=response)


def _made(own: type[P], other: type[Exception] | None, report: Report) -> P:
    """Build an error of class `own` that is of class `other` too, or of the SDK's for a status.

    The classes' own constructors do not fit together, so the parts of the SDK's error are taken.
    """
    plain = _plain(report)
    kind = _both(own, other or type(plain))
    error = kind.__new__(kind, *plain.args)
    vars(error).update(vars(plain), attempts=report.attempts, _made_of=(own, other, report))
    return error


def _both(own: type[P], other: type[Exception]) -> type[P]:
    """Return the one class that is both."""
    if issubclass(own, other):
        return own
    if (own, other) not in _known:
        body = {"__module__": own.__module__, "__doc__": own.__doc__}
        _known.setdefault((own, other), type(own.__name__, (own, other), body))
    both: type[P] = _known[own, other]
    return both


_known: dict[tuple[type, type], Any] = {}
