"""The same message means the same usage on every platform, streamed or not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.call import Call, read_call
from gateway.emulator import Emulator
from gateway.usage import Usage
from providers.contract import Kind
from tests.fidelity.gateways import PLATFORMS, Caller, Got, engine_over

MODEL = "claude-opus-5-5"
LONG = "a prefix that is worth caching " * 2000
TOOL = {
    "name": "write",
    "description": "Writes a file.",
    "input_schema": {
        "type": "object",
        "properties": {"path": {"type": "string"}},
        "required": ["path"],
    },
}
SHAPES: dict[str, dict[str, Any]] = {
    "plain": {},
    "tools": {"tools": [TOOL], "tool_choice": {"type": "any"}},
    "thinking": {"thinking": {"type": "adaptive"}},
    "cached for 5 minutes": {
        "system": [{"type": "text", "text": LONG, "cache_control": {"type": "ephemeral"}}]
    },
    "cached for an hour": {
        "system": [
            {"type": "text", "text": LONG, "cache_control": {"type": "ephemeral", "ttl": "1h"}}
        ]
    },
}
COUNTERS = (
    "input_tokens",
    "output_tokens",
    "cache_creation_input_tokens",
    "cache_creation_5m_input_tokens",
    "cache_creation_1h_input_tokens",
    "cache_read_input_tokens",
    "thinking_tokens",
)


def call(shape: str, *, stream: bool) -> Call:
    body = {
        "model": MODEL,
        "max_tokens": 2048,
        "messages": [{"role": "user", "content": "count me"}],
        **SHAPES[shape],
        "stream": stream,
    }
    headers = (("anthropic-version", "2026-10-21"),)
    return read_call(Kind.MESSAGES, headers, json.dumps(body).encode())


def events(got: Got) -> list[dict[str, Any]]:
    lines = got.body.decode().splitlines()
    return [json.loads(line[6:]) for line in lines if line.startswith("data: ")]


def usage_of(got: Got) -> Usage:
    assert got.status == 200, got.body
    assert b"amazon-bedrock" not in got.body
    assert b"invocationMetrics" not in got.body
    if got.answer.stream is None:
        return Usage.of(got.body)
    usage = Usage.from_stream(events(got))
    # What the stream's tap has kept in passing means the same.
    assert Usage.of({"usage": got.answer.stream.stream.facts.usage}) == usage
    return usage


def counts(usage: Usage) -> dict[str, int | None]:
    assert usage.flags == ()
    assert usage.unknown == {}
    return {name: getattr(usage, name) for name in COUNTERS}


@pytest.mark.parametrize("shape", SHAPES)
def test_usage_means_the_same_everywhere(shape: str, emulator: Emulator, caller: Caller) -> None:
    found = {}
    for stream in (True, False):
        emulator.reset()
        for platform in PLATFORMS:
            asked = [call(shape, stream=stream)] * 2
            first, second = map(usage_of, caller.ask_all(engine_over(emulator, platform), asked))
            found[platform, stream] = (counts(first), counts(second))
    expected = found["anthropic", False]
    assert found == dict.fromkeys(found, expected)
    sensible(shape, *expected)


def sensible(shape: str, first: dict[str, Any], second: dict[str, Any]) -> None:
    """The counts say what the shape is about, so that equal does not mean equally empty."""
    assert first["input_tokens"] > 0
    assert first["output_tokens"] > 1
    if shape == "thinking":
        assert 0 < first["thinking_tokens"] <= first["output_tokens"]
    if not shape.startswith("cached"):
        assert first == second
        return
    key = "1h" if shape == "cached for an hour" else "5m"
    written = first["cache_creation_input_tokens"]
    assert written > 0
    assert first[f"cache_creation_{key}_input_tokens"] == written
    assert first["cache_read_input_tokens"] == 0
    assert second["cache_creation_input_tokens"] == 0
    assert second["cache_read_input_tokens"] == written


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_answer_means_the_same_everywhere(
    shape: str, stream: bool, emulator: Emulator, caller: Caller
) -> None:
    found = []
    for platform in PLATFORMS:
        emulator.reset()
        got = caller.ask(engine_over(emulator, platform), call(shape, stream=stream))
        found.append(said(got))
    assert found[0] == found[1] == found[2]


def said(got: Got) -> Any:
    """Return content and stop reason, or the events between start and end."""
    if got.answer.stream is None:
        message = json.loads(got.body)
        return message["model"], message["content"], message["stop_reason"]
    whole = [event for event in events(got) if event["type"] != "ping"]
    assert whole[0]["type"] == "message_start"
    assert whole[-1] == {"type": "message_stop"}
    model = whole[0]["message"]["model"]
    return model, whole[1:-2], whole[-2]["delta"]
