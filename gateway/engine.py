"""The whole flow of one call, on one page.

A door reads a `Call`. Routing turns it into a plan; the dispatch tries the plan's upstreams
over a wire; the first that answers is the `Answer`. The engine decides nothing of its own.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Self

from gateway import compose, logs
from gateway.call import Call
from gateway.config import Config, process_environ
from gateway.credentials.contract import Signer
from gateway.dispatch.attempts import Attempt, Dispatch, Give, Record
from gateway.dispatch.breaker import Breaker
from gateway.dispatch.drive import Connection, Job, OpenStream, Won, drive
from gateway.dispatch.limits import Limits
from gateway.errors import JSON, Refused, envelope, new_request_id
from gateway.routing import Plan, Upstream, plan
from gateway.wire.contract import Route, Wire
from gateway.wire.passage import passage_of
from providers.contract import Failure, FailureKind, Headers, Operation

HOPELESS = frozenset({FailureKind.CREDENTIAL, FailureKind.ABSENT, FailureKind.QUOTA})
"""Kinds that sending the same request again does not mend."""
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
    failure: Failure | None = None
    """Set when every attempt failed."""
    records: tuple[Record, ...] = ()
    """The attempts that failed, in order."""


class Engine:
    """Upstreams, their connections, and what is known of their health."""

    def __init__(
        self,
        upstreams: Sequence[Upstream],
        connections: Mapping[str, Connection],
        limits: Limits,
        *,
        breaker: Breaker | None = None,
        rng: random.Random | None = None,
    ) -> None:
        self.upstreams = tuple(upstreams)
        self.limits = limits
        self._connections = connections
        self._breaker = breaker
        self._limits_for = lru_cache(maxsize=256)(limits.for_call)
        self._rng = rng or random.Random()  # noqa: S311 - jitter is no secret

    @classmethod
    def from_config(
        cls,
        config: str | Path | Config | None = None,
        signers: Mapping[str, Signer] = compose.NO_SIGNERS,
    ) -> Self:
        """Return the engine of a configuration, for several clients to share.

        Args:
            config: A directory with a `gateway.toml`, or a configuration; None: the one that
                GATEWAY_CONFIG names, else the SDKs' own variables.
            signers: Upstream name -> signer, for credentials the configuration does not hold.

        Raises:
            ConfigError: The configuration is missing or wrong.
        """
        checked = compose.found(config, process_environ())
        made = compose.parts(checked, signers)
        return cls(made.upstreams, made.connections, made.limits, breaker=made.breaker)

    @property
    def routes(self) -> tuple[Route, ...]:
        """The addresses of the upstreams, in their order."""
        return tuple(self._connections[each.name].route for each in self.upstreams)

    async def answer(self, call: Call, wire: Wire) -> Answer:
        """Serve a call; raises Refused when no upstream may or can see it."""
        now_s = wire.now_s()
        chosen = self.plan(call, now_s)
        limits = self._limits_for(call.stream, call.silence_s, call.retry_count, call.attempts)
        job = Job(
            operation=chosen.operation,
            fields=call.fields,
            dispatch=Dispatch(chosen, limits, self._rng, now_s, may=_no_policy),
            connections=self._connections,
            passage=passage_of(chosen, _no_policy),
            new_request_id=new_request_id,
            on_failure=lambda attempt, failure: self._noted(
                attempt, chosen.operation, failure, limits, wire.now_s()
            ),
        )
        result = await drive(job, wire)
        if isinstance(result, Give):
            return _gave_up(result, call, limits)
        if self._breaker is not None:
            self._breaker.worked(result.attempt.leg.upstream.name, chosen.operation.model)
        return _won(result, call)

    def plan(self, call: Call, now_s: float) -> Plan:
        """Return where a call would be tried, in order; raises Refused."""
        return plan(call, self.upstreams, lambda model: self._ejected(model, now_s))

    def _ejected(self, model: str, now_s: float) -> frozenset[str]:
        return self._breaker.ejected(model, now_s) if self._breaker else frozenset()

    def _noted(
        self, attempt: Attempt, operation: Operation, failure: Failure, limits: Limits, now_s: float
    ) -> None:
        logs.attempt_failed(attempt, operation.model, failure)
        own = self._limits_for(operation.stream, None, 0, None)
        if self._breaker is not None and not _impatient(failure, limits, own):
            name = attempt.leg.upstream.name
            self._breaker.failed(name, operation.model, failure.kind, now_s)


def _no_policy(_upstream: str) -> bool:
    """Allow every upstream of a plan: nothing says otherwise."""
    return True


def refusal(error: Refused) -> Answer:
    """Return a refusal as the answer a door sends; no upstream saw the request."""
    request_id = new_request_id()
    headers: Headers = (*JSON, ("request-id", request_id), ("x-gateway-policy", "none"))
    if error.should_retry is not None:
        headers = (*headers, ("x-should-retry", str(error.should_retry).lower()))
    body = envelope(error.type, error.message, request_id, error.error_code)
    return Answer(error.status, headers, body)


def _impatient(failure: Failure, limits: Limits, own: Limits) -> bool:
    """Say whether the caller's clock ended an attempt before the operator's would have.

    Such an end says nothing of the upstream: it must not eject it for other callers.
    """
    if failure.type != "timeout_error" or failure.upstream_status is not None:
        return False
    bears_s = own.connect_s if failure.kind is FailureKind.NOT_SENT else own.first_content_s
    return limits.first_content_s < bears_s


def _won(won: Won, call: Call) -> Answer:
    upstream = won.attempt.leg.upstream
    headers = [
        ("content-type", "text/event-stream" if won.stream else "application/json"),
        ("request-id", won.request_id),
        ("x-gateway-upstream", upstream.name),
        ("x-gateway-attempts", str(won.attempt.number)),
        ("x-gateway-policy", "none"),
    ]
    if upstream.endpoint.region is not None:
        headers.append(("x-gateway-region", upstream.endpoint.region))
    if won.dropped:
        headers.append(("x-gateway-dropped", ", ".join(won.dropped)))
    if call.own_account:
        headers.extend(pair for pair in won.headers if pair[0].startswith("anthropic-"))
    return Answer(200, tuple(headers), won.body or b"", won.stream, records=won.records)


def _gave_up(given: Give, call: Call, limits: Limits) -> Answer:
    failure = _for_caller(given.failure, call)
    request_id = failure.request_id or new_request_id()
    headers = [
        *JSON,
        ("request-id", request_id),
        ("x-gateway-attempts", str(len(given.records))),
        ("x-gateway-policy", "none"),
    ]
    if len(given.records) > 1 or failure.kind in HOPELESS:
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
