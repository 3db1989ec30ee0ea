from __future__ import annotations

import base64
import itertools
import json
import struct
import zlib
from base64 import b64encode
from collections.abc import Callable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.codecs.eventstream import EventStreamDecoder, FrameReader
from providers.codecs.sse import iter_events
from providers.contract import Failure, FailureKind
from tests.unit.codecs.conftest import encode_chunk

Chunk = Callable[[Mapping[str, object]], bytes]
Framed = Callable[[Mapping[str, str], bytes], bytes]

WHOLE = {
    "input_tokens": 9,
    "output_tokens": 1,
    "cache_creation_input_tokens": 0,
    "cache_read_input_tokens": 0,
}
METRICS = {"inputTokenCount": 9, "outputTokenCount": 5, "cacheReadInputTokenCount": 7}


def start(usage: Mapping[str, object]) -> dict[str, object]:
    return {"type": "message_start", "message": {"id": "m", "usage": usage}}


def delta(usage: Mapping[str, object]) -> dict[str, object]:
    return {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": usage}


def text(words: str) -> dict[str, object]:
    return {"type": "content_block_delta", "index": 0, "delta": {"text": words}}


def stop(**more: object) -> dict[str, object]:
    return {"type": "message_stop", **more}


def metrics(values: Mapping[str, int]) -> dict[str, object]:
    return stop(**{"amazon-bedrock-invocationMetrics": values})


def decode(data: bytes) -> tuple[list[dict[str, object]], EventStreamDecoder]:
    decoder = EventStreamDecoder()
    out = decoder.feed(data)
    decoder.end()
    return [json.loads(body) for _, body in iter_events(out)], decoder


def failure(decoder: EventStreamDecoder) -> Failure:
    assert decoder.failure is not None
    return decoder.failure


def test_a_good_stream_becomes_events(chunk: Chunk) -> None:
    sent = [start(WHOLE), text("hé"), delta({"output_tokens": 5}), stop()]
    got, decoder = decode(b"".join(map(chunk, sent)))
    assert got == sent
    assert decoder.stopped
    assert decoder.failure is None


def test_the_event_line_is_the_type(chunk: Chunk) -> None:
    out = EventStreamDecoder().feed(chunk({"index": 0, "type": "message_start"}))
    assert out.startswith(b"event: message_start\ndata: {")


@given(cuts=st.lists(st.integers(min_value=0, max_value=3000), max_size=20), broken=st.booleans())
def test_how_the_bytes_are_cut_changes_nothing(cuts: list[int], broken: bool) -> None:
    ping: dict[str, object] = {"type": "ping"}
    events = [start({}), text("a"), delta({"output_tokens": 5}), ping, metrics(METRICS)]
    data = b"".join(encode_chunk(event) for event in events)
    if broken:
        data = data[:-3]
    whole = EventStreamDecoder()
    expected = whole.feed(data)
    edges = [0, *sorted({cut % (len(data) + 1) for cut in cuts}), len(data)]
    pieces = EventStreamDecoder()
    out = b"".join(pieces.feed(data[a:b]) for a, b in itertools.pairwise(edges))
    whole.end()
    pieces.end()
    assert (out, pieces.stopped, pieces.failure) == (expected, whole.stopped, whole.failure)


@pytest.mark.parametrize("at", [3, 9, 20, 60, -1])
def test_one_wrong_bit_is_no_answer(chunk: Chunk, at: int) -> None:
    good, bad = chunk(start(WHOLE)), bytearray(chunk(text("a")))
    bad[at] ^= 1
    got, decoder = decode(good + bytes(bad) + chunk(text("b")))
    assert got == [start(WHOLE)]
    assert failure(decoder).kind is FailureKind.BAD200


def test_a_wrong_length_is_not_waited_for(chunk: Chunk) -> None:
    bad = bytearray(chunk(text("a")))
    bad[1] ^= 0x10
    decoder = EventStreamDecoder()
    decoder.feed(chunk(start(WHOLE)) + bytes(bad))
    assert failure(decoder).kind is FailureKind.BAD200


def test_a_partial_frame_at_the_end_is_a_cut(chunk: Chunk) -> None:
    got, decoder = decode(chunk(start(WHOLE)) + chunk(text("a"))[:-1])
    assert got == [start(WHOLE)]
    assert failure(decoder).kind is FailureKind.CUT


@pytest.mark.parametrize("event", [start(WHOLE), text("abc"), delta({}), stop()])
def test_a_chunk_with_half_its_json_is_no_answer(
    chunk: Chunk, framed: Framed, event: dict[str, object]
) -> None:
    half = json.dumps(event, separators=(",", ":")).encode()[:-3]
    payload = json.dumps({"bytes": base64.b64encode(half).decode()}).encode()
    bad = framed({":event-type": "chunk", ":message-type": "event"}, payload)
    before = [] if event["type"] == "message_start" else [start(WHOLE), text("a")]
    got, decoder = decode(b"".join(map(chunk, before)) + bad)
    assert got == before
    assert failure(decoder).kind is FailureKind.BAD200


def test_no_stop_is_a_cut(chunk: Chunk) -> None:
    _, decoder = decode(chunk(start(WHOLE)) + chunk(text("a")))
    assert failure(decoder).kind is FailureKind.CUT


def test_a_length_beyond_the_limit_is_refused_at_once(framed: Framed) -> None:

    lengths = struct.pack(">II", 25 * 1024 * 1024, 0)
    _, decoder = decode(lengths + struct.pack(">I", zlib.crc32(lengths)))
    assert failure(decoder).kind is FailureKind.BAD200
    assert "payload" in failure(decoder).detail


@pytest.mark.parametrize(
    ("name", "kind", "status"),
    [
        ("throttlingException", FailureKind.THROTTLED, 429),
        ("internalServerException", FailureKind.ILL, 500),
        ("modelStreamErrorException", FailureKind.ILL, 500),
        ("modelTimeoutException", FailureKind.ILL, 504),
        ("serviceUnavailableException", FailureKind.ILL, 529),
        ("validationException", FailureKind.CALLER, 400),
        ("somethingNewException", FailureKind.ILL, 500),
    ],
)
def test_an_exception_frame_means_what_its_name_says(
    framed: Framed, name: str, kind: FailureKind, status: int
) -> None:
    headers = {":message-type": "exception", ":exception-type": name}
    _, decoder = decode(framed(headers, b'{"message":"words"}'))
    found = failure(decoder)
    assert (found.kind, found.status) == (kind, status)
    assert found.detail == "words"
    # The answer had begun with a 200: tokens may have been generated, and are billed.
    assert found.upstream_status == 200


def test_a_models_own_status_counts(framed: Framed) -> None:
    headers = {":message-type": "exception", ":exception-type": "modelStreamErrorException"}
    _, decoder = decode(framed(headers, b'{"message":"m","originalStatusCode":429}'))
    assert failure(decoder).kind is FailureKind.THROTTLED


def test_an_error_frame_is_a_failure(framed: Framed) -> None:
    headers = {":message-type": "error", ":error-code": "InternalError", ":error-message": "words"}
    _, decoder = decode(framed(headers, b""))
    assert (failure(decoder).kind, failure(decoder).detail) == (FailureKind.ILL, "words")


def test_an_error_event_in_a_chunk_is_a_failure(chunk: Chunk) -> None:
    event = {"type": "error", "error": {"type": "overloaded_error", "message": "x"}}
    _, decoder = decode(chunk(start(WHOLE)) + chunk(event))
    assert failure(decoder).status == 529


def test_other_frames_are_passed_over(chunk: Chunk, framed: Framed) -> None:
    other = framed({":message-type": "event", ":event-type": "initial-response"}, b"{}")
    got, decoder = decode(other + chunk(start(WHOLE)))
    assert got == [start(WHOLE)]
    assert failure(decoder).kind is FailureKind.CUT


@pytest.mark.parametrize("payload", [b"", b"[]", b'{"bytes":"!!"}', b'{"bytes":"e30="}{'])
def test_a_chunk_that_is_none(framed: Framed, payload: bytes) -> None:
    _, decoder = decode(framed({":message-type": "event", ":event-type": "chunk"}, payload))
    assert failure(decoder).kind is FailureKind.BAD200


@pytest.mark.parametrize("size", [30, 60])
def test_half_an_event_in_a_whole_frame_is_no_answer(
    chunk: Chunk, framed: Framed, size: int
) -> None:
    half = json.dumps(text("words"), separators=(",", ":")).encode()[:size]
    payload = json.dumps({"bytes": b64encode(half).decode()}).encode()
    frame = framed({":message-type": "event", ":event-type": "chunk"}, payload)
    got, decoder = decode(chunk(start(WHOLE)) + frame + chunk(text("more")))
    assert [each["type"] for each in got] == ["message_start"]
    assert failure(decoder).kind is FailureKind.BAD200


def test_headers_of_every_type_parse() -> None:

    values = {0: b"", 1: b"", 2: b"a", 3: b"ab", 4: b"abcd", 5: b"a" * 8, 8: b"a" * 8, 9: b"a" * 16}
    head = b"".join(bytes([1, 65 + kind, kind]) + value for kind, value in values.items())
    head += b"\x01s\x07\x00\x02hi"
    lengths = struct.pack(">II", len(head) + 16, len(head))
    message = lengths + struct.pack(">I", zlib.crc32(lengths)) + head
    reader = FrameReader()
    reader.add(message + struct.pack(">I", zlib.crc32(message)))
    found = reader.next()
    assert found is not None
    assert found.headers["s"] == "hi"


# Usage.


def usage_of(events: list[dict[str, object]]) -> object:
    return next(event["usage"] for event in events if event["type"] == "message_delta")


def test_metrics_never_reach_the_caller(chunk: Chunk) -> None:
    got, _ = decode(b"".join(map(chunk, [start(WHOLE), delta(WHOLE), metrics(METRICS)])))
    assert got == [start(WHOLE), delta(WHOLE), stop()]


def test_metrics_fill_only_what_is_missing(chunk: Chunk) -> None:
    sent = [start({"input_tokens": 3}), delta({"output_tokens": 4}), metrics(METRICS)]
    got, _ = decode(b"".join(map(chunk, sent)))
    assert usage_of(got) == {"output_tokens": 4, "cache_read_input_tokens": 7}
    assert got[-1] == stop()


def test_the_starts_output_count_is_no_report(chunk: Chunk) -> None:
    empty: dict[str, object] = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}}
    sent = [start(WHOLE), empty, metrics(METRICS)]
    got, _ = decode(b"".join(map(chunk, sent)))
    assert usage_of(got) == {"output_tokens": 5}


