"""The end of an answered call: what it used, and whether it is what was planned."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from gateway import logs
from gateway.affinity import Stay
from gateway.answers import Answer
from gateway.audit import Trail
from gateway.boundary import Leave
from gateway.costing import cost_headers
from gateway.dispatch.drive import Won
from gateway.dispatch.stream import Outcome, State, Stream
from gateway.policy import observed
from gateway.policy.observed import Expected, Said
from gateway.prices.cost import Cost
from gateway.recordable import bounded, kept_usage
from gateway.routing import Plan
from gateway.telemetry import Course
from gateway.wire.contract import Wire
from providers.contract import header

NO_WORD = "(no word)"
"""What is told of an observed value that could be a text."""
WORKSPACE = "anthropic-workspace-id"

Costs = Callable[[Said], Cost | None]
"""What an answer cost, from what it says; None: nothing prices it."""


class End:
    """Settles one answered call when its last byte has been read, or nobody listens any more.

    Args:
        won: The attempt that answered.
        expected: What was planned for it; None: nothing was, so nothing can break it.
        trail: Where it is recorded.
        course: What is told of the call.
        request_id: The id that the caller sees.
        violated: Told the upstream's name when the answer is not what was planned.
        gone: Says whether the caller left before it had the whole answer.
        costs: Prices what it used.
    """

    __slots__ = (
        "_costs",
        "_course",
        "_expected",
        "_gone",
        "_request_id",
        "_trail",
        "_violated",
        "_won",
    )

    def __init__(
        self,
        won: Won,
        expected: Expected | None,
        trail: Trail,
        course: Course,
        *,
        request_id: str,
        violated: Callable[[str], None],
        gone: Callable[[], bool],
        costs: Costs,
    ) -> None:
        self._costs = costs
        self._won = won
        self._expected = expected
        self._trail = trail
        self._course = course
        self._request_id = request_id
        self._violated = violated
        self._gone = gone

    def begin(self, answer: Answer) -> None:
        """Settle an answer that is whole, else when it has been read.

        Of an open one it is on record from now on what went in: its process may die meanwhile.
        """
        stream = self._won.stream
        if stream is None:
            self._whole(answer)
            return
        self._trail.used(self._won.attempt, stream.stream.facts)
        self._course.content(stream.stream.first_content_s)
        stream.on_end = self.streamed

    def _whole(self, answer: Answer) -> None:
        said = observed.whole(answer.body)
        cost = self._settle(Outcome(State.COMPLETE), said, counted=True)
        if cost is not None:
            answer.headers = (*answer.headers, *cost_headers(cost))

    def streamed(self, stream: Stream) -> None:
        """Settle a streamed answer."""
        self._course.content(stream.first_content_s)
        told = stream.facts
        said = Said(told.id, told.model, told.stop_reason, told.usage, told.stop_details)
        counted = told.counted and (stream.whole or told.stop_reason is not None)
        self._settle(stream.outcome or Outcome(State.LEFT), said, counted=counted)

    def _settle(self, outcome: Outcome, said: Said, *, counted: bool) -> Cost | None:
        used = kept_usage(said.counts)
        whole = outcome.state is State.COMPLETE
        if whole and self._gone():
            outcome = Outcome(State.LEFT)
        if self._expected is not None:
            recorded = {
                "message_id": bounded(said.id),
                "stop_reason": bounded(said.stop_reason),
                "refusal_category": bounded(said.refusal_category),
                **used.told,
                "whole": whole,
                "counted": counted,
            }
            self._compare(self._expected, outcome.state, said, recorded)
        cost = self._costs(said) if counted else None
        self._course.answered(
            outcome, self._request_id, bounded(used.counts), self._won.dropped, cost
        )
        return cost

    def _compare(
        self,
        expected: Expected,
        state: State,
        said: Said,
        recorded: Mapping[str, Any],
    ) -> None:
        """Record the end, and what of the answer is not as planned."""
        attempt = self._won.attempt
        told = observed.served(said.model, said.counts, header(self._won.headers, WORKSPACE))
        answer = {
            "model": bounded(told.model),
            **recorded,
            "unobserved": list(observed.unobserved(expected, told)),
            "platform_request_id": self._won.request_id,
        }
        self._trail.finished(attempt, state.value, self._request_id, answer)
        found = observed.violations(expected, told)
        upstream = attempt.leg.upstream.name
        for each in found:
            violation = each._replace(observed=bounded(each.observed) or NO_WORD)
            logs.violation(upstream, violation)
            self._trail.violation(upstream, violation)
            self._course.violated(upstream, violation.what)
        if found:
            self._violated(upstream)


def expected(won: Won, plan: Plan, leave: Leave) -> Expected:
    """Return what was planned for the upstream that answered."""
    upstream = won.attempt.leg.upstream
    model, endpoint = plan.operation.model, upstream.endpoint
    return Expected(
        model=model,
        wire_model=endpoint.models[model].id,
        models_inside=plan.judgement.models if plan.judgement is not None else (),
        geo=endpoint.geo,
        countries=leave.countries(upstream.name, model),
        workspace=endpoint.workspace,
    )


async def kept_warm(won: Won, stay: Stay, wire: Wire) -> None:
    """Take note of where a conversation is warm from now on, and of who signs its thinking."""
    upstream = won.attempt.leg.upstream

    async def signed(data: bytes) -> None:
        await stay.minted(upstream.provider.name, data, wire.now_s())

    try:
        await stay.answered(upstream.name, wire.now_s())
        if won.stream is None:
            await signed(won.body or b"")
    except BaseException:
        # A store may be far away, and the caller may leave meanwhile.
        if won.stream is not None:
            won.stream.close()
        raise
    if won.stream is not None and stay.watches:
        won.stream.on_signed = signed
