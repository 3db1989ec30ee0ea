"""Numbers of more digits than Python reads are no part of a good answer; in a text they are."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.codecs.answers import check
from providers.codecs.digits import MOST_DIGITS, unreadable
from providers.codecs.eventstream import EventStreamDecoder
from providers.codecs.sse import SseDecoder, frame
from providers.contract import Failure, FailureKind, Kind, Operation
from tests.simulation.streams import message_start
from tests.unit.codecs.conftest import encode_chunk, encode_frame

LONG = "7" * (MOST_DIGITS + 1)
MESSAGES = Operation(Kind.MESSAGES, "claude-opus-5-5")
JSON = (("content-type", "application/json"),)
START = message_start("x")


def delta(text: str, number: str) -> bytes:
    said = json.dumps({"type": "text_delta", "text": text})
    data = f'{{"type":"content_block_delta","index":0,"delta":{said},"n":{number}}}'
    return data.encode()


@given(
    st.integers(0, 2 * MOST_DIGITS + 10),
    st.integers(MOST_DIGITS - 3, MOST_DIGITS + 3),
    st.sampled_from(['{{"a":{},"b":1}}', '{{"a":"{}","b":1}}', '{{"a":{}.5}}', '{{"a":[-{},2]}}']),
)
def test_what_is_refused_is_what_python_refuses(before: int, digits: int, form: str) -> None:
    body = (" " * before + form.format("9" * digits)).encode()
    try:
        json.loads(body)
        refused = False
    except ValueError:
        refused = True
    assert unreadable(body) == refused


def test_a_whole_answer_with_such_a_number_is_none() -> None:
    usage = f'{{"input_tokens":{LONG}}}'
    rest = '"type":"message","content":[],"stop_reason":"end_turn"'
    found = check(MESSAGES, JSON, f'{{{rest},"usage":{usage}}}'.encode())
    assert isinstance(found, Failure)
    assert found.kind is FailureKind.BAD200
    text = f'[{{"type":"text","text":"{LONG}"}}]'
    body = f'{{"type":"message","content":{text},"stop_reason":"end_turn","usage":{{}}}}'
    assert not isinstance(check(MESSAGES, JSON, body.encode()), Failure)


@pytest.mark.parametrize("text", [False, True])
def test_an_event_with_such_a_number_ends_the_stream_and_a_text_passes(text: bool) -> None:
    data = delta(LONG, "1") if text else delta("x", LONG)
    decoder = SseDecoder()
    event = frame("content_block_delta", data)
    assert decoder.feed(START) == START
    passed = decoder.feed(event + event)
    assert (passed == event + event) is text
    assert (decoder.failure is None) is text


def test_a_frame_with_such_a_number_ends_the_stream() -> None:
    decoder = EventStreamDecoder()
    decoder.feed(encode_chunk(json.loads(START.partition(b"data: ")[2])))
    before = encode_chunk({"type": "content_block_delta", "index": 0, "n": 1})
    assert decoder.failure is None
    payload = json.dumps({"bytes": base64.b64encode(delta("x", LONG)).decode()}).encode()
    headers = {":event-type": "chunk", ":message-type": "event"}
    decoder.feed(before + encode_frame(headers, payload))
    assert decoder.failure is not None
