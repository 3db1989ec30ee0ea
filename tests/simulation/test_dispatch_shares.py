"""What calls share decides what one of them tries: health, a budget, a warm cache."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import pytest
from msgspec import structs

from gateway.audit import Audit, Unrecorded
from gateway.call import read_call
from gateway.dispatch.attempts import Dispatch, Give, Send, Wait
from gateway.dispatch.budget import Budget
from gateway.dispatch.health import Health, Standing
from gateway.dispatch.limits import Limits
from gateway.routing import plan
from providers.contract import Failure, FailureKind, Kind
from tests.simulation.callers import HEADERS, ask, call, engine
from tests.simulation.crowd import Crowd
from tests.simulation.streams import whole
from tests.simulation.test_attempts import error, good, upstreams
from tests.simulation.virtual import JSON, Script, VirtualWire

MODEL = "claude-opus-5-5"
BUSY = Failure(FailureKind.ILL, 529, "overloaded_error", "busy", upstream_status=529)


def throttled(retry_after_s: float | None) -> Failure:
    kind = FailureKind.THROTTLED
    return Failure(
        kind, 429, "rate_limit_error", "slow", retry_after_s=retry_after_s, upstream_status=429
    )


def dispatch(
    *names: str,
    health: Health | None = None,
    budget: Budget | None = None,
    warm: str | None = None,
    limits: Limits | None = None,
    gone: Callable[[], bool] = lambda: False,
) -> Dispatch:
    chosen = plan(call(), engine(*names).upstreams)
    return Dispatch(
        structs.replace(chosen, warm=warm),
        limits or Limits(warm_wait_s=5.0),
        random.Random(1),
        1000.0,
        may=lambda _: True,
        ward=(health or Health()).of(MODEL),
        budget=budget,
        gone=gone,
    )


def sent(step: object) -> str:
    assert isinstance(step, Send), step
    return step.attempt.leg.upstream.name


def ill(health: Health, name: str, times: int = 5, now_s: float = 1000.0) -> None:
    ward = health.of(MODEL)
    for _ in range(times):
        ward.failed(ward.begun(name, now_s), BUSY, now_s, counts=True)


def test_an_ejected_upstream_is_asked_last_and_the_last_one_all_the_same() -> None:
    health = Health()
    ill(health, "one")
    assert sent(dispatch("one", "two", health=health).start(1000.0)) == "two"
    assert sent(dispatch("one", health=health).start(1000.0)) == "one"
    ill(health, "two")
    assert sent(dispatch("one", "two", health=health).start(1000.0)) == "one"


def test_one_call_tries_the_half_open_upstream_and_the_others_go_elsewhere() -> None:
    health = Health()
    ill(health, "one")
    later_s = 1000.0 + health.bounds.ejection_s
    first, second = dispatch("one", "two", health=health), dispatch("one", "two", health=health)
    assert sent(first.start(later_s)) == "one"
    assert sent(second.start(later_s)) == "two"
    first.answered(later_s)
    assert sent(dispatch("one", "two", health=health).start(later_s)) == "one"


def test_a_caller_who_leaves_gives_the_turn_back() -> None:
    health = Health()
    ill(health, "one")
    later_s = 1000.0 + health.bounds.ejection_s
    first = dispatch("one", "two", health=health)
    first.start(later_s)
    first.stop(later_s)
    assert sent(dispatch("one", "two", health=health).start(later_s)) == "one"


def test_an_upstream_that_is_ejected_meanwhile_is_not_asked_again_first() -> None:
    health = Health()
    ill(health, "one", times=4)
    asked = dispatch("one", "two", health=health)
    asked.start(1000.0)
    assert sent(asked.failed(BUSY, 1001.0)) == "two"


def test_without_budget_an_ill_upstream_is_not_burdened_again() -> None:
    asked = dispatch("one", budget=Budget(0.0, 0.0))
    asked.start(1000.0)
    step = asked.failed(BUSY, 1001.0)
    assert isinstance(step, Wait)
    given = asked.start(step.until_s)
    assert isinstance(given, Give)
    assert given.starved
    assert given.failure is BUSY


def test_without_budget_an_upstream_that_is_not_known_to_be_ill_still_takes_over() -> None:
    health = Health()
    ill(health, "two", times=1)
    asked = dispatch("one", "two", "three", health=health, budget=Budget(0.0, 0.0))
    asked.start(1000.0)
    step = asked.failed(throttled(None), 1001.0)
    assert sent(step) == "three"


def test_a_call_that_the_budget_ended_tells_the_client_not_to_retry() -> None:
    asked = engine("one", health=Health(), budget=Budget(0.0, 0.0))
    seen = ask(asked, VirtualWire({"one": [error(529, "overloaded_error")]}))
    assert seen.status == 529
    assert seen.header("x-gateway-attempts") == "1"
    assert seen.header("x-should-retry") == "false"


@pytest.mark.parametrize(("asks_s", "goes_to"), [(3.0, "one"), (None, "one"), (6.0, "two")])
def test_a_throttled_upstream_with_a_warm_cache_is_waited_for(
    asks_s: float | None, goes_to: str
) -> None:
    asked = dispatch("one", "two", warm="one")
    asked.start(1000.0)
    step = asked.failed(throttled(asks_s), 1001.0)
    if isinstance(step, Wait):
        assert step.until_s <= 1001.0 + 5.0
        step = asked.start(step.until_s)
    assert sent(step) == goes_to


def test_a_warm_upstream_that_cools_down_is_waited_for_from_the_start() -> None:
    health = Health()
    ward = health.of(MODEL)
    ward.failed(ward.begun("one", 999.0), throttled(4.0), 999.0, counts=True)
    asked = dispatch("one", "two", health=health, warm="one")
    step = asked.start(1000.0)
    assert isinstance(step, Wait)
    assert step.until_s == 1003.0
    assert sent(asked.start(1003.0)) == "one"
    assert sent(dispatch("one", "two", health=health, warm="two").start(1000.0)) == "two"


def test_nothing_more_is_tried_for_a_caller_who_left() -> None:
    left: list[bool] = []
    asked = dispatch("one", "two", gone=lambda: bool(left))
    asked.start(1000.0)
    left.append(True)
    step = asked.failed(BUSY, 1001.0)
    assert isinstance(step, Give)
    assert [record.upstream for record in step.records] == ["one"]


def test_a_cut_answer_counts_though_it_had_begun() -> None:
    health = Health()
    asked = engine("one", health=health)
    cut = Script(chunks=tuple((0.0, each) for each in whole("one")[:3]), end="reset")
    wire = VirtualWire({"one": [cut]})
    for _ in range(5):
        ask(asked, wire)
    assert health.out(MODEL, wire.clock_s) == {"one"}


def test_a_long_answer_that_ran_out_of_the_calls_time_does_not_count() -> None:
    health = Health()
    asked = engine("one", limits=Limits(call_s=30.0), health=health)
    long = Script(chunks=tuple((3.0, each) for each in whole("one", deltas=50)))
    wire = VirtualWire({"one": [long]})
    for _ in range(5):
        assert b"timeout_error" in ask(asked, wire).stream
    assert health.states(wire.clock_s)[0].failures == 0


def test_a_failing_count_of_tokens_says_nothing_of_messages() -> None:
    health = Health()
    asked = engine("one", "two", health=health)
    body = {"model": MODEL, "messages": [{"role": "user", "content": "x"}]}
    counting = read_call(Kind.COUNT_TOKENS, HEADERS, msgspec.json.encode(body))
    counted = Script(headers=JSON, chunks=((0.0, b'{"input_tokens": 7}'),))
    wire = VirtualWire({"one": [error(404, "not_found_error")], "two": [counted]})
    assert ask(asked, wire, counting).status == 200
    assert health.out(f"{MODEL} (counting)", wire.clock_s) == {"one"}
    assert health.out(MODEL, wire.clock_s) == frozenset()


def test_leaving_in_any_state_closes_the_upstream_and_frees_its_turn() -> None:
    slow = Script(delay_s=2.0, chunks=tuple((2.0, each) for each in whole("x")))
    for leaves_s in (0.0, 1.0, 3.0, 5.0, 9.0):
        health = Health()
        crowd = Crowd(engine("one", health=health), lambda _, __: slow)
        visit = crowd.call(call(), 1000.0, leaves_s)
        crowd.run()
        assert visit.left
        assert all(served.closed for served in crowd.served)
        assert all(state.standing is Standing.CLOSED for state in health.states(crowd.clock_s))


class Broken(Audit):
    """A journal that is required and cannot be written."""

    def must(self, kind: str, data: Mapping[str, Any]) -> None:
        raise Unrecorded


def test_an_attempt_that_could_not_be_recorded_gives_its_turn_back() -> None:
    health = Health()
    ill(health, "one")
    asked = engine("one", health=health)
    asked.audit = Broken()
    wire = VirtualWire({"one": [good("one")]})
    wire.clock_s = 1000.0 + health.bounds.ejection_s
    with pytest.raises(Unrecorded):
        ask(asked, wire)
    assert wire.served == []
    assert health.of(MODEL).standing("one", wire.clock_s) is Standing.HALF_OPEN


def test_upstreams_are_tried_in_order_while_all_are_well() -> None:
    asked = engine("one", "two", health=Health(), budget=Budget())
    wire = VirtualWire({"one": [good("one")], "two": [good("two")]})
    for _ in range(20):
        ask(asked, wire)
    assert set(upstreams(wire)) == {"one"}
