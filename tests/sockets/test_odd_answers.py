"""Odd answers on real sockets: what each becomes for the caller, and for the next call."""

from __future__ import annotations

import gzip
import json
import threading

import pytest

from tests.fidelity.gateways import Caller, Got, engine_at, engine_of
from tests.simulation.callers import call
from tests.simulation.streams import event, marks, message_start, parse, whole
from tests.sockets.raw import Line, always, chunked, http, peer
from tests.sockets.scripted import WAIT_S


def message(mark: str) -> bytes:
    document = {
        "id": f"msg_{mark}",
        "type": "message",
        "role": "assistant",
        "model": "claude-opus-5-5",
        "content": [{"type": "text", "text": f"<{mark}>"}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 1, "output_tokens": 1},
    }
    return json.dumps(document).encode()


def error_of(got: Got) -> tuple[int, str]:
    """Return status and type of an error that came before any content."""
    assert got.answer.stream is None
    document = json.loads(got.body)
    assert document["type"] == "error"
    assert got.headers["request-id"]
    return got.status, document["error"]["type"]


def ending_of(got: Got) -> tuple[str, str | None]:
    """Return the last event's name, and its error's type."""
    name, data = parse(got.body)[-1]
    return name, data["error"]["type"] if name == "error" else None


SURPLUS = http(message("surplus"))
LEAKS = {
    "behind a length": (False, http(message("first")) + SURPLUS),
    "behind the last chunk": (True, chunked(b"".join(whole("first"))) + SURPLUS),
    "line ends behind the last chunk": (True, chunked(b"".join(whole("first"))) + b"\r\n"),
    "behind a bodiless status": (False, http(b"", 204) + SURPLUS),
}


@pytest.mark.parametrize(("streamed", "first"), LEAKS.values(), ids=LEAKS)
def test_surplus_bytes_never_reach_the_next_call(
    streamed: bool, first: bytes, caller: Caller
) -> None:
    second = chunked(b"".join(whole("second"))) if streamed else http(message("second"))

    def talk(line: Line) -> None:
        while line.request():
            line.say(first if line.number == 1 else second)

    with peer(talk) as upstream:
        engine = engine_at(upstream.url, "anthropic")
        got = caller.ask_all(engine, [call(stream=streamed)] * 2)
        assert upstream.connections == 2
    assert b"surplus" not in got[0].body + got[1].body
    assert marks(got[1].body) == {"second"}


def test_bytes_that_come_while_a_connection_is_idle_reach_nobody(caller: Caller) -> None:
    """The surplus is sent, and has arrived, while another upstream is being asked."""
    idle, arrived = threading.Event(), threading.Event()

    def talk(line: Line) -> None:
        while line.request():
            line.say(http(message("first" if line.number == 1 else "third")))
            if line.number == 1:
                assert idle.wait(WAIT_S)
                line.say(SURPLUS)
                arrived.set()

    def talk_between(line: Line) -> None:
        while line.request():
            idle.set()
            assert arrived.wait(WAIT_S)
            line.say(http(message("second")))

    with peer(talk) as one, peer(talk_between) as two:
        engines = [engine_at(one.url, "anthropic"), engine_at(two.url, "vertex")]
        names = ("anthropic", "vertex", "anthropic")
        asked = [call(stream=False, headers=(("x-gateway-only", name),)) for name in names]
        got = caller.ask_all(engine_of(*engines), asked)
        assert one.connections == 2
    assert [marks(each.body) for each in got] == [{"first"}, {"second"}, {"third"}]


