"""What a door hands to its caller: an upstream's answer, its failure, or a refusal of ours."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from gateway.call import Call
from gateway.dispatch.attempts import Give, Record
from gateway.dispatch.download import Download
from gateway.dispatch.drive import OpenStream, Won
from gateway.dispatch.kinds import RULES
from gateway.dispatch.limits import Limits
from gateway.errors import JSON, Refused, envelope, new_request_id
from gateway.routing import Plan
from providers.contract import Failure, FailureKind, Headers, header

DIGEST_SHOWN = 16
"""How much of a digest an answer shows."""
OPERATORS = frozenset({FailureKind.CREDENTIAL})
"""Kinds that are the operator's trouble: the caller learns only that there was one."""

REFUSED_CREDENTIAL = "The gateway's own credential was refused by the upstream."
NO_CREDENTIAL = "The gateway has no usable credential for the upstream."


@dataclass(slots=True)
class Answer:
    """What a door hands to its caller: `body` whole, or `stream` to be read."""

    status: int
    headers: Headers
    body: bytes = field(default=b"", repr=False)
    stream: OpenStream | None = None
    download: Download | None = field(default=None, repr=False)
    """To be read, and handed on as it comes."""
    failure: Failure | None = None
    """Set when every attempt failed."""
    records: tuple[Record, ...] = ()
    """The attempts that failed, in order."""

    @property
    def request_id(self) -> str:
        """The id that the caller sees."""
        return header(self.headers, "request-id") or ""


@dataclass(frozen=True, slots=True)
class Judged:
    """What an answer says of the policy that its call was held against."""

    policy: str = "none"
    """The start of the digest of the policies in force, or `none`."""
    decision: str | None = None
    """The id of the decision; None: there is none on record."""

    @property
    def headers(self) -> Headers:
        """The headers that say so."""
        if self.decision is None:
            return (("x-gateway-policy", self.policy),)
        return (("x-gateway-policy", self.policy), ("x-gateway-decision", self.decision))


def judged(chosen: Plan, decision: str | None) -> Judged:
    """Return what an answer says of the policy that led to a plan."""
    if chosen.judgement is None:
        return Judged(decision=decision)
    return Judged(chosen.judgement.decision.policy_digest[:DIGEST_SHOWN], decision)


def named(error: Refused, decision: str | None) -> Refused:
    """Return a refusal with the id of its decision."""
    error.decision = decision
    if decision is not None:
        error.message = f"{error.message} (decision {decision})"
    return error


def refusal(error: Refused, policy: str = "none") -> Answer:
    """Return a refusal as the answer a door sends; no upstream saw the request."""
    request_id = error.request_id or new_request_id()
    judged = Judged(policy, error.decision)
    headers: Headers = (*JSON, ("request-id", request_id), *judged.headers)
    if error.should_retry is not None:
        headers = (*headers, ("x-should-retry", str(error.should_retry).lower()))
    if error.retry_after_s is not None:
        headers = (*headers, ("retry-after", str(error.retry_after_s)))
    body = envelope(error.type, error.message, request_id, error.error_code)
    return Answer(error.status, headers, body)


def won(won: Won, call: Call, judged: Judged) -> Answer:
    """Return the answer that an upstream gave."""
    upstream = won.attempt.leg.upstream
    kind = "text/event-stream" if won.stream else "application/json"
    if won.download is not None:
        kind = header(won.headers, "content-type") or "application/octet-stream"
    headers = [
        ("content-type", kind),
        ("request-id", won.request_id),
        ("x-gateway-upstream", upstream.name),
        ("x-gateway-attempts", str(won.attempt.number)),
        *judged.headers,
    ]
    if upstream.endpoint.region is not None:
        headers.append(("x-gateway-region", upstream.endpoint.region))
    if won.dropped:
        headers.append(("x-gateway-dropped", ", ".join(won.dropped)))
    if call.own_account:
        headers.extend(pair for pair in won.headers if pair[0].startswith("anthropic-"))
    return Answer(200, tuple(headers), won.body or b"", won.stream, records=won.records)


def gave_up(given: Give, call: Call, limits: Limits, judged: Judged) -> Answer:
    """Return the answer to a call whose every attempt failed."""
    failure = _for_caller(given.failure, call)
    request_id = failure.request_id or call.request_id or new_request_id()
    headers = [
        *JSON,
        ("request-id", request_id),
        ("x-gateway-attempts", str(len(given.records))),
        *judged.headers,
    ]
    if len(given.records) > 1 or given.starved or RULES[failure.kind].hopeless:
        headers.append(("x-should-retry", "false"))
    if failure.retry_after_s is not None:
        seconds = min(failure.retry_after_s, limits.retry_after_cap_s)
        headers.append(("retry-after", f"{seconds:g}"))
    body = failure.envelope or envelope(
        failure.type, failure.message, request_id, failure.error_code
    )
    return Answer(failure.status, tuple(headers), body, failure=failure, records=given.records)


def _for_caller(failure: Failure, call: Call) -> Failure:
    """Hide what is the operator's own trouble, unless the caller is the operator."""
    if failure.kind not in OPERATORS:
        return failure
    if call.own_account:
        refused = failure.upstream_status == 401  # noqa: PLR2004 - the caller's own key is wrong
        return replace(failure, status=401, type="authentication_error") if refused else failure
    asked = failure.upstream_status is not None
    message = REFUSED_CREDENTIAL if asked else NO_CREDENTIAL
    return Failure(failure.kind, 502, "api_error", message, request_id=failure.request_id)
