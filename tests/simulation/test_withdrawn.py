"""Policy may change while a call is under way: nothing is sent to what it no longer allows."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable, Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from gateway.dispatch.attempts import WITHDRAWN, Attempt, Dispatch, Give
from gateway.dispatch.drive import Connection, Job, Won, drive
from gateway.dispatch.limits import Limits
from gateway.routing import plan
from gateway.wire.contract import Route, run_blocking
from gateway.wire.passage import passage_of
from providers.contract import Failure, FailureKind, Headers, WireRequest
from tests.simulation.callers import Open, call, engine
from tests.simulation.schedules import LIMITS, Schedule, schedule
from tests.simulation.streams import whole
from tests.simulation.virtual import JSON, Script, VirtualWire

CASES = int(os.environ.get("TIDEGATE_LAWS", "10000")) // 5
BUSY = json.dumps({"type": "error", "error": {"type": "overloaded_error", "message": "busy"}})
ILL = Script(status=529, headers=JSON, chunks=((0.0, BUSY.encode()),))
GOOD = Script(chunks=tuple((0.1, each) for each in whole("x")))


class Slow(Open):
    """A credential that takes its time to be renewed."""

    def __init__(self, wire: VirtualWire, takes_s: float) -> None:
        self.wire = wire
        self.takes_s = takes_s

    def fresh(self) -> bool:
        return self.takes_s == 0

    def refresh(self, timeout_s: float) -> None:
        self.wire._jump(self.wire.clock_s + min(self.takes_s, timeout_s))


class Desk:
    """One call over a virtual wire under a policy that changes with the time."""

    def __init__(
        self,
        scripts: Schedule,
        may: Callable[[str, float], bool],
        renewal_s: float = 0.0,
        limits: Limits = LIMITS,
    ) -> None:
        self.wire = VirtualWire(scripts)
        self.stopped: list[str] = []
        self.failed: list[Failure] = []
        self.begun: list[str] = []
        self.asked: list[tuple[str, float]] = []
        self._may = may
        request = call()
        chosen = plan(request, engine(*scripts).upstreams)
        self.dispatch = Dispatch(
            chosen, limits, random.Random(1), self.wire.now_s(), may=self.allowed
        )
        signer = Slow(self.wire, renewal_s)
        self.job = Job(
            operation=chosen.operation,
            fields=request.fields,
            dispatch=self.dispatch,
            connections={
                name: Connection(Route(name, "https", f"{name}.test", 443), signer)
                for name in scripts
            },
            passage=passage_of(chosen, self.allowed),
            new_request_id=lambda: "req_1",
            on_attempt=lambda attempt: self.begun.append(attempt.leg.upstream.name),
            on_failure=lambda _attempt, failure, _told: self.failed.append(failure),
            on_withdrawn=self.stop,
        )

    def allowed(self, upstream: str) -> bool:
        self.asked.append((upstream, self.wire.clock_s))
        return self._may(upstream, self.wire.clock_s)

    def stop(self, attempt: Attempt) -> None:
        self.stopped.append(attempt.leg.upstream.name)

    def run(self) -> Won | Give:
        result = run_blocking(drive(self.job, self.wire))
        if isinstance(result, Won) and result.stream is not None:
            result.stream.close()
        return result

    @property
    def served(self) -> list[str]:
        return [each.upstream for each in self.wire.served]


def until(ends_s: Mapping[str, float]) -> Callable[[str, float], bool]:
    return lambda name, now_s: now_s < ends_s.get(name, float("inf"))


def test_a_withdrawn_upstream_is_passed_over_without_an_attempt() -> None:
    desk = Desk({"one": [GOOD], "two": [GOOD]}, until({"one": 0}))
    won = desk.run()
    assert isinstance(won, Won)
    assert (won.attempt.number, desk.served, desk.failed) == (1, ["two"], [])


def test_an_upstream_withdrawn_between_two_attempts_is_not_asked_again() -> None:
    desk = Desk({"one": [ILL, GOOD], "two": [GOOD]}, until({"one": 1000.01}))
    won = desk.run()
    assert isinstance(won, Won)
    assert desk.served == ["one", "two"]
    assert [record.upstream for record in won.records] == ["one"]
    assert won.withdrawn == ("one",)


def test_when_all_are_withdrawn_the_answer_says_so_and_names_them() -> None:
    desk = Desk({"one": [GOOD], "two": [GOOD]}, lambda _name, _now_s: False)
    gave = desk.run()
    assert isinstance(gave, Give)
    assert gave.failure is WITHDRAWN
    assert (gave.failure.status, gave.failure.type) == (403, "permission_error")
    assert "olicy no longer allows" in gave.failure.message
    assert gave.withdrawn == ("one", "two")
    assert (gave.records, desk.served) == ((), [])


def test_a_failure_outweighs_a_withdrawal() -> None:
    gave = Desk({"one": [ILL], "two": [GOOD]}, until({"two": 0})).run()
    assert isinstance(gave, Give)
    assert gave.failure.kind is FailureKind.ILL
    assert gave.withdrawn == ("two",)


def test_leave_is_asked_again_after_a_credential_took_its_time() -> None:
    desk = Desk({"one": [GOOD], "two": [GOOD]}, until({"one": 1004}), renewal_s=5)
    won = desk.run()
    assert isinstance(won, Won)
    assert (desk.served, desk.stopped, won.withdrawn) == (["two"], ["one"], ("one",))
    assert won.attempt.number == 1, "no byte left, so it is no attempt"


def test_leave_is_asked_again_after_a_connection_took_its_time() -> None:
    slow = Script(connect_s=5, chunks=GOOD.chunks)
    desk = Desk({"one": [slow], "two": [GOOD]}, until({"one": 1004}))
    assert isinstance(desk.run(), Won)
    assert (desk.served, desk.stopped) == (["two"], ["one"])


def test_leave_once_taken_back_is_not_given_again_to_the_same_call() -> None:
    def between(name: str, now_s: float) -> bool:
        return name == "two" or not 1000 <= now_s < 1000.1

    desk = Desk({"one": [GOOD], "two": [ILL, ILL]}, between)
    gave = desk.run()
    assert isinstance(gave, Give)
    assert desk.served == ["two", "two"]


def test_an_attempt_can_be_withdrawn_only_while_it_is_under_way() -> None:
    desk = Desk({"one": [GOOD]}, until({}))
    with pytest.raises(RuntimeError, match="no attempt"):
        desk.dispatch.withdrawn(1000.0)


def test_an_attempt_that_may_not_be_noted_is_not_made() -> None:
    def full(_attempt: Attempt) -> None:
        raise OSError("no space left")

    desk = Desk({"one": [GOOD]}, until({}))
    desk.job = structs.replace(desk.job, on_attempt=full)
    with pytest.raises(OSError, match="no space left"):
        desk.run()
    assert desk.served == []


class Gone(Open):
    """A credential that refuses to sign."""

    def sign(self, request: WireRequest, host: str) -> Headers:
        raise AssertionError("nothing was to be signed")


def test_nothing_is_signed_for_what_is_withdrawn() -> None:
    desk = Desk({"one": [GOOD]}, lambda _name, _now_s: False)
    route = Route("one", "https", "one.test", 443)
    desk.job.connections["one"] = Connection(route, Gone())  # type: ignore[index]
    assert isinstance(desk.run(), Give)


def changing(rng: random.Random) -> Desk:
    """Return a call whose upstreams are withdrawn at random times, some for a while only."""
    scripts = schedule(rng)
    moments = (0.0, 1000.0, 1000.2, 1001.0, 1010.0, 1050.0, 1200.0, float("inf"))
    off = {name: rng.choice(moments) for name in scripts}
    on = {name: off[name] + rng.choice((0.3, 20.0, float("inf"))) for name in scripts}
    for name, each in scripts.items():
        scripts[name] = [
            Script(**{**script.__dict__, "connect_s": rng.choice((0.0, 0.0, 4.0))})
            for script in each
        ]
    return Desk(
        scripts,
        lambda name, now_s: not off[name] <= now_s < on[name],
        renewal_s=rng.choice((0.0, 0.0, 3.0)),
    )


def check(rng: random.Random) -> None:
    desk = changing(rng)
    result = desk.run()
    refused: dict[str, float] = {}
    for name, at_s in desk.asked:
        if not desk._may(name, at_s):
            refused.setdefault(name, at_s)
    for served in desk.wire.served:
        assert desk._may(served.upstream, served.at_s), "sent without leave"
        assert served.at_s <= refused.get(served.upstream, float("inf")), "sent after a refusal"
    assert set(result.withdrawn) == set(refused)
    assert len(desk.begun) == len(desk.failed) + len(desk.stopped) + isinstance(result, Won)
    assert len(result.records) <= LIMITS.attempts
    if isinstance(result, Give) and not result.records:
        assert result.failure is WITHDRAWN
    assert [each.failure for each in result.records] == desk.failed


def test_nothing_is_ever_sent_after_leave_was_taken_back() -> None:
    for seed in range(CASES):
        try:
            check(random.Random(seed))
        except AssertionError as error:
            raise AssertionError(f"seed {seed}") from error


@given(st.randoms(use_true_random=False))
@settings(max_examples=max(1, min(CASES // 10, 2000)), deadline=None)
def test_the_same_law_with_shrinking(rng: random.Random) -> None:
    check(rng)
