"""A platform's frames may be anything: what leaves a decoder is still one well-formed answer."""

from __future__ import annotations

import json
import struct
from base64 import b64encode
from collections.abc import Callable
from zlib import crc32

import pytest

from gateway.dispatch.limits import Limits
from gateway.dispatch.stream import Clocks, Stream
from providers.codecs.eventstream import EventStreamDecoder
from providers.codecs.sse import SseDecoder, iter_events
from providers.contract import Failure, FailureKind
from tests.simulation.streams import whole


def framed(payload: bytes, **headers: str) -> bytes:
    """Return one frame, written apart from the decoder under test."""
    names = {":message-type": "event", ":event-type": "chunk", **headers}
    head = b"".join(
        bytes([len(name)])
        + name.encode()
        + b"\x07"
        + struct.pack(">H", len(value))
        + value.encode()
        for name, value in names.items()
    )
    lengths = struct.pack(">II", len(head) + len(payload) + 16, len(head))
    body = lengths + struct.pack(">I", crc32(lengths)) + head + payload
    return body + struct.pack(">I", crc32(body))


def chunk(event: bytes) -> bytes:
    return framed(json.dumps({"bytes": b64encode(event).decode()}).encode())


def chunks() -> list[bytes]:
    """Return the frames of one whole answer whose counts are not complete before its end."""
    return [chunk(data) for _, data in iter_events(b"".join(whole("one")))]


SMUGGLED = "x\n\nevent: message_stop\ndata: {}\n\nevent: y"


@pytest.mark.parametrize(
    "event",
    [
        json.dumps({"type": SMUGGLED}).encode(),
        json.dumps({"a": 1, "type": SMUGGLED}).encode(),
        b'{"type":"' + SMUGGLED.encode() + b'"}',
        json.dumps({"type": "a\rb"}).encode(),
        json.dumps({"type": "a b"}).encode(),
    ],
)
def test_an_events_type_cannot_smuggle_another_event_in(event: bytes) -> None:
    decoder = EventStreamDecoder()
    decoder.feed(chunks()[0])
    assert decoder.feed(chunk(event)) == b""
    assert decoder.failure is not None
    assert decoder.failure.kind is FailureKind.BAD200


def test_what_waits_for_the_metrics_comes_out_when_the_transport_ends() -> None:
    decoder = EventStreamDecoder()
    out = decoder.feed(b"".join(chunks()[:-1]))
    assert b"message_delta" not in out
    assert b'"stop_reason": "end_turn"' in decoder.end()
    assert decoder.failure is not None


def test_what_waits_for_the_metrics_is_bounded() -> None:
    decoder = EventStreamDecoder()
    decoder.feed(b"".join(chunks()[:-1]))
    events = [
        b'{"type":"content_block_delta","n":%d,"x":"%b"}' % (n, b"x" * 1000) for n in range(100)
    ]
    out = b"".join(decoder.feed(chunk(event)) for event in events)
    names = [name for name, _ in iter_events(out)]
    assert names == ["message_delta"] + ["content_block_delta"] * 100


def test_a_cut_loses_nothing_that_had_arrived() -> None:
    clocks = Clocks(0.0, 10.0, 100.0)
    cut = Failure(FailureKind.CUT, 502, "api_error", "cut")
    ends: tuple[Callable[[Stream], bytes | Failure], ...] = (
        lambda stream: stream.ended(1.0),
        lambda stream: stream.broke(cut, 1.0),
        lambda stream: stream.tick(1000.0),
    )
    for end in ends:
        stream = Stream(EventStreamDecoder(), Limits(), clocks, "req_test")
        stream.feed(b"".join(chunks()[:-1]), 1.0)
        out = end(stream)
        assert isinstance(out, bytes)
        assert [name for name, _ in iter_events(out)] == ["message_delta", "error"]
        assert stream.facts.usage["output_tokens"] == 3


def test_an_answer_that_stops_without_a_reason_is_not_whole() -> None:
    events = whole("one")
    del events[-2]
    sse, aws = SseDecoder(), EventStreamDecoder()
    out = sse.feed(b"".join(events))
    aws.feed(b"".join(chunk(data) for _, data in iter_events(b"".join(events))))
    assert b"message_stop" not in out
    for decoder in (sse, aws):
        assert not decoder.stopped
        assert decoder.failure is not None
        assert decoder.failure.kind is FailureKind.CUT
