"""Streams that end with their transport: whole where that ended cleanly, and else not."""

from __future__ import annotations

import json

from gateway.dispatch.limits import Limits
from gateway.dispatch.stream import Clocks, State, Stream
from providers.codecs.chat_stream import ChatDecoder
from providers.contract import Failure, FailureKind

CLOCKS = Clocks(0.0, 20.0, 100.0)
BROKE = Failure(FailureKind.CUT, 502, "api_error", "The connection broke.")


def chunk(delta: dict[str, str], finish: str | None = None, **more: object) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return b"data: %b\n\n" % json.dumps({"id": "c", "choices": [choice], **more}).encode()


USAGE = {"prompt_tokens": 9, "completion_tokens": 2}
SAID, LAST = chunk({"content": "hi"}), chunk({}, "stop", usage=USAGE)


def state(stream: Stream) -> State | None:
    return None if stream.outcome is None else stream.outcome.state


def opened() -> Stream:
    return Stream(ChatDecoder("claude-opus-5-5", ()), Limits(), CLOCKS, "req_test")


def test_a_clean_end_makes_it_whole() -> None:
    stream = opened()
    stream.feed(SAID + LAST, 1.0)
    assert state(stream) is None
    out = stream.ended(2.0)
    assert isinstance(out, bytes)
    assert out.endswith(b'data: {"type":"message_stop"}\n\n')
    assert state(stream) is State.COMPLETE
    assert stream.whole
    assert (stream.facts.counted, stream.facts.usage["output_tokens"]) == (True, 2)
    assert stream.ended(3.0) == b""


def test_an_answer_of_nothing_but_its_end_is_committed_by_it() -> None:
    stream = opened()
    assert stream.feed(LAST, 1.0) == b""
    out = stream.ended(2.0)
    assert isinstance(out, bytes)
    assert out.startswith(b"event: message_start\n")
    assert b"message_stop" in out
    assert state(stream) is State.COMPLETE


def test_a_broken_transport_makes_it_no_whole_answer() -> None:
    for breaks in (True, False):
        stream = opened()
        stream.feed(SAID + LAST, 1.0)
        out = stream.broke(BROKE, 2.0) if breaks else stream.tick(200.0)
        assert isinstance(out, bytes)
        assert b"message_stop" not in out
        assert out.startswith(b"event: error\n")
        assert state(stream) is State.FAILED
        # What was counted is known all the same.
        assert stream.facts.usage["input_tokens"] == 9


def test_a_clean_end_without_a_reason_is_a_cut() -> None:
    stream = opened()
    stream.feed(SAID, 1.0)
    out = stream.ended(2.0)
    assert isinstance(out, bytes)
    assert out.startswith(b"event: error\n")
    assert stream.outcome is not None
    assert stream.outcome.failure is not None
    assert stream.outcome.failure.kind is FailureKind.CUT
