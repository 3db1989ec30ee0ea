"""The chunks of a stream say what the whole answer says."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from openai.types.chat import ChatCompletionChunk

from tests.laws import law
from tests.openai_format.events import a_message, event, message, streamed, whole
from tests.openai_format.telling import read

DONE = "[DONE]"
TEXT = {"type": "text", "text": "It turns."}


def chunks(told: bytes) -> list[Any]:
    """Return the data of each chunk, and of what ends the stream."""
    lines = [line for line in told.decode().split("\n\n") if line and not line.startswith(":")]
    assert all(line.startswith("data: ") and "\n" not in line for line in lines)
    data = [line.removeprefix("data: ") for line in lines]
    return [each if each == DONE else json.loads(each) for each in data]


def fed(blocks: list[bytes], **asked: Any) -> bytes:
    events = read(stream=True, **asked).replies.events()
    return b"".join([*map(events.feed, blocks), events.end()])


def put_together(made: list[Any]) -> dict[str, Any]:
    """Return the one choice that chunks make, as a client puts it together."""
    said: dict[str, Any] = {"role": None, "content": None, "refusal": None}
    calls: dict[int, Any] = {}
    reason = None
    for chunk in made:
        for choice in chunk["choices"]:
            delta = choice["delta"]
            reason = choice["finish_reason"] or reason
            for name in ("role", "content", "refusal", "reasoning_content"):
                if name in delta:
                    said[name] = (said.get(name) or "") + delta[name]
            said["thinking_blocks"] = said.get("thinking_blocks", []) + [
                {key: value for key, value in block.items() if key != "index"}
                for block in delta.get("thinking_blocks", [])
            ]
            for call in delta.get("tool_calls", []):
                known = calls.setdefault(call["index"], {"arguments": ""})
                known |= {"id": call.get("id", known.get("id"))}
                known["name"] = call["function"].get("name", known.get("name"))
                known["arguments"] += call["function"]["arguments"]
    said["tool_calls"] = [_read(calls[index]) for index in sorted(calls)]
    return {"finish_reason": reason, **{k: v for k, v in said.items() if v not in (None, [], "")}}


def _read(call: dict[str, Any]) -> dict[str, Any]:
    return {**call, "arguments": json.loads(call["arguments"])}


def as_put_together(completion: dict[str, Any]) -> dict[str, Any]:
    """Return the one choice of a whole completion in the same shape."""
    (choice,) = completion["choices"]
    said = choice["message"]
    calls = [_read({"id": call["id"], **call["function"]}) for call in said.get("tool_calls", [])]
    told = {**said, "tool_calls": calls}
    return {
        "finish_reason": choice["finish_reason"],
        **{key: value for key, value in told.items() if value not in (None, [], "")},
    }


@law
def test_any_split_of_any_stream_says_what_the_whole_answer_says(rng: random.Random) -> None:
    told = a_message(rng)
    events = streamed(told, rng)
    once = fed([b"".join(events)], stream_options={"include_usage": True})
    blocks, rest = [], list(events)
    while rest:
        size = rng.randint(1, len(rest))
        blocks.append(b"".join(rest[:size]))
        rest = rest[size:]
    assert fed(blocks, stream_options={"include_usage": True}) == once
    *made, usage, done = chunks(once)
    completion = whole(told)
    assert done == DONE
    assert put_together(made) == as_put_together(completion)
    assert usage["choices"] == []
    assert usage["usage"] == completion["usage"]
    assert {(each["id"], each["model"], each["created"]) for each in (*made, usage)} == {
        (completion["id"], completion["model"], completion["created"])
    }
    assert all(each["usage"] is None for each in made)


def test_a_chunk_is_what_openai_says_it_is() -> None:
    told = message([TEXT, {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}}])
    *made, done = chunks(fed(streamed(told, random.Random(1))))
    assert done == DONE
    for each in made:
        ChatCompletionChunk.model_validate(each, strict=True)
        assert "usage" not in each
    assert made[0]["choices"][0]["delta"] == {"role": "assistant"}
    assert [each["choices"][0]["finish_reason"] for each in made[:-1]] == [None] * (len(made) - 1)
    assert made[-1]["choices"][0]["delta"] == {}


def test_a_text_is_not_touched() -> None:
    written = rb'"\u00e9\ud83d\ude00 \/ \u2028"'
    delta = b'{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":%b}}'
    block = b"event: content_block_delta\ndata: " + delta % written + b"\n\n"
    events = read(stream=True).replies.events()
    events.feed(event("message_start", message=message([])))
    assert b'"delta":{"content":%b}' % written in events.feed(block)


def test_a_ping_is_a_comment() -> None:
    assert fed([event("ping")]).startswith(b": ping\n\n")


def test_blocks_without_a_place_are_named_in_the_last_chunk() -> None:
    other = {"type": "server_tool_use", "id": "s", "name": "w", "input": {}}
    made = chunks(fed(streamed(message([other, TEXT]), random.Random(1))))
    named = [each.get("x_gateway_dropped") for each in made[:-1]]
    assert named == [None] * (len(named) - 1) + [["server_tool_use"]]


def _error(**error: Any) -> bytes:
    return event("error", error=error, request_id="req_1")


@pytest.mark.parametrize("at", range(1, 7))
def test_an_error_ends_a_stream_and_nothing_says_that_it_is_done(at: int) -> None:
    events = streamed(message([TEXT]), random.Random(3))[:at]
    overloaded = _error(type="overloaded_error", message="Overloaded")
    made = chunks(fed([*events, overloaded, event("message_stop")]))
    assert made[-1] == {
        "error": {
            "message": "Overloaded",
            "type": "server_error",
            "param": None,
            "code": "overloaded",
        }
    }
    assert DONE not in made
    assert sum("error" in each for each in made) == 1


@pytest.mark.parametrize("at", range(7))
def test_a_stream_that_is_cut_ends_in_an_error(at: int) -> None:
    events = streamed(message([TEXT]), random.Random(3))
    assert len(events) > at
    made = chunks(fed(events[:at]))
    assert made[-1]["error"]["message"] == "The answer broke off."
    assert DONE not in made


def test_an_answer_that_never_says_why_it_ended_is_not_done() -> None:
    events = streamed(message([TEXT]), random.Random(3))
    silent = event("message_delta", delta={"stop_reason": None}, usage={"output_tokens": 1})
    made = chunks(fed([*events[:-2], silent, events[-1]]))
    assert made[-1]["error"]["message"] == "The answer broke off."
    assert DONE not in made


def test_thinking_of_several_lines_is_one_chunk() -> None:
    opened = (
        b'event: content_block_start\ndata: {"type":"content_block_start","index":0,\n'
        b'data: "content_block":{"type":"redacted_thinking","data":"x==","more":{\n'
        b'data: "a":[1,\ndata: 2]}}}\n\n'
    )
    start, *ends = streamed(message([]), random.Random(3))
    stop = event("content_block_stop", index=0)
    made = chunks(fed([start, opened, stop, *ends]))
    (block,) = made[1]["choices"][0]["delta"]["thinking_blocks"]
    assert block == {"index": 0, "type": "redacted_thinking", "data": "x==", "more": {"a": [1, 2]}}


def test_counts_are_of_the_whole_answer_and_the_last_ones_are_right() -> None:
    start = message([], usage={"input_tokens": 5, "output_tokens": 1, "cache_read_input_tokens": 2})
    deltas = [
        event("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 9}),
        event("message_delta", delta={}, usage={"output_tokens": 12, "input_tokens": None}),
    ]
    events = [event("message_start", message=start), *deltas, event("message_stop")]
    *made, usage, _ = chunks(fed(events, stream_options={"include_usage": True}))
    assert usage["usage"]["prompt_tokens"] == 7
    assert usage["usage"]["completion_tokens"] == 12
    ends = [choice["finish_reason"] for each in made for choice in each["choices"]]
    assert ends == [None, "stop"]
