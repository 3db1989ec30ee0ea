from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.codecs import sse
from providers.codecs.sse import SseDecoder, iter_events
from providers.contract import FailureKind

START = b'event: message_start\ndata: {"type":"message_start","message":{}}\n\n'
DELTA = b'event: content_block_delta\ndata: {"type":"delta","t":"\xc3\xa9\xe2\x80\xa8"}\n\n'
PING = b'event: ping\ndata: {"type": "ping"}\n\n'
REASON = (
    b'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn"}}\n\n'
)
STOP = REASON + b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
GOOD = START + PING + DELTA * 3 + STOP


def error_event(kind: str, message: str = "words", **details: str) -> bytes:
    extra = "".join(f',"details":{{"{key}":"{value}"}}' for key, value in details.items())
    body = f'{{"type":"error","error":{{"type":"{kind}","message":"{message}"{extra}}}}}'
    return b"event: error\ndata: " + body.encode() + b"\n\n"


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted({cut % (len(data) + 1) for cut in cuts}), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(edges)]


def run(data: bytes, cuts: list[int]) -> tuple[bytes, bool, object]:
    decoder = SseDecoder()
    out = b"".join(decoder.feed(piece) for piece in pieces(data, cuts))
    decoder.end()
    return out, decoder.stopped, decoder.failure


def test_a_good_stream_passes_unchanged() -> None:
    assert run(GOOD, []) == (GOOD, True, None)


def test_a_chunk_of_deltas_is_the_same_object() -> None:
    decoder = SseDecoder()
    decoder.feed(START)
    data = DELTA * 4
    assert decoder.feed(data) is data


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_every_line_end_and_every_split_of_it(end: bytes) -> None:
    data = GOOD.replace(b"\n", end)
    for cut in range(len(data)):
        assert run(data, [cut]) == (data, True, None)
    assert run(data, list(range(len(data)))) == (data, True, None)


BLOCKS = st.sampled_from(
    [
        DELTA,
        PING,
        STOP,
        START,
        error_event("overloaded_error"),
        b": note\n\n",
        b"data: x\n\n",
        b"\n",
    ]
)
ENDS = st.sampled_from([b"\n", b"\r\n", b"\r"])


@given(
    blocks=st.lists(st.tuples(BLOCKS, ENDS), max_size=8),
    rest=st.binary(max_size=12),
    cuts=st.lists(st.integers(min_value=0, max_value=2000), max_size=30),
)
def test_how_the_bytes_are_cut_changes_nothing(
    blocks: list[tuple[bytes, bytes]], rest: bytes, cuts: list[int]
) -> None:
    data = START + b"".join(block.replace(b"\n", end) for block, end in blocks) + rest
    assert run(data, cuts) == run(data, list(range(len(data))))


@given(cuts=st.lists(st.integers(min_value=0, max_value=2000), max_size=10))
def test_only_whole_events_leave(cuts: list[int]) -> None:
    decoder = SseDecoder()
    for piece in pieces(GOOD, cuts):
        out = decoder.feed(piece)
        assert out == b"" or out.endswith(b"\n\n")


def test_an_unfinished_event_is_held_and_then_a_failure() -> None:
    out, stopped, failure = run(START + DELTA + DELTA[:-1], [])
    assert out == START + DELTA
    assert not stopped
    assert getattr(failure, "kind", None) is FailureKind.CUT


@pytest.mark.parametrize("event", [START, DELTA, REASON, STOP.removeprefix(REASON)])
def test_an_event_with_half_its_json_is_no_answer(event: bytes) -> None:
    half = event[: event.rindex(b"{") + 1] + b"\n\n"
    before = b"" if event is START else START + DELTA
    out, stopped, failure = run(before + half + STOP, [])
    assert out == before
    assert not stopped
    assert getattr(failure, "kind", None) is FailureKind.BAD200


