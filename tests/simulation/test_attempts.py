"""What is tried after each kind of failure, over two upstreams, in virtual time."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.dispatch.health import Health
from gateway.dispatch.limits import Limits
from gateway.policy.observed import served
from tests.simulation.callers import Seen, ask, call, engine
from tests.simulation.streams import PING, event, marks, message_start, parse, whole
from tests.simulation.virtual import JSON, Script, VirtualWire


def good(mark: str) -> Script:
    return Script(chunks=tuple((0.1, each) for each in whole(mark)))


def error(status: int, error_type: str, **headers: str) -> Script:
    body = {"type": "error", "error": {"type": error_type, "message": "no"}, "request_id": "req_u"}
    extra = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Script(
        status=status, headers=(*JSON, *extra), chunks=((0.0, json.dumps(body).encode()),)
    )


def run(*scripts: Script, second: Script | None = None) -> tuple[Seen, VirtualWire]:
    wire = VirtualWire({"one": scripts, "two": [second or good("two")]})
    return ask(engine("one", "two"), wire), wire


def upstreams(wire: VirtualWire) -> list[str]:
    return [served.upstream for served in wire.served]


def test_a_good_answer_takes_one_attempt_and_passes_unchanged() -> None:
    seen, wire = run(good("one"))
    assert seen.stream == b"".join(whole("one"))
    assert upstreams(wire) == ["one"]
    assert seen.header("x-gateway-attempts") == "1"


@pytest.mark.parametrize("status", [400, 413, 422])
def test_the_callers_own_mistake_is_shown_to_one_upstream_only(status: int) -> None:
    seen, wire = run(error(status, "invalid_request_error"))
    assert seen.status == status
    assert upstreams(wire) == ["one"]


def test_a_throttled_upstream_is_left_at_once() -> None:
    seen, wire = run(error(429, "rate_limit_error", retry_after="30"))
    assert marks(seen.stream) == {"two"}
    assert upstreams(wire) == ["one", "two"]
    assert wire.clock_s < 1005


def test_a_throttled_only_upstream_is_waited_for_as_it_asks() -> None:
    wire = VirtualWire({"one": [error(429, "rate_limit_error", retry_after="30"), good("one")]})
    seen = ask(engine("one"), wire)
    assert marks(seen.stream) == {"one"}
    assert wire.served[1].at_s == pytest.approx(1030)


@pytest.mark.parametrize("retry_after", ["31536000", "90"])
def test_a_retry_after_beyond_the_cap_is_not_waited_for(retry_after: str) -> None:
    wire = VirtualWire({"one": [error(429, "rate_limit_error", retry_after=retry_after)]})
    seen = ask(engine("one"), wire)
    assert seen.status == 429
    assert len(wire.served) == 1
    assert seen.header("retry-after") == "60"


def test_an_ill_upstream_is_asked_again_before_the_next_one() -> None:
    seen, wire = run(error(529, "overloaded_error"), error(529, "overloaded_error"))
    assert upstreams(wire) == ["one", "one", "two"]
    assert seen.header("x-gateway-attempts") == "3"


def test_when_all_fail_the_caller_gets_the_status_with_the_most_hope() -> None:
    seen, wire = run(error(529, "overloaded_error"), second=error(401, "authentication_error"))
    assert seen.status == 529
    assert seen.header("x-should-retry") == "false"
    assert upstreams(wire) == ["one", "one", "two"]


def test_a_refused_credential_moves_on_and_is_never_handed_on_as_401() -> None:
    seen, _ = run(error(401, "authentication_error"), second=error(403, "permission_error"))
    assert seen.status == 502
    assert b"no" not in json.loads(seen.answer.body)["error"]["message"].encode().split()


@pytest.mark.parametrize("before", ["refuse", "connect_hang", "die", "hang"])
def test_an_upstream_that_does_not_answer_is_left(before: str) -> None:
    seen, _ = run(Script(before=before))
    assert marks(seen.stream) == {"two"}


def test_a_failure_before_content_fails_over_unseen() -> None:
    seen, _ = run(
        Script(
            chunks=(
                (0.0, message_start("one")),
                (0.0, PING),
                (0.0, event("error", error={"type": "overloaded_error", "message": "busy"})),
            )
        )
    )
    assert marks(seen.stream) == {"two"}
    assert [name for name, _ in parse(seen.stream)].count("message_start") == 1


def test_after_content_a_cut_ends_in_an_error_event_and_nothing_else() -> None:
    begun = whole("one")[:3]
    seen, wire = run(Script(chunks=tuple((0.0, each) for each in begun), end="clean"))
    assert seen.stream.startswith(b"".join(begun))
    name, data = parse(seen.stream)[-1]
    assert name == "error"
    assert data["error"]["type"] == "api_error"
    assert data["request_id"] == "req_up"
    assert upstreams(wire) == ["one"]


def test_an_error_event_after_content_keeps_its_type() -> None:
    begun = whole("one")[:3]
    broken = event("error", error={"type": "overloaded_error", "message": "busy"})
    seen, _ = run(Script(chunks=((0.0, b"".join([*begun, broken])),)))
    name, data = parse(seen.stream)[-1]
    assert (name, data["error"]["type"]) == ("error", "overloaded_error")


def test_an_answer_without_content_is_no_answer() -> None:
    empty = [message_start("one"), event("message_stop")]
    seen, _ = run(Script(chunks=tuple((0.0, each) for each in empty)))
    assert marks(seen.stream) == {"two"}


def test_the_hold_ends_after_its_ceiling_and_pings_follow() -> None:
    chunks = ((0.0, message_start("one")), *((50.0, each) for each in whole("one")[1:]))
    seen, _ = run(Script(chunks=chunks))
    names = [name for name, _ in parse(seen.stream)]
    assert names[0] == "message_start"
    assert names[1] == "ping"
    assert seen.answer.stream is not None
    assert seen.answer.stream.stream.committed_early


def test_pings_alone_do_not_keep_a_stream_alive() -> None:
    chunks = (*((0.0, each) for each in whole("one")[:3]), *((10.0, PING) for _ in range(100)))
    seen, wire = run(Script(chunks=chunks))
    name, data = parse(seen.stream)[-1]
    assert (name, data["error"]["type"]) == ("error", "timeout_error")
    assert wire.clock_s == pytest.approx(1120, abs=11)


def test_a_stream_that_moves_outlives_the_callers_timeout() -> None:
    chunks = tuple((1.4, each) for each in whole("one", deltas=20))
    wire = VirtualWire({"one": [Script(chunks=chunks)]})
    seen = ask(engine("one"), wire, call(headers=(("x-stainless-read-timeout", "3"),)))
    assert parse(seen.stream)[-1][0] == "message_stop"


def test_the_callers_timeout_bounds_each_silence() -> None:
    chunks = (*((0.0, each) for each in whole("one")[:3]), (4.0, whole("one")[3]))
    wire = VirtualWire({"one": [Script(chunks=chunks)]})
    seen = ask(engine("one"), wire, call(headers=(("x-stainless-read-timeout", "3"),)))
    assert parse(seen.stream)[-1][1]["error"]["type"] == "timeout_error"


def test_the_clients_own_retries_count() -> None:
    wire = VirtualWire({"one": [error(529, "overloaded_error")]})
    seen = ask(engine("one"), wire, call(headers=(("x-stainless-retry-count", "2"),)))
    assert seen.status == 529
    assert len(wire.served) == 1


def test_an_upstream_that_ends_late_after_message_stop_is_complete() -> None:
    chunks = tuple((0.0, each) for each in whole("one"))
    wire = VirtualWire({"one": [Script(chunks=chunks, end="stall")]})
    seen = ask(engine("one"), wire)
    assert seen.stream == b"".join(whole("one"))
    assert wire.clock_s == pytest.approx(1001)
    assert wire.served[0].closed


def test_attempts_end_with_the_calls_own_time() -> None:
    wire = VirtualWire({"one": [Script(before="hang")]})
    seen = ask(engine("one", limits=Limits(call_s=100, first_content_s=80)), wire)
    assert seen.status == 504
    assert wire.clock_s <= 1100


def test_a_200_that_is_no_event_stream_is_no_answer() -> None:
    chunks = tuple((0.0, each) for each in whole("one"))
    seen, _ = run(Script(headers=(("content-type", "text/html"),), chunks=chunks))
    assert marks(seen.stream) == {"two"}


def test_later_usage_replaces_and_what_is_missing_later_stays() -> None:
    end = event(
        "message_delta",
        delta={"stop_reason": "end_turn"},
        usage={"output_tokens": 9, "input_tokens": None},
    )
    chunks = [*whole("one")[:-2], end, event("message_stop")]
    seen, _ = run(Script(chunks=tuple((0.0, each) for each in chunks)))
    assert seen.answer.stream is not None
    facts = seen.answer.stream.stream.facts
    assert facts.usage == {"input_tokens": 7, "output_tokens": 9}
    assert (facts.id, facts.stop_reason) == ("msg_one", "end_turn")


@pytest.mark.parametrize(
    ("end", "counted"),
    [
        ({"delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 9}}, True),
        ({"delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 0}}, True),
        ({"delta": {"stop_reason": "end_turn", "stop_details": "policy"},
          "usage": {"output_tokens": 9}}, True),
        ({"delta": {"stop_reason": 3}, "usage": {"output_tokens": 9}}, True),
        ({"delta": {"stop_reason": "end_turn"}, "usage": {"input_tokens": 7}}, False),
        ({"delta": {"stop_reason": "end_turn"}, "usage": "many"}, False),
        ({"delta": {"stop_reason": "end_turn"}}, False),
    ],
)  # fmt: skip
def test_only_an_end_that_tells_its_output_is_counted(end: dict[str, Any], counted: bool) -> None:
    chunks = [*whole("one")[:-2], event("message_delta", **end), event("message_stop")]
    seen, _ = run(Script(chunks=tuple((0.0, each) for each in chunks)))
    assert seen.answer.stream is not None
    facts = seen.answer.stream.stream.facts
    assert facts.counted is counted
    told = end.get("usage")
    assert facts.usage["input_tokens"] == 7
    if counted:
        assert isinstance(told, dict)
        assert facts.usage["output_tokens"] == told["output_tokens"]


def test_who_answered_in_the_end_is_read_to_the_last_event() -> None:
    late = event(
        "message_delta",
        delta={"stop_reason": "end_turn"},
        usage={
            "output_tokens": 9,
            "inference_geo": "us",
            "iterations": [
                {"type": "message", "model": "claude-opus-5-5"},
                {"type": "fallback_message", "model": "claude-haiku-4-5"},
            ],
        },
    )
    chunks = [*whole("one")[:-2], late, event("message_stop")]
    seen, _ = run(Script(chunks=tuple((0.0, each) for each in chunks)))
    assert seen.answer.stream is not None
    facts = seen.answer.stream.stream.facts
    told = served(facts.model, facts.usage)
    assert told.inference_geo == "us"
    assert told.iterations == ("claude-opus-5-5", "claude-haiku-4-5")


def test_an_upstream_that_keeps_failing_is_asked_last() -> None:
    health = Health()
    asked = engine("one", "two", health=health)
    dead = {"one": [error(529, "overloaded_error")], "two": [good("two")]}
    for _ in range(3):
        ask(asked, VirtualWire(dead))
    wire = VirtualWire(dead)
    ask(asked, wire)
    assert upstreams(wire) == ["two"]
