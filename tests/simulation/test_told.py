"""What an observer is told: every call and every attempt ends once, whatever happens."""

from __future__ import annotations

import asyncio
import os
import random
from typing import Any

import pytest

from gateway.call import Caller, Labels
from gateway.credentials.contract import CredentialError
from gateway.dispatch.stream import Outcome, State
from gateway.errors import NotReady, Refused
from gateway.telemetry import Course, Observers, Silent
from gateway.wire.contract import run_blocking
from tests.simulation.callers import ask, call, engine
from tests.simulation.schedules import schedule
from tests.simulation.streams import message_start, whole
from tests.simulation.virtual import JSON, Script, VirtualWire
from tests.simulation.watching import Noted

CASES = int(os.environ.get("TIDEGATE_LAWS", "10000")) // 5
GOOD = Script(chunks=tuple((0.25, each) for each in whole("a")))
BUSY = Script(status=529, headers=JSON, chunks=((0.0, b"{}"),))
REFUSED = Script(before="refuse")


def told(scripts: dict[str, list[Script]], **options: Any) -> Noted:
    noted = Noted()
    asked = engine(*scripts)
    asked.observe(noted)
    ask(asked, VirtualWire(scripts), options.get("request") or call())
    noted.holds()
    return noted


class Leaving(VirtualWire):
    """A caller who leaves at the wire's n-th step."""

    def __init__(self, scripts: Any, steps: int) -> None:
        super().__init__(scripts)
        self.steps_left = steps

    def _jump(self, to_s: float) -> None:
        self.steps_left -= 1
        if self.steps_left < 0:
            raise asyncio.CancelledError
        super()._jump(to_s)


def asked_and_left(rng: random.Random) -> Noted:
    """Ask; read some of the answer, or leave in the middle of any step."""
    scripts = schedule(rng)
    noted = Noted()
    asked = engine(*scripts)
    asked.observe(noted)
    wire = Leaving(scripts, rng.randint(0, 60))
    reads = rng.randint(0, 20)

    async def run() -> None:
        answer = await asked.answer(call(stream=rng.random() < 0.8), wire)
        if answer.stream is None:
            return
        try:
            for _ in range(reads):
                if not await answer.stream.read():
                    break
        finally:
            answer.stream.close()
            answer.stream.close()

    try:
        run_blocking(run())
    except asyncio.CancelledError:
        assert noted.only.state in {"left", "complete"}
    return noted


def test_every_call_and_every_attempt_ends_once() -> None:
    states = set()
    for seed in range(CASES):
        try:
            noted = asked_and_left(random.Random(seed))
            noted.holds()
        except AssertionError as error:
            raise AssertionError(f"seed {seed}") from error
        states.add(noted.only.state)
    assert states == {"complete", "failed", "left"}


def test_a_whole_stream() -> None:
    noted = told({"one": [GOOD]})
    assert [word for word, *_ in noted.words] == ["began", "attempt", "content", "over", "ended"]
    report = noted.only
    assert (report.state, report.status, report.upstream) == ("complete", 200, "one")
    assert (report.door, report.kind, report.stream) == ("client", "messages", True)
    assert (report.model, report.request_id) == ("claude-opus-5-5", "req_up")
    assert report.usage == {"input_tokens": 7, "output_tokens": 3}
    assert report.bytes_in == len(call().fields.raw)
    # `message_start` and the block's start came 0.25 s apart; the rest followed.
    assert noted.first_content_s == [0.5] == [report.first_content_s]
    assert report.took_s == 0.25 * len(whole("a"))


def test_the_reason_of_a_move_is_the_failure_before_it() -> None:
    noted = told({"one": [REFUSED], "two": [GOOD]})
    assert ("moved", "one", "two", "not_sent") in noted.words
    assert [(each.upstream, each.outcome, each.status) for each in noted.only.attempts] == [
        ("one", "not_sent", None),
        ("two", "ok", 200),
    ]


def test_a_call_that_gave_up() -> None:
    report = told({"one": [BUSY]}).only
    assert (report.state, report.status) == ("failed", 529)
    assert [(each.outcome, each.status) for each in report.attempts] == [("ill", 529)] * 2


def test_a_caller_who_is_gone_before_the_next_attempt() -> None:
    noted = Noted()
    asked = engine("one", "two")
    asked.observe(noted)
    wire = VirtualWire({"one": [REFUSED], "two": [GOOD]})
    run_blocking(asked.answer(call(), wire, gone=lambda: bool(noted.words[2:])))
    noted.holds()
    assert (noted.only.state, noted.only.status) == ("left", None)
    assert [each.upstream for each in noted.only.attempts] == ["one"]


