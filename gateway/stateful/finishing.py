"""The end of an errand that an upstream answered: what it made, and what its caller gets."""

from __future__ import annotations

import msgspec
from msgspec import Raw

from gateway import answers
from gateway.answers import Answer
from gateway.audit import Trail
from gateway.dispatch.download import Download
from gateway.dispatch.drive import Won
from gateway.dispatch.stream import Outcome, State
from gateway.recordable import short
from gateway.routing import Plan
from gateway.stateful.addresses import rewritten
from gateway.stateful.carrier import made_id
from gateway.stateful.pins import Pin, asked_of
from gateway.stateful.planning import Task
from gateway.telemetry import NO_USAGE, Course
from providers.contract import Headers, header

PASSED_ON = ("content-disposition", "content-length")
"""Headers of a download that its caller gets."""

_object = msgspec.json.Decoder(dict[str, Raw])
_list = msgspec.json.Decoder(list[Raw])
_encode = msgspec.json.Encoder().encode


class End:
    """Settles one errand.

    Args:
        won: The attempt that answered.
        task: The errand.
        plan: Its plan.
        trail: Where it is recorded.
        course: What is told of it.
        now_s: The Unix time.
    """

    def __init__(
        self, won: Won, task: Task, plan: Plan, *, trail: Trail, course: Course, now_s: float
    ) -> None:
        self._won = won
        self._task = task
        self._plan = plan
        self._trail = trail
        self._course = course
        self._now_s = now_s

    def made(self) -> Pin | None:
        """Return the pin of what was made; None: nothing was."""
        call, made = self._task.order.call, self._task.order.match.endpoint.makes
        name = made_id(self._won.body or b"")
        if self._task.order.action != "create" or made is None or name is None:
            return None
        judgement = self._plan.judgement
        return Pin(
            state=made,
            id=name,
            upstream=self._won.attempt.leg.upstream.name,
            owner=call.caller.key or "",
            at_s=self._now_s,
            decision=self._trail.decision,
            asked=None if judgement is None else asked_of(judgement.request),
            payer=call.payer,
            tags={name: value for name, value in call.labels.tags if short(value) == value},
        )

    def whole(self, body: bytes) -> Answer:
        """Return the answer to an errand that is done."""
        order, upstream = self._task.order, self._won.attempt.leg.upstream
        shown = rewritten(
            body, order.match.endpoint.urls, upstream.endpoint.base_url, order.own_url
        )
        answer = self._answer((*self._won.dropped, *shown.dropped))
        answer.body = shown.body
        self._finished(Outcome(State.COMPLETE), answer)
        return answer

    def download(self, download: Download) -> Answer:
        """Return the answer to an errand whose answer is read by its caller."""
        answer = self._answer(self._won.dropped)
        answer.headers = (*answer.headers, *_passed_on(download.headers))
        answer.download = download
        download.on_end = lambda ended: self._finished(ended.outcome, answer)
        return answer

    def _answer(self, dropped: tuple[str, ...]) -> Answer:
        self._won.dropped = dropped
        judged = answers.judged(self._plan, self._trail.decision)
        return answers.won(self._won, self._task.order.call, judged)

    def _finished(self, outcome: Outcome | None, answer: Answer) -> None:
        outcome = outcome or Outcome(State.LEFT)
        told = {"whole": outcome.state is State.COMPLETE}
        self._trail.finished(self._won.attempt, outcome.state.value, answer.request_id, told)
        self._course.answered(outcome, answer.request_id, NO_USAGE, self._won.dropped, None)


def _passed_on(headers: Headers) -> Headers:
    found = ((name, header(headers, name)) for name in PASSED_ON)
    return tuple((name, value) for name, value in found if value is not None)


def listed(body: bytes) -> list[str]:
    """Return the ids in a list."""
    return [name for each in _rows(body) if (name := made_id(bytes(each))) is not None]


def only(body: bytes, ids: set[str]) -> bytes:
    """Return a list with only the objects of these ids; what points at others is pointed anew."""
    fields = _object.decode(body)
    kept = [each for each in _rows(body) if made_id(bytes(each)) in ids]
    names = [made_id(bytes(each)) for each in kept]
    edges = {"first_id": names[0] if names else None, "last_id": names[-1] if names else None}
    more = {name: Raw(_encode(value)) for name, value in edges.items() if name in fields}
    return _encode({**fields, **more, "data": kept})


def _rows(body: bytes) -> list[Raw]:
    try:
        return _list.decode(_object.decode(body).get("data", b"[]"))
    except (msgspec.DecodeError, RecursionError):
        return []