def test_a_clean_end_without_stop_is_a_failure() -> None:
    decoder = SseDecoder()
    decoder.feed(START + DELTA)
    decoder.end()
    assert decoder.failure is not None
    assert decoder.failure.kind is FailureKind.CUT


@pytest.mark.parametrize("stop", [b"event: message_stop\n\n", b"event: message_stop\ndata:\n\n"])
def test_a_stop_without_data_stops_nothing(stop: bytes) -> None:
    """Clients pass over an event without data (WHATWG HTML, 9.2.6)."""
    decoder = SseDecoder()
    decoder.feed(START + DELTA + REASON + stop)
    assert not decoder.stopped
    decoder.end()
    assert decoder.failure is not None
    assert decoder.failure.kind is FailureKind.CUT


def test_an_empty_stream_is_no_answer() -> None:
    decoder = SseDecoder()
    decoder.end()
    assert decoder.failure is not None
    assert decoder.failure.kind is FailureKind.BAD200


@pytest.mark.parametrize("why", [b"", b',"delta":{"stop_reason":null}', b',"delta":5'])
def test_an_end_without_a_reason_is_none(why: bytes) -> None:
    said = b'event: message_delta\ndata: {"type":"message_delta"%b}\n\n' % why
    out, stopped, failure = run(START + DELTA + said + STOP.removeprefix(REASON), [])
    assert (out, stopped) == (START + DELTA + said, False)
    assert getattr(failure, "kind", None) is FailureKind.CUT


@pytest.mark.parametrize(
    ("data", "passed"),
    [
        (START + START, START),
        (GOOD + PING, GOOD),
        (GOOD + DELTA, GOOD),
        (DELTA, b""),
        (b'event: content_block_stop\ndata: {"type":"content_block_stop"}\n\n' + GOOD, b""),
        (b"event: message_start\n\n" + DELTA, b"event: message_start\n\n"),
        (b"event: message_start\ndata:\n\n" + DELTA, b"event: message_start\ndata:\n\n"),
        (b"event: message_start\ndata: x\n\n" + DELTA, b""),
        (b'event: message_start\ndata: {"type":"ping"}\n\n' + DELTA, b""),
        (
            START + DELTA + REASON + b'event: message_stop\ndata: {"type":"\n\n',
            START + DELTA + REASON,
        ),
        (START + DELTA + REASON + b"event: message_stop\ndata: 1\n\n", START + DELTA + REASON),
        (START + DELTA + b"event: message_delta\ndata: {}\n\n", START + DELTA),
        (START + DELTA[:50] + b"\n\n" + DELTA, START),
        (START + DELTA + b"event: content_block_stop\ndata: nothing\n\n", START + DELTA),
        (START + b"event: ping\ndata: [\n\n", START),
        (START + DELTA + b'event: content_block_delta\ndata: {"\xff"}\n\n' + DELTA, START + DELTA),
    ],
)
def test_what_may_not_come_is_no_answer(data: bytes, passed: bytes) -> None:
    out, _, failure = run(data, [])
    assert out == passed
    assert getattr(failure, "kind", None) is FailureKind.BAD200


def test_bad_text_in_a_block_of_deltas_is_seen() -> None:
    decoder = SseDecoder()
    decoder.feed(START)
    assert decoder.feed(DELTA + DELTA.replace(b"\xc3", b"\xff")) == DELTA
    assert decoder.failure is not None


