"""Token counts: the same from every platform, and from another where one cannot count."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.call import Call, read_call
from gateway.emulator import Emulator
from providers.contract import Kind
from tests.fidelity.gateways import PLATFORMS, Caller, engine_of, engine_over

COUNTED = "claude-sonnet-4-6"
UNCOUNTED_ON_BEDROCK = "claude-opus-5"
"""Only Bedrock's answer says so."""
KNOWN_UNCOUNTED = "claude-opus-5-5"
TOOL = {"name": "write", "input_schema": {"type": "object", "properties": {}}}
SHAPES: dict[str, dict[str, Any]] = {
    "plain": {},
    "system": {"system": "Answer in one word."},
    "tools": {"tools": [TOOL]},
    "thinking": {"thinking": {"type": "enabled", "budget_tokens": 2048}},
}


def count(model: str, **more: Any) -> Call:
    body = {"model": model, "messages": [{"role": "user", "content": "count me"}], **more}
    headers = (("anthropic-version", "2023-06-01"),)
    return read_call(Kind.COUNT_TOKENS, headers, json.dumps(body).encode())


@pytest.mark.parametrize("shape", SHAPES)
def test_a_count_is_the_same_everywhere(shape: str, emulator: Emulator, caller: Caller) -> None:
    found = set()
    for platform in PLATFORMS:
        got = caller.ask(engine_over(emulator, platform), count(COUNTED, **SHAPES[shape]))
        assert got.status == 200, got.body
        found.add(json.loads(got.body)["input_tokens"])
    assert len(found) == 1
    assert found.pop() > 0


def test_where_bedrock_cannot_count_another_does(emulator: Emulator, caller: Caller) -> None:
    """A 400 of the caller's would end the call here; this one is Bedrock's own lack."""
    engine = engine_of(*(engine_over(emulator, name) for name in ("bedrock", "anthropic")))
    got = caller.ask(engine, count(UNCOUNTED_ON_BEDROCK))
    assert got.status == 200
    assert got.headers["x-gateway-upstream"] == "anthropic"
    assert [record.platform for record in emulator.records] == ["bedrock", "anthropic"]


def test_where_nobody_can_count_the_caller_is_told_so(emulator: Emulator, caller: Caller) -> None:
    got = caller.ask(engine_over(emulator, "bedrock"), count(UNCOUNTED_ON_BEDROCK))
    assert (got.status, json.loads(got.body)["error"]["type"]) == (501, "not_supported")
    assert got.headers["x-should-retry"] == "false"
    assert len(emulator.records) == 1


def test_what_is_known_not_to_be_counted_is_not_asked(emulator: Emulator, caller: Caller) -> None:
    engine = engine_of(*(engine_over(emulator, name) for name in ("bedrock", "anthropic")))
    got = caller.ask(engine, count(KNOWN_UNCOUNTED))
    assert got.status == 200
    assert [record.platform for record in emulator.records] == ["anthropic"]
    got = caller.ask(engine_over(emulator, "bedrock"), count(KNOWN_UNCOUNTED))
    assert (got.status, json.loads(got.body)["error"]["type"]) == (501, "not_supported")
    assert b"does not count the tokens of claude-opus-5-5" in got.body
    assert len(emulator.records) == 1