@pytest.mark.parametrize("framing", ["transfer-encoding: chunked", "content-length: 9"])
def test_a_body_behind_a_bodiless_status_never_reaches_the_next_call(
    framing: str, caller: Caller
) -> None:
    """A 204 that announces a body is odd: its connection must not serve another call."""
    odd = f"HTTP/1.1 204 No Content\r\n{framing}\r\n\r\n".encode()

    def talk(line: Line) -> None:
        while line.request():
            line.say(odd if line.number == 1 else http(message("second")))

    with peer(talk) as upstream:
        got = caller.ask(engine_at(upstream.url, "anthropic"), call(stream=False))
        assert upstream.connections == 2
    assert marks(got.body) == {"second"}


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("streamed", [True, False])
def test_a_redirect_is_refused_and_the_other_host_gets_nothing(
    status: int, streamed: bool, caller: Caller
) -> None:
    with peer(always(http(message("elsewhere")))) as other:
        moved = http(b"", status, location=f"{other.url}/v1/messages")
        with peer(always(moved)) as upstream:
            got = caller.ask(engine_at(upstream.url, "anthropic"), call(stream=streamed))
        assert other.connections == 0
    assert error_of(got) == (502, "api_error")
    assert "location" not in got.headers
    assert str(other.port).encode() not in got.body


@pytest.mark.parametrize("status", [200, 400])
def test_a_compressed_answer_is_refused(status: int, caller: Caller) -> None:
    answer = http(gzip.compress(message("small")), status, content_encoding="gzip")
    with peer(always(answer)) as upstream:
        got = caller.ask(engine_at(upstream.url, "anthropic"), call(stream=False))
        assert b"accept-encoding: identity\r\n" in upstream.requests[0]
    assert error_of(got) == (502, "api_error")


def test_two_starts_before_content_are_no_answer(caller: Caller) -> None:
    both = [message_start("one"), message_start("two"), *whole("two")[1:]]
    with peer(always(chunked(*both))) as upstream:
        got = caller.ask(engine_at(upstream.url, "anthropic"), call())
    assert error_of(got) == (502, "api_error")


def test_a_second_start_after_content_ends_the_answer(caller: Caller) -> None:
    both = [*whole("one")[:3], *whole("two")]
    with peer(always(chunked(*both))) as upstream:
        got = caller.ask(engine_at(upstream.url, "anthropic"), call())
    assert got.body.startswith(b"".join(whole("one")[:3]))
    assert ending_of(got) == ("error", "api_error")
    assert marks(got.body) == {"one"}
    assert got.body.count(b"event: message_start") == 1


BROKEN_TEXT = b'event: content_block_delta\ndata: {"type":"content_block_delta","t":"\xc3"}\n\n'


@pytest.mark.parametrize("before", [1, 3])
def test_invalid_utf8_is_never_passed_on(before: int, caller: Caller) -> None:
    events = whole("one")
    with peer(always(chunked(*events[:before], BROKEN_TEXT, *events[before:]))) as upstream:
        got = caller.ask(engine_at(upstream.url, "anthropic"), call())
    got.body.decode()
    if before == 1:
        assert error_of(got) == (502, "api_error")
    else:
        assert ending_of(got) == ("error", "api_error")
        assert got.body.startswith(b"".join(events[:before]))


TOOL = [
    message_start("one"),
    event(
        "content_block_start",
        index=0,
        content_block={"type": "tool_use", "id": "toolu_1", "name": "write", "input": {}},
    ),
    event(
        "content_block_delta",
        index=0,
        delta={"type": "input_json_delta", "partial_json": '{"path": "/srv/exa'},
    ),
]


@pytest.mark.parametrize(
    ("end", "then"),
    [(True, "wait"), (True, "close"), (True, "reset"), (False, "close"), (False, "reset")],
)
def test_a_cut_in_a_tool_input_is_never_closed_for_the_model(
    end: bool, then: str, caller: Caller
) -> None:
    with peer(always(chunked(*TOOL, end=end), then=then)) as upstream:
        got = caller.ask(engine_at(upstream.url, "anthropic"), call())
        assert len(upstream.requests) == 1
    assert got.body.startswith(b"".join(TOOL))
    assert ending_of(got) == ("error", "api_error")
    names = [name for name, _ in parse(got.body)]
    assert "content_block_stop" not in names
    assert "message_stop" not in names


def test_events_after_message_stop_are_not_passed_on(caller: Caller) -> None:
    with peer(always(chunked(*whole("one"), *whole("two")))) as upstream:
        got = caller.ask(engine_at(upstream.url, "anthropic"), call())
    assert marks(got.body) == {"one"}
    assert ending_of(got) == ("message_stop", None)
