"""A hostile upstream may keep sending: neither time nor memory of an open answer grows with it."""

from __future__ import annotations

import pytest

from gateway.dispatch.limits import Limits
from gateway.dispatch.stream import LINGER_S, Clocks, State, Stream
from providers.codecs.sse import SseDecoder
from providers.contract import Failure, FailureKind
from tests.simulation.streams import PING, event, message_start, whole

LIMITS = Limits(idle_s=10.0, hold_s=5.0)
START_S = 1000.0
DEADLINE_S = START_S + 100.0
COMMENT = b": still working\n\n"


def opened() -> Stream:
    clocks = Clocks(START_S, START_S + 20.0, DEADLINE_S)
    return Stream(SseDecoder(), LIMITS, clocks, "req_test")


def committed() -> Stream:
    stream = opened()
    stream.feed(b"".join(whole("one")[:3]), START_S)
    assert stream.committed
    return stream


@pytest.mark.parametrize("filler", [PING, COMMENT, b"event:ping\ndata: {}\n\n", b"data: {}\n\n"])
def test_what_is_no_content_does_not_reset_the_idle_clock(filler: bytes) -> None:
    stream = committed()
    for second in range(1, 10):
        stream.feed(filler, START_S + second)
        assert stream.tick(START_S + second) == b""
    ended = stream.tick(START_S + 10.0)
    assert isinstance(ended, bytes)
    assert ended.startswith(b"event: error")


def test_an_upstream_that_never_pauses_cannot_outrun_the_idle_clock() -> None:
    stream = committed()
    stream.feed(PING, START_S + 9.0)
    ended = stream.feed(PING, START_S + 11.0)
    assert isinstance(ended, bytes)
    assert b"event: error" in ended
    assert stream.outcome is not None


def test_an_upstream_that_never_pauses_cannot_outrun_the_call() -> None:
    stream, content = committed(), whole("one")[2]
    now_s = START_S
    while stream.outcome is None and now_s < DEADLINE_S + 50:
        now_s += 1.0
        stream.feed(content, now_s)
    assert now_s == DEADLINE_S
    assert stream.outcome is not None
    assert stream.outcome.state is State.FAILED


def test_an_upstream_that_never_pauses_cannot_put_off_the_first_content() -> None:
    stream = opened()
    stream.feed(PING, START_S + 1.0)
    failure = stream.feed(PING, START_S + 20.0)
    assert isinstance(failure, Failure)
    assert failure.type == "timeout_error"


def test_an_upstream_that_sends_on_after_the_stop_does_not_hold_the_end_back() -> None:
    stream = opened()
    stream.feed(b"".join(whole("one")), START_S)
    assert stream.feed(PING, START_S + LINGER_S) == b""
    assert stream.outcome is not None
    assert stream.outcome.state is State.COMPLETE


@pytest.mark.parametrize("begun", [b"", message_start("one")])
def test_what_is_held_before_the_first_content_is_bounded(begun: bytes) -> None:
    stream = opened()
    filler = event("ping", padding="x" * 1_000_000)
    if begun:
        stream.feed(begun, START_S)
    for _ in range(20):
        failure = stream.feed(filler, START_S)
        if failure:
            break
    assert isinstance(failure, Failure)
    assert failure.kind is FailureKind.BAD200


def test_a_caller_who_leaves_after_the_stop_had_it_all() -> None:
    stream = opened()
    stream.feed(b"".join(whole("one")), START_S)
    stream.left(START_S)
    assert stream.outcome is not None
    assert stream.outcome.state is State.COMPLETE


def test_a_usage_nested_without_end_is_passed_on_unread() -> None:
    nested = b"[" * 5000 + b"]" * 5000
    start = b'event: message_start\ndata: {"type":"message_start","message":{"usage":{"a":%b}}}\n\n'
    stream = opened()
    assert stream.feed(start % nested, START_S) == b""
    assert stream.outcome is None