@pytest.mark.parametrize(
    ("event", "kind", "status", "name"),
    [
        (error_event("overloaded_error"), FailureKind.ILL, 529, "overloaded_error"),
        (error_event("rate_limit_error"), FailureKind.THROTTLED, 429, "rate_limit_error"),
        (error_event("api_error"), FailureKind.ILL, 500, "api_error"),
        (error_event("invalid_request_error"), FailureKind.CALLER, 400, "invalid_request_error"),
        (error_event("something_new"), FailureKind.ILL, 500, "api_error"),
        (
            error_event("rate_limit_error", error_code="enforced_spend_limit_reached"),
            FailureKind.QUOTA,
            429,
            "rate_limit_error",
        ),
        (b"event: error\ndata: not json\n\n", FailureKind.ILL, 500, "api_error"),
    ],
)
def test_an_error_event_ends_the_answer(
    event: bytes, kind: FailureKind, status: int, name: str
) -> None:
    decoder = SseDecoder()
    assert decoder.feed(START + DELTA + event + STOP) == START + DELTA
    assert decoder.failure is not None
    assert (decoder.failure.kind, decoder.failure.status) == (kind, status)
    assert decoder.failure.type == name
    assert decoder.failure.upstream_status == 200
    assert not decoder.stopped
    assert decoder.feed(STOP) == b""


@pytest.mark.parametrize(
    "event",
    [
        b"event: error\ndata: not json\n\n",
        b"event:error\ndata: {}\n\n",
        b"data: x\nevent: error\n\n",
        b"event: error\r\rx: {}\n\n",
    ],
)
def test_no_error_hides_among_deltas(event: bytes) -> None:
    for block in (event + DELTA, DELTA + event, DELTA + event + DELTA):
        decoder = SseDecoder()
        decoder.feed(START)
        decoder.feed(block)
        assert decoder.failure is not None


def test_the_callers_own_error_keeps_its_words() -> None:
    decoder = SseDecoder()
    event = error_event("invalid_request_error", "prompt is too long: 9 > 8")
    decoder.feed(event)
    assert decoder.failure is not None
    assert decoder.failure.message == "prompt is too long: 9 > 8"
    assert decoder.failure.envelope == event[len(b"event: error\ndata: ") : -2]


def test_the_platforms_own_error_keeps_its_words_for_the_log() -> None:
    decoder = SseDecoder()
    decoder.feed(error_event("overloaded_error", "Overloaded in eu-7"))
    assert decoder.failure is not None
    assert "eu-7" not in decoder.failure.message
    assert decoder.failure.detail == "Overloaded in eu-7"
    assert decoder.failure.envelope is None


def test_one_event_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "UNFINISHED_BYTES", 1000)
    decoder = SseDecoder()
    decoder.feed(START)
    for _ in range(11):
        decoder.feed(b"x" * 100)
    assert decoder.failure is not None
    assert decoder.failure.kind is FailureKind.BAD200


def test_a_large_event_in_many_pieces_passes() -> None:
    event = b'event: content_block_delta\ndata: {"x":"' + b"y" * 5_000_000 + b'"}\n\n'
    decoder = SseDecoder()
    decoder.feed(START)
    out = b"".join(decoder.feed(event[at : at + 65536]) for at in range(0, len(event), 65536))
    assert out == event


def test_white_space_around_an_events_json_means_nothing() -> None:
    event = b'event: content_block_delta\r\ndata:  {"x":1}  \r\ndata:  \r\n\r\n'
    assert run(START + event + STOP, []) == (START + event + STOP, True, None)


def test_events_are_told_apart() -> None:
    block = (
        START
        + b"event:ping\r\ndata: {}\r\n\r\n"
        + b": note\n\n"
        + b"data: a\ndata:  b\n\n"
        + b"id: 4\nevent: x\n\n"
        + b"event: y\ndata\n\n"
    )
    assert list(iter_events(block)) == [
        ("message_start", b'{"type":"message_start","message":{}}'),
        ("ping", b"{}"),
        ("", b"a\n b"),
    ]


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_line_ends_without_end_are_one_event(end: bytes) -> None:
    """A platform that sends nothing else costs no work for each of them."""
    block = GOOD.replace(b"\n", end) + end * 1001
    spans = list(sse._spans(block))
    assert len(spans) == 7
    assert spans[-1][1] == len(block)
    assert run(block, []) == (block, True, None)
    assert run(end * 1001 + GOOD, [7, 500]) == (end * 1001 + GOOD, True, None)