def test_a_stream_that_failed_after_its_commit() -> None:
    cut = Script(chunks=GOOD.chunks[:3], end="reset")
    report = told({"one": [cut]}).only
    assert (report.state, report.status) == ("failed", 200)
    assert [each.outcome for each in report.attempts] == ["cut"]


def test_content_that_came_after_the_hold() -> None:
    chunks = ((0.0, message_start("a")), *((30.0, each) for each in whole("a")[1:]))
    noted = told({"one": [Script(chunks=chunks)]})
    assert noted.first_content_s == [30.0]


def test_an_answer_without_a_stream_has_no_first_content() -> None:
    body = b'{"type":"message","role":"assistant","model":"claude-opus-5-5","content":[],'
    body += b'"id":"msg_1","stop_reason":"end_turn","usage":{"input_tokens":5,"output_tokens":2}}'
    answer = Script(headers=JSON, chunks=((1.0, body),))
    report = told({"one": [answer]}, request=call(stream=False)).only
    assert (report.state, report.stream, report.first_content_s) == ("complete", False, None)
    assert report.usage == {"input_tokens": 5, "output_tokens": 2}


@pytest.mark.parametrize(
    ("headers", "reason"),
    [((("x-gateway-only", "none"),), "malformed"), ((("x-gateway-class", "phi"),), "forbidden")],
)
def test_a_refusal(headers: tuple[tuple[str, str], ...], reason: str) -> None:
    noted = Noted()
    asked = engine("one")
    asked.observe(noted)
    with pytest.raises(Refused) as caught:
        ask(asked, VirtualWire({}), call(headers=headers))
    noted.holds()
    assert noted.words[-2:] == [("refused", reason), ("ended", "refused")]
    report = noted.only
    assert (report.status, report.refused) == (caught.value.status, reason)
    assert report.request_id == caught.value.request_id
    assert report.request_id


def test_an_upstream_that_policy_withdrew() -> None:
    noted = Noted()
    one, two = engine("one", "two").upstreams
    wire = VirtualWire({})
    course = Course(Observers(noted), call(), wire.now_s)
    course.started(one)
    course.withdrawn()
    course.started(two)
    course.answered(Outcome(State.COMPLETE), "req", {}, ())
    course.stopped(asyncio.CancelledError())
    noted.holds()
    assert ("moved", "one", "two", "withdrawn") in noted.words
    assert [each.outcome for each in noted.only.attempts] == ["withdrawn", "ok"]


class Broken:
    """A credential with a mistake of ours in it."""

    def fresh(self) -> bool:
        raise ZeroDivisionError

    def refresh(self, timeout_s: float) -> None:
        raise CredentialError("never asked")

    def sign(self, request: Any, host: str) -> Any:
        raise NotReady("never asked")


def test_a_mistake_of_ours() -> None:
    noted = Noted()
    asked = engine("one")
    asked.observe(noted)
    asked._connections = {"one": type(asked._connections["one"])(asked.routes[0], Broken())}
    with pytest.raises(ZeroDivisionError):
        ask(asked, VirtualWire({"one": [GOOD]}))
    noted.holds()
    assert noted.only.state == "broken"
    assert [each.outcome for each in noted.only.attempts] == ["broken"]


def test_what_a_caller_makes_up_is_a_name_or_nothing() -> None:
    labels = Labels(data_class="a class with words in it", tags=(("team", "secret"), ("a b", "c")))
    request = call()
    named = type(request)(
        request.kind,
        request.asked,
        request.stream,
        request.fields,
        labels,
        caller=Caller(key="billing", door="server"),
    )
    noted = Noted()
    asked = engine("one")
    asked.observe(noted)
    with pytest.raises(Refused):
        ask(asked, VirtualWire({}), named)
    report = noted.only
    assert (report.caller, report.door) == ("billing", "server")
    assert (report.data_class, report.tags) == ("(no name)", ("team", "(no name)"))
    assert "secret" not in repr(report)


class Faulty(Silent):
    """An observer with a mistake in it."""

    def attempt_began(self, upstream: str, model: str) -> None:
        raise ValueError("a text that must not be logged")


def test_a_mistake_of_an_observer_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    asked = engine("one")
    asked.observe(Faulty())
    asked.observe(noted := Noted())
    seen = ask(asked, VirtualWire({"one": [GOOD]}))
    assert seen.status == 200
    noted.holds()
    assert "Faulty.attempt_began: ValueError" in caplog.text
    assert "must not be logged" not in caplog.text


def test_several_calls_of_one_engine_are_told_apart() -> None:
    noted = Noted()
    asked = engine("one")
    asked.observe(noted)
    for _ in range(3):
        ask(asked, VirtualWire({"one": [GOOD]}))
    assert [report.state for report in noted.reports] == ["complete"] * 3
