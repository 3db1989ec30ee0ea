"""What a request for a chat completion becomes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.openai_format.telling import HELLO, MARK, TOOL, header_of, read, told, turns, way

SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
FUNCTION = {"name": "look_up", "input_schema": TOOL["function"]["parameters"]}  # type: ignore[index]
PNG = "data:image/png;base64,iVBORw0KGgo="


@pytest.mark.parametrize(
    ("given", "becomes"),
    [
        ({}, {}),
        ({"max_tokens": 7}, {"max_tokens": 7}),
        ({"max_completion_tokens": 7}, {"max_tokens": 7}),
        ({"max_completion_tokens": 7, "max_tokens": 7}, {"max_tokens": 7}),
        ({"max_completion_tokens": None, "max_tokens": 7}, {"max_tokens": 7}),
        ({"stop": "END"}, {"stop_sequences": ["END"]}),
        ({"stop": ["A", "B"]}, {"stop_sequences": ["A", "B"]}),
        ({"stop": None}, {}),
        ({"stream": True}, {"stream": True}),
        ({"stream": False}, {}),
        ({"temperature": 0}, {"temperature": 0.0}),
        ({"temperature": 1, "top_p": 1.0}, {}),
        ({"top_p": 0.5}, {"top_p": 0.5}),
        ({"user": "u"}, {"metadata": {"user_id": "u"}}),
        ({"safety_identifier": "u", "user": "u"}, {"metadata": {"user_id": "u"}}),
        ({"service_tier": "auto"}, {}),
        ({"service_tier": "default"}, {"service_tier": "standard_only"}),
        ({"response_format": {"type": "text"}}, {}),
        (
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "n", "strict": True, "schema": SCHEMA},
                }
            },
            {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}},
        ),
        ({"tools": [TOOL]}, {"tools": [FUNCTION]}),
        ({"tools": [TOOL], "parallel_tool_calls": True}, {"tools": [FUNCTION]}),
        ({"parallel_tool_calls": False, "tool_choice": "none"}, {}),
        ({"n": 1, "store": False, "logprobs": False, "seed": None, "modalities": ["text"]}, {}),
    ],
)
def test_a_field_becomes(given: dict[str, Any], becomes: dict[str, Any]) -> None:
    assert told(**given) == becomes


@pytest.mark.parametrize(
    ("model", "effort", "becomes"),
    [
        ("claude-opus-5-5", "high", {"output_config": {"effort": "high"}}),
        ("claude-opus-5-5", "minimal", {"output_config": {"effort": "low"}}),
        ("claude-opus-5", "none", {"thinking": {"type": "disabled"}}),
        (
            "claude-opus-4-8",
            "max",
            {"output_config": {"effort": "max"}, "thinking": {"type": "adaptive"}},
        ),
    ],
)
def test_an_effort_becomes(model: str, effort: str, becomes: dict[str, Any]) -> None:
    body = told(model=model, reasoning_effort=effort)
    assert body.pop("model") == model
    assert body == becomes


def test_thinking_of_the_callers_own_goes_before_an_efforts() -> None:
    own = {"type": "enabled", "budget_tokens": 2048}
    body = told(model="claude-opus-4-6", reasoning_effort="low", thinking=own)
    assert (body["thinking"], body["output_config"]) == (own, {"effort": "low"})


@pytest.mark.parametrize(
    ("choice", "alone", "becomes"),
    [
        ("auto", True, {"type": "auto"}),
        ("none", True, {"type": "none"}),
        ("none", False, {"type": "none"}),
        ("required", True, {"type": "any"}),
        ({"type": "function", "function": {"name": "f"}}, True, {"type": "tool", "name": "f"}),
        (None, False, {"type": "auto", "disable_parallel_tool_use": True}),
        ("required", False, {"type": "any", "disable_parallel_tool_use": True}),
    ],
)
def test_a_choice_of_tools_becomes(choice: Any, alone: bool, becomes: dict[str, Any]) -> None:
    body = told(tools=[TOOL], tool_choice=choice, parallel_tool_calls=alone)
    assert body["tool_choice"] == becomes


def test_a_tool_keeps_its_schema_byte_for_byte() -> None:
    written = '{"type": "object",  "properties": {"\\u00e9": {"enum": [1.0, 1e2]}}}'
    body = (
        '{"model":"claude-opus-5-5","messages":[{"role":"user","content":"x"}],'
        '"tools":[{"type":"function","function":{"name":"f","parameters":' + written + "}}]}"
    )
    asked = way().read((), body.encode())
    assert written.encode() in bytes(asked.fields["tools"])


def test_strict_and_a_description_travel_and_a_missing_schema_is_an_empty_one() -> None:
    function = {"name": "f", "description": "d", "strict": True}
    (tool,) = told(tools=[{"type": "function", "function": function}])["tools"]
    assert tool == {
        "name": "f",
        "description": "d",
        "strict": True,
        "input_schema": {"type": "object", "properties": {}},
    }


def test_system_messages_at_the_start_are_the_system_prompt() -> None:
    body = told(
        messages=[
            {"role": "system", "content": "a"},
            {"role": "developer", "content": [{"type": "text", "text": "b"}]},
            *HELLO,
        ]
    )
    assert body["system"] == [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    assert body["messages"] == HELLO


def test_a_later_one_stays_where_it_is() -> None:
    later = {"role": "developer", "content": "now in French"}
    assert turns(*HELLO, later, *HELLO) == [
        *HELLO,
        {"role": "system", "content": [{"type": "text", "text": "now in French"}]},
        *HELLO,
    ]


def test_parts_become_blocks() -> None:
    (turn,) = turns(
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "see"},
                {"type": "image_url", "image_url": {"url": PNG, "detail": "high"}},
                {"type": "image_url", "image_url": {"url": "https://x.example/a.png"}},
                {
                    "type": "file",
                    "file": {
                        "filename": "a.pdf",
                        "file_data": "data:application/pdf;base64,JVBERi0=",
                    },
                },
            ],
        }
    )
    png = {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}
    pdf = {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="}
    assert turn["content"] == [
        {"type": "text", "text": "see"},
        {"type": "image", "source": png},
        {"type": "image", "source": {"type": "url", "url": "https://x.example/a.png"}},
        {"type": "document", "source": pdf, "title": "a.pdf"},
    ]


def _call(name: str, arguments: str) -> dict[str, Any]:
    function = {"name": "look_up", "arguments": arguments}
    return {"id": name, "type": "function", "function": function}


def test_answers_of_tools_stand_in_one_turn_with_what_the_user_says_next() -> None:
    calls = [_call("c1", '{"a": 1.0}'), _call("c2", "")]
    _, said, answered, *rest = turns(
        *HELLO,
        {"role": "assistant", "content": "", "tool_calls": calls, "refusal": None},
        {"role": "tool", "tool_call_id": "c2", "content": "two"},
        {"role": "tool", "tool_call_id": "c1", "content": [{"type": "text", "text": "one"}]},
        {"role": "user", "content": "so?"},
        {"role": "user", "content": "well?"},
    )
    assert said["content"] == [
        {"type": "tool_use", "id": "c1", "name": "look_up", "input": {"a": 1.0}},
        {"type": "tool_use", "id": "c2", "name": "look_up", "input": {}},
    ]
    assert answered == {
        "role": "user",
        "content": [
            {"type": "tool_result", "tool_use_id": "c2", "content": "two"},
            {
                "type": "tool_result",
                "tool_use_id": "c1",
                "content": [{"type": "text", "text": "one"}],
            },
            {"type": "text", "text": "so?"},
        ],
    }
    assert rest == [{"role": "user", "content": "well?"}]


def test_thinking_goes_back_as_it_came_and_before_the_rest() -> None:
    thought = {"type": "thinking", "thinking": "hm", "signature": "s=="}
    _, said = turns(
        *HELLO,
        {
            "role": "assistant",
            "content": "yes",
            "reasoning_content": "hm",
            "thinking_blocks": [{**thought, "index": 0}, thought],
        },
    )
    assert said["content"] == [thought, thought, {"type": "text", "text": "yes"}]


def test_thinking_without_its_signature_is_left_out_and_named() -> None:
    said = {"role": "assistant", "content": "yes", "reasoning_content": "hm"}
    asked = read(messages=[*HELLO, said], metadata={"a": "b"})
    assert json.loads(asked.raw)["messages"][1] == {"role": "assistant", "content": "yes"}
    named = header_of(asked.replies.opened(()), "x-gateway-dropped")
    assert named == "metadata, messages[1].reasoning_content"


def test_what_the_model_declined_is_told_as_what_it_said() -> None:
    refused = {"role": "assistant", "content": None, "refusal": "I will not."}
    assert turns(*HELLO, refused)[1] == {"role": "assistant", "content": "I will not."}
    part = {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]}
    assert turns(*HELLO, part)[1] == {"role": "assistant", "content": "No."}


def test_cache_marks_are_kept_wherever_relay_users_put_them() -> None:
    body = told(
        messages=[
            {"role": "system", "content": "s", "cache_control": MARK},
            {"role": "user", "content": [{"type": "text", "text": "u", "cache_control": MARK}]},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [_call("c1", "{}"), _call("c2", "{}")],
                "cache_control": MARK,
            },
            {"role": "tool", "tool_call_id": "c1", "content": "r", "cache_control": MARK},
            {
                "role": "tool",
                "tool_call_id": "c2",
                "content": [{"type": "text", "text": "r", "cache_control": {**MARK, "ttl": "1h"}}],
            },
            {"role": "user", "content": "v", "cache_control": MARK},
        ],
        tools=[{**TOOL, "cache_control": MARK}, _with_inner_mark("other")],
        cache_control=MARK,
    )
    assert body["system"] == [{"type": "text", "text": "s", "cache_control": MARK}]
    user, said, answered = body["messages"]
    assert user["content"] == [{"type": "text", "text": "u", "cache_control": MARK}]
    assert "cache_control" not in said["content"][0]
    assert said["content"][1]["cache_control"] == MARK
    assert [block["cache_control"] for block in answered["content"]] == [
        MARK,
        {**MARK, "ttl": "1h"},
        MARK,
    ]
    assert answered["content"][1]["content"] == [{"type": "text", "text": "r"}]
    assert [tool["cache_control"] for tool in body["tools"]] == [MARK, MARK]
    assert body["cache_control"] == MARK


def _with_inner_mark(name: str) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "cache_control": MARK}}


def test_a_mark_that_is_null_is_none() -> None:
    part = {"type": "text", "text": "u", "cache_control": None}
    (turn,) = turns({"role": "user", "content": [part], "cache_control": MARK})
    assert turn["content"] == [{"type": "text", "text": "u", "cache_control": MARK}]


def test_fields_of_the_messages_api_are_carried() -> None:
    own = {
        "thinking": {"type": "adaptive", "display": "summarized"},
        "inference_geo": "us",
        "speed": "fast",
        "context_management": {"edits": []},
        "output_config": {"effort": "low"},
    }
    assert told(**own) == own


@pytest.mark.parametrize(
    ("fields", "version"),
    [
        ({}, "2026-10-21"),
        ({"temperature": 0.2}, "2023-06-01"),
        ({"top_p": 0.2}, "2023-06-01"),
        ({"top_k": 3}, "2023-06-01"),
        ({"temperature": 1.0}, "2026-10-21"),
    ],
)
def test_the_version_is_the_one_that_has_the_fields(fields: dict[str, Any], version: str) -> None:
    assert header_of(read(**fields).headers, "anthropic-version") == version


def test_labels_betas_and_retries_travel_and_the_sdk_stays_here() -> None:
    kept = (
        ("x-gateway-class", "phi"),
        ("anthropic-beta", "b"),
        ("anthropic-version", "2023-06-01"),
        ("x-stainless-retry-count", "1"),
        ("x-stainless-read-timeout", "9"),
    )
    own = (("user-agent", "OpenAI/Python"), ("x-stainless-lang", "python"), ("openai-project", "p"))
    assert read((*kept, *own)).headers == kept


@pytest.mark.parametrize(
    ("asked", "model"),
    [
        ("claude-opus-5-5", "claude-opus-5-5"),
        ("anthropic/claude-opus-5-5", "claude-opus-5-5"),
        ("anthropic/claude-opus-5.5", "claude-opus-5-5"),
        ("anthropic/claude-haiku-4-5-20251001", "claude-haiku-4-5-20251001"),
        ("bedrock/eu.anthropic.claude-opus-5-5", "bedrock/eu.anthropic.claude-opus-5-5"),
        ("vertex_ai/claude-opus-5-5", "vertex_ai/claude-opus-5-5"),
    ],
)
def test_who_made_a_model_says_nothing_of_where_it_runs(asked: str, model: str) -> None:
    assert told(model=asked, max_tokens=5)["model"] == model


def test_without_a_limit_an_answer_may_have_all_that_the_model_can() -> None:
    for model, limit in (("claude-haiku-4-5", 64_000), ("bedrock/claude-opus-5-5", 128_000)):
        assert json.loads(read(model=model).raw)["max_tokens"] == limit


def test_what_is_null_is_not_there_and_a_tools_name_may_be() -> None:
    nothing = {"name": None, "refusal": None, "audio": None, "function_call": None}
    said = {"role": "assistant", "content": None, "tool_calls": [_call("c1", "{}")], **nothing}
    answered = {"role": "tool", "tool_call_id": "c1", "name": "look_up", "content": "r"}
    first = {"role": "user", "content": "hello", "name": None, "cache_control": None}
    told_turns = turns(first, said, answered)
    assert [turn["role"] for turn in told_turns] == ["user", "assistant", "user"]
    assert told_turns[0]["content"] in ("hello", [{"type": "text", "text": "hello"}])
