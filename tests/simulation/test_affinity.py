"""Conversations over several upstreams in virtual time: where each turn goes, and when it moves."""

from __future__ import annotations

import asyncio
import json
import os
import random
from typing import Any

import pytest

from gateway.affinity import Affinity, MemoryPins
from gateway.call import Call, Caller, read_call
from gateway.dispatch.health import Bounds, Health
from gateway.dispatch.limits import Limits
from gateway.engine import Engine
from providers.contract import Kind
from tests.simulation.callers import HEADERS, Seen, ask, engine
from tests.simulation.streams import marks, whole
from tests.simulation.virtual import JSON, Script, VirtualWire

CASES = max(int(os.environ.get("TIDEGATE_LAWS", "2000")) // 20, 1)
MARK = {"type": "ephemeral"}
HOUR = {"type": "ephemeral", "ttl": "1h"}
RULES = {"type": "text", "text": "the rules", "cache_control": MARK}
WAITS = Limits(warm_wait_s=5.0)


def turn(
    number: int,
    about: str = "tides",
    mark: dict[str, Any] | None = MARK,
    key: str | None = None,
    only: str = "",
    **fields: Any,
) -> Call:
    """Return one turn of a conversation; its mark is on the newest message."""
    told = [
        {"role": role, "content": f"{role} {at} on {about}"}
        for at in range(number)
        for role in ("user", "assistant")
    ]
    newest: dict[str, Any] = {"type": "text", "text": f"user {number} on {about}"}
    if mark is not None:
        newest["cache_control"] = mark
    messages = [*told, {"role": "user", "content": [newest]}]
    body = {"model": "claude-opus-5-5", "max_tokens": 64, "stream": True, "messages": messages}
    headers = (*HEADERS, *((("x-gateway-only", only),) if only else ()))
    raw = json.dumps(body | fields).encode()
    return read_call(Kind.MESSAGES, headers, raw, caller=Caller(key))


def good(mark: str) -> Script:
    return Script(chunks=tuple((0.1, each) for each in whole(mark)))


def refusing(status: int, kind: str, retry_after: str | None = None) -> Script:
    body = {"type": "error", "error": {"type": kind, "message": "no"}}
    headers = JSON if retry_after is None else (*JSON, ("retry-after", retry_after))
    return Script(status=status, headers=headers, chunks=((0.0, json.dumps(body).encode()),))


ILL = refusing(529, "overloaded_error")


class Desk:
    """An engine over upstreams `one`, `two`, ..., and a wire whose scripts a test sets."""

    def __init__(self, *names: str, held: bool = True, **parts: Any) -> None:
        names = names or ("one", "two")
        self.wire = VirtualWire({name: [good(name)] for name in names})
        self.engine: Engine = engine(*names, affinity=Affinity() if held else None, **parts)

    def does(self, name: str, *scripts: Script) -> None:
        """Let an upstream do this with its next requests, and answer well afterwards."""
        self.wire._scripts[name] = [*scripts, good(name)]

    def ask(self, call: Call) -> Seen:
        return ask(self.engine, self.wire, call)

    def by(self, call: Call) -> str:
        """Return the upstream that answered."""
        (found,) = marks(self.ask(call).stream)
        return found

    def moved(self, call: Call) -> None:
        """Have a call answered by `two`, because `one` is ill for a moment."""
        self.does("one", ILL, ILL)
        assert self.by(call) == "two"
        self.does("one")


def test_after_a_failover_a_conversation_does_not_snap_back() -> None:
    desk = Desk()
    assert desk.by(turn(0)) == "one"
    desk.moved(turn(1))
    assert [desk.by(turn(number)) for number in (2, 3)] == ["two", "two"]
    free = Desk(held=False)
    free.moved(turn(1))
    assert free.by(turn(2)) == "one", "else this test could not fail"


@pytest.mark.parametrize(("mark", "ttl_s"), [(MARK, 300.0), (HOUR, 3600.0)])
def test_it_is_held_for_as_long_as_the_cache_lives_since_its_last_use(
    mark: dict[str, Any], ttl_s: float
) -> None:
    desk = Desk()
    desk.moved(turn(0, mark=mark))
    for number in (1, 2, 3):
        desk.wire.clock_s += ttl_s - 2
        assert desk.by(turn(number, mark=mark)) == "two"
    desk.wire.clock_s += ttl_s
    assert desk.by(turn(4, mark=mark)) == "one"


def test_a_shorter_mark_does_not_shorten_what_an_hour_holds() -> None:
    desk = Desk()
    desk.moved(turn(0, mark=HOUR))
    assert desk.by(turn(1)) == "two"
    desk.wire.clock_s += 3500
    assert desk.by(turn(2)) == "two"


def test_what_caches_nothing_is_not_held() -> None:
    desk = Desk()
    desk.moved(turn(0, mark=None))
    assert desk.by(turn(1, mark=None)) == "one"


def test_each_conversation_and_each_tenant_is_held_for_itself() -> None:
    desk = Desk()
    for call in (turn(0, "wind"), turn(0, key="blue")):
        assert desk.by(call) == "one"
    desk.moved(turn(0, key="red"))
    assert desk.by(turn(1, key="red")) == "two"
    assert desk.by(turn(1, "wind", key="red")) == "one"
    assert desk.by(turn(1, key="blue")) == "one"


def test_a_new_conversation_goes_where_what_it_shares_is_warm() -> None:
    desk = Desk()
    desk.moved(turn(0, system=[RULES]))
    assert desk.by(turn(0, "wind", system=[RULES])) == "two"
    assert desk.by(turn(0, "wind", system=[{**RULES, "text": "other rules"}])) == "one"


def test_another_conversations_failover_does_not_move_one_that_shares_its_rules() -> None:
    desk = Desk()
    assert desk.by(turn(0, "wind", system=[RULES])) == "one"
    desk.moved(turn(0, system=[RULES]))
    assert desk.by(turn(1, "wind", system=[RULES])) == "one"
    assert desk.by(turn(1, system=[RULES])) == "two"


def test_a_pin_that_a_call_may_not_follow_stays_for_the_next_one_until_another_answers() -> None:
    desk = Desk("one", "two", "three")
    desk.moved(turn(0))
    desk.does("one", *[refusing(401, "authentication_error")] * 3)
    assert desk.ask(turn(1, only="one")).status == 502
    desk.does("one")
    assert desk.by(turn(1)) == "two"
    assert desk.by(turn(2, only="three")) == "three"
    assert desk.by(turn(3)) == "three"


def test_it_yields_to_health_and_then_stays_where_it_went() -> None:
    health = Health(Bounds(consecutive=1, ejection_s=10.0))
    desk = Desk(health=health)
    desk.does("one", ILL)
    assert desk.by(turn(0)) == "two"
    desk.wire.clock_s += 60
    assert desk.by(turn(1)) == "two", "one is well again, and the cache is here"
    desk.does("two", ILL)
    assert desk.by(turn(2)) == "one"
    assert desk.by(turn(3)) == "one"
    assert [each.upstream for each in desk.wire.served[-2:]] == ["one", "one"], "ill goes last"


@pytest.mark.parametrize(("retry_after", "answers"), [("3", "two"), ("30", "one")])
def test_a_throttled_warm_upstream_is_waited_for_so_long(retry_after: str, answers: str) -> None:
    desk = Desk(limits=WAITS, health=Health())
    desk.moved(turn(0))
    desk.does("two", refusing(429, "rate_limit_error", retry_after))
    asked_s = desk.wire.clock_s
    assert desk.by(turn(1)) == answers
    waited_s = desk.wire.served[-1].at_s - asked_s
    assert waited_s == pytest.approx(3.0 if answers == "two" else 0.0, abs=0.5)
    assert desk.by(turn(2)) == answers


def test_one_that_cools_down_because_of_another_call_is_waited_for_too() -> None:
    desk = Desk("one", "two", "three", limits=WAITS, health=Health())
    desk.moved(turn(0))
    desk.does("two", refusing(429, "rate_limit_error", "4"))
    assert desk.by(turn(0, "wind", only="two,three")) == "three"
    asked_s = desk.wire.clock_s
    assert desk.by(turn(1)) == "two"
    assert desk.wire.served[-1].at_s - asked_s == pytest.approx(4.0, abs=1.0)


def test_a_cold_one_is_not_waited_for() -> None:
    desk = Desk(limits=WAITS, health=Health())
    desk.does("one", refusing(429, "rate_limit_error", "3"))
    assert desk.by(turn(0)) == "two"


class Far(MemoryPins):
    """A store that is waited for, while the caller leaves."""

    async def put(self, key: bytes, name: str, ttl_s: float, now_s: float) -> None:
        raise asyncio.CancelledError


def test_an_answer_is_let_go_when_the_caller_leaves_before_it_is_noted() -> None:
    desk = Desk()
    desk.engine._affinity = Affinity(Far())
    with pytest.raises(asyncio.CancelledError):
        desk.ask(turn(0))
    assert [each.closed for each in desk.wire.served] == [True]


def check(rng: random.Random) -> None:
    """Several conversations under faults: each goes first where it was answered last."""
    names = ("one", "two", "three")
    desk = Desk(*names)
    warm: dict[str, tuple[str, float]] = {}
    numbers: dict[str, int] = {}
    for _ in range(30):
        about = rng.choice(("tides", "wind", "boats"))
        number = numbers[about] = numbers.get(about, -1) + 1
        for name in names:
            desk.does(name, *[ILL] * rng.choice((0, 0, 0, 1, 2)))
        desk.wire.clock_s += rng.choice((1.0, 100.0, 290.0, 310.0))
        now_s, before = desk.wire.clock_s, len(desk.wire.served)
        call = turn(number, about)
        seen = desk.ask(call)
        place, until_s = warm.get(about, ("one", now_s))
        first = place if now_s < until_s else "one"
        assert desk.wire.served[before].upstream == first, (about, number)
        if seen.status == 200:
            (found,) = marks(seen.stream)
            # Pinned when its answer began: at most the few seconds that the retries took.
            warm[about] = (found, desk.wire.served[-1].at_s + 300.0)


def test_a_conversation_is_first_tried_where_it_was_answered_last() -> None:
    for seed in range(CASES):
        try:
            check(random.Random(seed))
        except AssertionError as error:
            raise AssertionError(f"seed {seed}") from error
