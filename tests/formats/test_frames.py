"""Frames as botocore reads them, and what becomes of each event."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Sequence
from typing import Any

import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import error_event
from gateway.formats.bedrock import frames
from gateway.formats.bedrock.answering import Frames
from gateway.formats.bedrock.table import table

START = b'event: message_start\ndata: {"type":"message_start","message":{}}\n\n'
DELTA = b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0}\n\n'
STOP = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
PING = b'event: ping\ndata: {"type": "ping"}\n\n'


def read(data: bytes) -> list[tuple[dict[str, Any], bytes]]:
    """Return headers and payload of each frame; botocore checks both CRCs."""
    buffer: Any = EventStreamBuffer()
    buffer.add_data(data)
    found = [(dict(each.headers), bytes(each.payload)) for each in buffer]
    assert b"".join(frame_sizes(data)) == data
    return found


def frame_sizes(data: bytes) -> list[bytes]:
    pieces = []
    while data:
        size = int.from_bytes(data[:4])
        pieces.append(data[:size])
        data = data[size:]
    return pieces


def told(*events: bytes, end: bool = True) -> list[str]:
    """Return what a stream becomes: types of events, and names of exceptions."""
    stream = Frames()
    data = b"".join(map(stream.feed, events)) + (stream.end() if end else b"")
    return [named(*each) for each in read(data)]


def named(headers: dict[str, Any], payload: bytes) -> str:
    if headers[":message-type"] == "exception":
        assert json.loads(payload)["message"]
        return str(headers[":exception-type"])
    assert (headers[":message-type"], headers[":event-type"]) == ("event", "chunk")
    assert headers[":content-type"] == "application/json"
    return str(json.loads(event_of(payload))["type"])


def event_of(payload: bytes) -> bytes:
    return b64decode(json.loads(payload)["bytes"], validate=True)


@given(st.lists(st.binary(max_size=3000), max_size=5))
def test_a_chunk_carries_bytes_as_they_are(datas: Sequence[bytes]) -> None:
    found = read(b"".join(map(frames.chunk, datas)))
    assert [event_of(payload) for _, payload in found] == list(datas)


@given(st.text(min_size=1, max_size=300))
def test_an_exception_says_its_message(message: str) -> None:
    ((headers, payload),) = read(frames.exception("throttlingException", message))
    assert headers[":exception-type"] == "throttlingException"
    assert json.loads(payload) == {"message": message}


@given(st.lists(st.sampled_from([START, DELTA, PING]), max_size=8), st.integers(0, 8))
def test_events_are_frames_however_they_come(events: list[bytes], cut: int) -> None:
    once = Frames().feed(b"".join(events))
    stream = Frames()
    assert stream.feed(b"".join(events[:cut])) + stream.feed(b"".join(events[cut:])) == once
    assert len(read(once)) == len(events)


def test_the_jsons_bytes_are_kept() -> None:
    odd = b'{ "type" : "content_block_delta", "n": 1.0e0, "t":"\\u00e9 \xc3\xa9" }'
    data = Frames().feed(b"event: content_block_delta\ndata: " + odd + b"\n\n")
    ((_, payload),) = read(data)
    assert event_of(payload) == odd


def test_what_has_no_name_or_no_data_is_no_event() -> None:
    odd = b': a comment\n\ndata: {"type":"message_stop"}\n\nevent: ping\n\n'
    assert told(START, odd, DELTA, end=False) == ["message_start", "content_block_delta"]


def test_other_line_ends_and_orders_are_read() -> None:
    event = b'data: {"type":"message_start",\r\ndata: "message":{}}\r\nevent: message_start\r\n\r\n'
    assert told(event, end=False) == ["message_start"]


@pytest.mark.parametrize("kind", sorted(table().errors.rows))
def test_an_error_is_an_exception_and_the_last_frame(kind: str) -> None:
    members = (
        *("internalServerException", "modelStreamErrorException", "validationException"),
        *("throttlingException", "modelTimeoutException", "serviceUnavailableException"),
    )
    error = error_event(kind, "some words", "req_1")
    found = told(START, DELTA, error + DELTA, STOP)
    assert found[:2] == ["message_start", "content_block_delta"]
    assert len(found) == 3
    assert found[2] in members


def test_a_stream_without_an_end_gets_an_exception() -> None:
    assert told(START, DELTA)[-1] == "modelStreamErrorException"
    assert told(START, DELTA, STOP) == ["message_start", "content_block_delta", "message_stop"]
    assert told(START, DELTA, STOP, PING)[-1] == "message_stop"


def test_an_error_that_cannot_be_read_is_an_exception_all_the_same() -> None:
    assert told(b"event: error\ndata: {\n\n") == ["internalServerException"]
