"""Answers as values: a stream says what the whole answer says, within its budget."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gateway.emulator.answers import answer, seed
from gateway.emulator.cache import Lookup
from gateway.emulator.directives import directives
from gateway.emulator.messages import events, message, pieces, usage
from gateway.emulator.schemas import example
from gateway.emulator.tokens import clip, text_tokens

SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "integer"}}}
TOOLS = [{"name": "first", "input_schema": {}}, {"name": "second", "input_schema": SCHEMA}]


def made(text: str, **more: Any) -> dict[str, Any]:
    messages = [{"role": "user", "content": text}]
    body = {"model": "m", "max_tokens": 100, "messages": messages, **more}
    said = answer(body, directives(body), seed(body, "m"))
    return message("msg_1", "m", said, usage(Lookup(3), said, {}))


def joined(stream: list[dict[str, Any]]) -> dict[str, Any]:
    """Fold a stream into a message, as a client does."""
    whole: dict[str, Any] = {}
    for event in stream:
        match event["type"]:
            case "message_start":
                whole = json.loads(json.dumps(event["message"]))
            case "content_block_start":
                assert event["index"] == len(whole["content"])
                whole["content"].append({**event["content_block"], "json": ""})
            case "content_block_delta":
                block = whole["content"][event["index"]]
                for key, value in event["delta"].items():
                    if key != "type":
                        name = "json" if key == "partial_json" else key
                        block[name] += value
            case "message_delta":
                whole |= event["delta"]
                whole["usage"] |= event["usage"]
    for block in whole["content"]:
        text = block.pop("json")
        if block["type"] == "tool_use" and text:
            block["input"] = json.loads(text)
    return whole


prompts = st.text(max_size=30) | st.sampled_from(
    [
        "[[tool]]",
        "[[tool:second]]",
        "[[refusal]]",
        "[[refusal:mid]]",
        "[[words:90]]",
        "[[events:3]]",
    ]
)


@given(prompts, st.integers(1, 60), st.sampled_from([None, "adaptive"]), st.booleans())
def test_a_stream_folds_into_the_whole_answer(
    text: str, max_tokens: int, thinking: str | None, tools: bool
) -> None:
    more: dict[str, Any] = {"thinking": {"type": thinking}} if thinking else {}
    more |= {"tools": TOOLS} if tools else {}
    whole = made(text or "x", max_tokens=max_tokens, **more)
    stream = events(whole, directives({"messages": [{"role": "user", "content": text}]}).events)
    assert joined(stream) == whole
    assert whole["usage"]["output_tokens"] <= max_tokens
    assert stream[-1] == {"type": "message_stop"}
    assert [e["type"] for e in stream].count("message_start") == 1


@given(st.text(max_size=50), st.integers(1, 60))
def test_pieces_join_to_the_text(text: str, count: int) -> None:
    split = pieces(text, count)
    assert "".join(split) == text
    assert all(split)
    assert len(split) == min(count, len(text))
    assert "".join(pieces(text, None)) == text


@given(st.text(max_size=50), st.integers(0, 20))
def test_a_clipped_text_fits(text: str, tokens: int) -> None:
    clipped = clip(text, tokens)
    assert text.startswith(clipped)
    assert text_tokens(clipped) <= tokens


def test_a_tool_may_be_named() -> None:
    assert made("[[tool]]", tools=TOOLS)["content"][0]["name"] == "first"
    named = made("[[tool:second]]", tools=TOOLS)["content"][0]
    assert (named["name"], named["input"]) == ("second", {"a": "example", "b": 7})


def test_marks_are_not_part_of_what_was_said() -> None:
    text = made("well [[words:3]] then")["content"][0]["text"]
    assert len(text.split()) == 3
    body = {"messages": [{"role": "user", "content": "hi [[pace_ms:2.5]] there [[pace_ms:x]]"}]}
    assert directives(body).pace_ms is None
    assert directives(body).said == "hi  there"


def test_the_usage_of_a_delta_is_cumulative_and_bare() -> None:
    stream = events(made("hello"))
    assert stream[0]["message"]["usage"]["output_tokens"] == 1
    used = stream[-2]["usage"]
    assert used["output_tokens"] > 1
    assert set(used) == {
        "input_tokens",
        "cache_creation_input_tokens",
        "cache_read_input_tokens",
        "output_tokens",
    }


def test_examples_fit_their_schema() -> None:
    schema = {
        "$defs": {"city": {"enum": ["Cork"]}},
        "type": "object",
        "properties": {
            "c": {"$ref": "#/$defs/city"},
            "d": {"type": ["string", "null"], "format": "date"},
            "e": {"anyOf": [{"type": "boolean"}, {"type": "null"}]},
            "f": {"type": "number", "minimum": 2},
            "g": {"type": "string", "minLength": 10},
        },
    }
    assert example(schema) == {"c": "Cork", "d": "2026-01-31", "e": True, "f": 2, "g": "example..."}
    assert example({"$ref": "#"}) is None
