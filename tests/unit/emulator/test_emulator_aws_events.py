from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from botocore.eventstream import ChecksumMismatch, EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as st

from gateway.emulator import aws_events

names = st.text("abcdefgh:-", min_size=1, max_size=40)


def read(data: bytes) -> list[tuple[Any, bytes]]:
    buffer = EventStreamBuffer()
    buffer.add_data(data)
    return [(message.headers, message.payload) for message in buffer]


@given(st.dictionaries(names, st.text(max_size=60), max_size=6), st.binary(max_size=3000))
def test_botocore_reads_every_frame(headers: dict[str, str], payload: bytes) -> None:
    assert read(aws_events.frame(headers, payload)) == [(headers, payload)]


@given(st.data(), st.binary(max_size=200))
def test_botocore_refuses_a_frame_with_one_byte_changed(data: st.DataObject, event: bytes) -> None:
    frame = bytearray(aws_events.chunk(event))
    # The lengths of the prelude are left: a longer one makes botocore wait for more.
    at = data.draw(st.integers(8, len(frame) - 1))
    frame[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(ChecksumMismatch):
        read(bytes(frame))


def test_a_chunk_carries_the_event_and_padding_of_varying_length() -> None:
    events = [json.dumps({"type": "ping", "n": n}).encode() for n in range(20)]
    payloads = [json.loads(read(aws_events.chunk(event))[0][1]) for event in events]
    assert [base64.b64decode(payload["bytes"]) for payload in payloads] == events
    assert len({len(payload["p"]) for payload in payloads}) > 5


def test_an_exception_and_an_error_name_themselves_in_the_headers() -> None:
    frames = aws_events.exception("throttlingException", "Slow down", originalStatusCode=429)
    ((headers, payload),) = read(frames)
    assert headers[":message-type"] == "exception"
    assert headers[":exception-type"] == "throttlingException"
    assert json.loads(payload) == {"message": "Slow down", "originalStatusCode": 429}
    ((headers, payload),) = read(aws_events.error("InternalError", "Broken"))
    assert headers == {
        ":error-code": "InternalError",
        ":error-message": "Broken",
        ":message-type": "error",
    }
    assert payload == b""
