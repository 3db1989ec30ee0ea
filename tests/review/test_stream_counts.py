"""Only the end of an answer can tell how much output there was, whatever a platform sends."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.dispatch.limits import Limits
from gateway.dispatch.stream import Clocks, Stream
from providers.codecs.sse import SseDecoder
from tests.simulation.streams import event

MESSAGE = {"id": "msg_1", "model": "claude-opus-5-5", "usage": {"input_tokens": 3}}


def fed(*events: bytes) -> Stream:
    stream = Stream(SseDecoder(), Limits(), Clocks(0.0, 20.0, 100.0), "req_test")
    stream.feed(b"".join(events), 0.0)
    return stream


@pytest.mark.parametrize(
    "start",
    [
        {"message": MESSAGE, "usage": {"output_tokens": 9}},
        {"message": {**MESSAGE, "usage": {"input_tokens": 3, "output_tokens": 9}}},
        {"usage": {"output_tokens": 9}},
    ],
)
def test_a_start_that_tells_output_has_not_counted_it(start: dict[str, Any]) -> None:
    stream = fed(event("message_start", **start))
    assert stream.facts.usage["output_tokens"] == 9
    assert not stream.facts.counted


def test_the_end_counts() -> None:
    delta: dict[str, Any] = {"delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 9}}
    stream = fed(
        event("message_start", message=MESSAGE),
        event("message_delta", **delta),
    )
    assert stream.facts.counted
