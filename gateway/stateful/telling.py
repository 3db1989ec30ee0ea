"""What is told of an errand that is under way, or has failed: to the journal, and to its caller."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from gateway import logs
from gateway.audit import Trail
from gateway.boundary import Leave
from gateway.dispatch.attempts import Attempt, Give
from gateway.dispatch.kinds import Bill, bill
from gateway.dispatch.stream import Facts
from gateway.routing import Plan
from gateway.stateful.planning import Task
from gateway.telemetry import Course
from gateway.wire.passage import address
from providers.contract import Failure, FailureKind

_CERTAIN = frozenset({Bill.NOT_SENT, Bill.REJECTED})
_MAYBE_MADE = (
    " It may have been done all the same, and was not tried again; x-gateway-only: {} with a list "
    "shows what is there."
)


class Begun(NamedTuple):
    """An errand under way."""

    task: Task
    plan: Plan
    trail: Trail
    course: Course
    leave: Leave


def recorded(task: Task) -> dict[str, object]:
    """Return what is recorded of an errand beside its decision."""
    found: dict[str, object] = {"action": task.order.action}
    if task.order.match.pinned is not None:
        state, name = task.order.match.pinned
        found["state"] = {"kind": state, "id": name}
    if task.batch is not None:
        found["requests"] = len(task.batch.items)
    return found


def may_be_done(failure: Failure) -> bool:
    """Say whether a platform may have done what it did not answer well."""
    return bill(failure) not in _CERTAIN


def is_nobodys(given: Give, task: Task) -> bool:
    """Say whether a platform does not have what nobody has pinned.

    To a caller with a key that is the same as another's: it is told in the same words.
    """
    absent = given.failure.kind is FailureKind.ABSENT
    return absent and task.pin is None and task.order.call.caller.key is not None


def told(given: Give, task: Task) -> Give:
    """Return what the caller is told of an errand that failed."""
    failure, order = given.failure, task.order
    if failure.kind is FailureKind.ABSENT and order.match.pinned is not None:
        state, name = order.match.pinned
        words = f"{state}: the upstream that it is asked of does not have {name}."
        return replace(
            given,
            failure=replace(
                failure,
                kind=FailureKind.CALLER,
                type="not_found_error",
                status=404,
                message=words,
            ),
        )
    if not order.match.endpoint.safe and given.records and may_be_done(failure):
        words = failure.message + _MAYBE_MADE.format(given.records[-1].upstream)
        return replace(given, failure=replace(failure, message=words), starved=True)
    return given


def started(begun: Begun, attempt: Attempt) -> None:
    """Tell of an attempt before a byte of it leaves."""
    upstream = attempt.leg.upstream
    _, host, _ = address(upstream.endpoint.base_url)
    served = upstream.endpoint.models.get(begun.task.needs.model)
    begun.trail.started(attempt, host, "" if served is None else served.id, None)
    begun.course.started(upstream)


def failed(begun: Begun, attempt: Attempt, failure: Failure) -> None:
    """Tell of an attempt that failed."""
    logs.attempt_failed(attempt, begun.task.order.match.endpoint.area, failure)
    begun.trail.failed(attempt, failure, Facts())
    begun.course.failed(failure)


def withdrawn(begun: Begun, attempt: Attempt) -> None:
    """Tell of an attempt that policy stopped."""
    begun.trail.withdrawn(attempt)
    begun.course.withdrawn()
