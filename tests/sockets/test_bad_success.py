"""A 200 that is no answer is never handed on as one; odd but good ones pass unchanged."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.fidelity.gateways import Caller, engine_at
from tests.simulation.callers import call
from tests.simulation.streams import event, parse, whole
from tests.sockets.raw import Line, always, chunked, http, peer

GOOD: dict[str, Any] = {
    "id": "msg_one",
    "type": "message",
    "role": "assistant",
    "model": "claude-opus-5-5",
    "content": [{"type": "text", "text": "<one>"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 1, "output_tokens": 1},
}
WHOLE = json.dumps(GOOD).encode()
BAD = {
    "empty": http(b""),
    "a page": http(b"<html></html>", content_type="text/html"),
    "a page called JSON": http(b"<html></html>"),
    "half a message": http(WHOLE[: len(WHOLE) // 2]),
    "null": http(b"null"),
    "a list": http(b"[]"),
    "no content": http(json.dumps(GOOD | {"content": None}).encode()),
    "no stop reason": http(json.dumps(GOOD | {"stop_reason": None}).encode()),
    "no usage": http(json.dumps(GOOD | {"usage": None}).encode()),
    "an error": http(b'{"type":"error","error":{"type":"api_error","message":"no"}}'),
    "invalid UTF-8": http(WHOLE.replace(b"<one>", b"\xc3\x28")),
    "a stream nobody asked for": chunked(*whole("one")),
    "another status line": b"SIP/2.0 200 OK\r\ncontent-length: 0\r\n\r\n",
    "two lengths": http(WHOLE, content_length="7"),
    "huge headers": http(WHOLE, x_long="a" * 100_000),
    "a switch of protocols": b"HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
}


@pytest.mark.parametrize("answer", BAD.values(), ids=BAD)
@pytest.mark.parametrize("platform", ["anthropic", "bedrock", "vertex"])
def test_a_success_that_is_no_answer(platform: str, answer: bytes, caller: Caller) -> None:
    with peer(always(answer)) as upstream:
        got = caller.ask(engine_at(upstream.url, platform), call(stream=False))
        assert len(upstream.requests) <= 2
    assert got.status == 502
    error = json.loads(got.body)
    assert error["type"] == "error"
    assert error["error"]["type"] == "api_error"
    assert b"<html" not in got.body


@pytest.mark.parametrize("answer", [BAD["a page"], http(WHOLE), BAD["huge headers"]])
def test_a_success_that_is_no_stream(answer: bytes, caller: Caller) -> None:
    with peer(always(answer)) as upstream:
        got = caller.ask(engine_at(upstream.url, "anthropic"), call())
    assert got.status == 502
    assert got.answer.stream is None


@pytest.mark.parametrize(
    ("announced", "then"), [(len(WHOLE) + 5, "close"), (len(WHOLE) + 5, "reset")]
)
def test_a_body_shorter_than_promised_is_a_cut(announced: int, then: str, caller: Caller) -> None:
    head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {announced}"
    with peer(always(head.encode() + b"\r\n\r\n" + WHOLE, then=then)) as upstream:
        got = caller.ask(engine_at(upstream.url, "anthropic"), call(stream=False))
    assert got.status == 502


def test_an_old_server_that_ends_by_closing(caller: Caller) -> None:
    head = b"HTTP/1.0 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"
    with peer(always(head, *whole("one"), then="close")) as upstream:
        got = caller.ask(engine_at(upstream.url, "anthropic"), call())
    assert got.body == b"".join(whole("one"))


def test_interim_answers_are_passed_over(caller: Caller) -> None:
    interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n"
    with peer(always(interim + http(WHOLE))) as upstream:
        got = caller.ask(engine_at(upstream.url, "anthropic"), call(stream=False))
    assert got.body == WHOLE


def test_a_stream_cut_at_every_byte_passes_unchanged(caller: Caller) -> None:
    data = b"".join(whole("one"))
    with peer(always(chunked(*(bytes((byte,)) for byte in data)))) as upstream:
        got = caller.ask(engine_at(upstream.url, "anthropic"), call())
    assert got.body == data


def test_one_large_event_passes_unchanged(caller: Caller) -> None:
    large = event(
        "content_block_delta",
        index=0,
        delta={"type": "text_delta", "text": "a" * 5_000_000},
    )
    events = [*whole("one")[:3], large, *whole("one")[3:]]
    with peer(always(chunked(*events))) as upstream:
        got = caller.ask(engine_at(upstream.url, "anthropic"), call())
    assert got.body == b"".join(events)


def test_an_event_without_an_end_does_not_fill_the_memory(caller: Caller) -> None:
    piece = b"a" * (1 << 20)

    def talk(line: Line) -> None:
        line.request()
        line.say(chunked(*whole("one")[:3], b"event: x\ndata: ", end=False))
        for _ in range(64):
            line.say(b"%x\r\n%b\r\n" % (len(piece), piece))

    with peer(talk) as upstream:
        got = caller.ask(engine_at(upstream.url, "anthropic"), call())
    assert parse(got.body)[-1][0] == "error"
    assert len(got.body) < len(piece)