def test_the_stops_own_usage_goes_before_the_metrics(chunk: Chunk) -> None:
    late = {"cache_read_input_tokens": 8, "output_tokens": 99}
    last = {**metrics(METRICS), "usage": late}
    sent = [start({"input_tokens": 3}), delta({"output_tokens": 4}), last]
    got, _ = decode(b"".join(map(chunk, sent)))
    assert usage_of(got) == {"output_tokens": 4, "cache_read_input_tokens": 8}
    assert got[-1] == stop(usage={"output_tokens": 99})


def test_a_stop_whose_usage_has_moved_keeps_none(chunk: Chunk) -> None:
    late = stop(usage={"cache_read_input_tokens": 8})
    got, _ = decode(b"".join(map(chunk, [start({}), delta({"output_tokens": 4}), late])))
    assert usage_of(got) == {"output_tokens": 4, "cache_read_input_tokens": 8}
    assert got[-1] == stop()


def test_what_nobody_reported_stays_absent(chunk: Chunk) -> None:
    sent = [start({}), delta({"output_tokens": 4}), stop()]
    got, _ = decode(b"".join(map(chunk, sent)))
    assert got == sent


def test_a_whole_usage_is_not_held_back(chunk: Chunk) -> None:
    decoder = EventStreamDecoder()
    decoder.feed(chunk(start(WHOLE)))
    assert decoder.feed(chunk(delta({"output_tokens": 5}))) != b""


def test_a_usage_with_gaps_waits_for_the_stop_in_order(chunk: Chunk) -> None:
    decoder = EventStreamDecoder()
    decoder.feed(chunk(start({})))
    assert decoder.feed(chunk(delta({"output_tokens": 5}))) == b""
    assert decoder.feed(chunk({"type": "ping"})) == b""
    names = [name for name, _ in iter_events(decoder.feed(chunk(metrics(METRICS))))]
    assert names == ["message_delta", "ping", "message_stop"]


def test_what_is_held_is_not_lost_to_an_exception(chunk: Chunk, framed: Framed) -> None:
    headers = {":message-type": "exception", ":exception-type": "internalServerException"}
    sent = [start({}), delta({"output_tokens": 5})]
    got, decoder = decode(b"".join(chunk(event) for event in sent) + framed(headers, b"{}"))
    assert got == sent
    assert failure(decoder).status == 500


def test_the_metrics_name_inside_a_text_stays(chunk: Chunk) -> None:
    words = '"amazon-bedrock-invocationMetrics":{"inputTokenCount":1}'
    sent = [start(WHOLE), text(words)]
    got, _ = decode(b"".join(map(chunk, sent)))
    assert got == sent
