"""Our request for chat completions is the one that the OpenAI client sends for the same."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest

from providers.contract import Bearer, Kind, Operation, Place, PlaceError
from providers.registry import PROVIDERS
from tests.contract.chat import MODEL, MODELS, THERE, URL, fields, place, theirs

RELAY = PROVIDERS["openai_relay"]
MARK = {"type": "ephemeral", "ttl": "1h"}
PNG = {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}
SCHEMA = {"type": "object", "properties": {"a": {"type": "number", "maximum": 1e5}}}
TOOL = {"name": "t", "description": "d", "input_schema": SCHEMA}
FUNCTION = {"name": "t", "description": "d", "parameters": SCHEMA}
TURN = {"role": "user", "content": 'hé "\u2028" \\'}
SMALL = {"max_tokens": 9, "messages": [TURN]}
PUT = {"max_completion_tokens": 9, "messages": [TURN]}


@dataclass(frozen=True)
class Case:
    """A request, and what an OpenAI client is told to ask the same."""

    name: str
    asked: dict[str, Any]
    put: dict[str, Any]
    dialect: dict[str, Any] | None = None
    version: str = "2026-10-21"


def said(*blocks: Any) -> dict[str, Any]:
    return {"role": "user", "content": list(blocks)}


def chosen(choice: dict[str, Any], **put: Any) -> Case:
    tools = {"tools": [{"type": "function", "function": FUNCTION}]}
    asked = {**SMALL, "tools": [TOOL], "tool_choice": choice}
    return Case(f"tool choice {choice}", asked, {**PUT, **tools, **put})


ASSISTANT = {
    "role": "assistant",
    "content": [
        {"type": "text", "text": "I look.", "citations": None},
        {"type": "tool_use", "id": "c1", "name": "t", "input": {"a": 1.50}, "caller": None},
        {"type": "tool_use", "id": "c2", "name": "t", "input": {}, "caller": {"type": "direct"}},
    ],
}
CALLS = [
    {"id": "c1", "type": "function", "function": {"name": "t", "arguments": '{"a":1.5}'}},
    {"id": "c2", "type": "function", "function": {"name": "t", "arguments": "{}"}},
]
CASES = [
    Case("small", SMALL, PUT),
    Case(
        "streamed",
        {**SMALL, "stream": True},
        {**PUT, "stream": True, "stream_options": {"include_usage": True}},
    ),
    Case(
        "the older name of the limit",
        SMALL,
        {"max_tokens": 9, "messages": [TURN]},
        {"max_tokens_field": "max_tokens"},
    ),
    Case(
        "system",
        {**SMALL, "system": "s"},
        {**PUT, "messages": [{"role": "system", "content": "s"}, TURN]},
    ),
    Case(
        "system in blocks",
        {**SMALL, "system": [{"type": "text", "text": "s"}, {"type": "text", "text": "t"}]},
        {
            **PUT,
            "messages": [
                {
                    "role": "system",
                    "content": [{"type": "text", "text": "s"}, {"type": "text", "text": "t"}],
                },
                TURN,
            ],
        },
    ),
    Case(
        "images",
        {
            **SMALL,
            "messages": [
                said(
                    {"type": "image", "source": PNG},
                    {"type": "image", "source": {"type": "url", "url": "https://a.example/b.png"}},
                    {"type": "text", "text": "what?"},
                )
            ],
        },
        {
            **PUT,
            "messages": [
                said(
                    {
                        "type": "image_url",
                        "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="},
                    },
                    {"type": "image_url", "image_url": {"url": "https://a.example/b.png"}},
                    {"type": "text", "text": "what?"},
                )
            ],
        },
    ),
    Case(
        "parallel calls and their results",
        {
            **SMALL,
            "messages": [
                TURN,
                ASSISTANT,
                said(
                    {"type": "tool_result", "tool_use_id": "c2", "content": "two"},
                    {
                        "type": "tool_result",
                        "tool_use_id": "c1",
                        "content": [{"type": "text", "text": "one"}],
                        "is_error": False,
                    },
                    {"type": "text", "text": "go on"},
                ),
            ],
        },
        {
            **PUT,
            "messages": [
                TURN,
                {
                    "role": "assistant",
                    "content": [{"type": "text", "text": "I look."}],
                    "tool_calls": CALLS,
                },
                {"role": "tool", "tool_call_id": "c2", "content": "two"},
                {
                    "role": "tool",
                    "tool_call_id": "c1",
                    "content": [{"type": "text", "text": "one"}],
                },
                said({"type": "text", "text": "go on"}),
            ],
        },
    ),
    Case(
        "a call without words, a result without content",
        {
            **SMALL,
            "messages": [
                TURN,
                {"role": "assistant", "content": ASSISTANT["content"][2:]},
                said({"type": "tool_result", "tool_use_id": "c2"}),
            ],
        },
        {
            **PUT,
            "messages": [
                TURN,
                {"role": "assistant", "content": None, "tool_calls": CALLS[1:]},
                {"role": "tool", "tool_call_id": "c2", "content": ""},
            ],
        },
    ),
    Case(
        "a strict tool",
        {**SMALL, "tools": [{**TOOL, "type": "custom", "strict": True}]},
        {**PUT, "tools": [{"type": "function", "function": {**FUNCTION, "strict": True}}]},
    ),
    chosen({"type": "auto"}, tool_choice="auto"),
    chosen(
        {"type": "auto", "disable_parallel_tool_use": True},
        tool_choice="auto",
        parallel_tool_calls=False,
    ),
    chosen({"type": "any"}, tool_choice="required"),
    chosen(
        {"type": "tool", "name": "t", "disable_parallel_tool_use": False},
        tool_choice={"type": "function", "function": {"name": "t"}},
    ),
    chosen({"type": "none"}, tool_choice="none"),
    Case("a choice among no tools", {**SMALL, "tools": [], "tool_choice": {"type": "auto"}}, PUT),
    Case(
        "how it is made",
        {
            **SMALL,
            "stop_sequences": ["x", "y"],
            "metadata": {"user_id": "u"},
            "output_config": {
                "effort": "xhigh",
                "format": {"type": "json_schema", "schema": SCHEMA},
            },
        },
        {
            **PUT,
            "stop": ["x", "y"],
            "user": "u",
            "reasoning_effort": "xhigh",
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "answer", "schema": SCHEMA, "strict": True},
            },
        },
    ),
    Case(
        "an older model's sampling",
        {**SMALL, "model": "claude-haiku-4-5", "temperature": 0.25, "top_p": 0.5},
        {**PUT, "model": "anthropic/claude-haiku-4.5", "temperature": 0.25, "top_p": 0.5},
        version="2023-06-01",
    ),
    Case(
        "nothing where null is nothing",
        {**SMALL, "system": None, "tools": None, "stop_sequences": None, "metadata": {}},
        PUT,
    ),
    Case(
        "cache marks",
        {
            **SMALL,
            "system": [{"type": "text", "text": "s", "cache_control": MARK}],
            "messages": [
                said({"type": "image", "source": PNG, "cache_control": MARK}),
                ASSISTANT,
                said(
                    {
                        "type": "tool_result",
                        "tool_use_id": "c1",
                        "content": "one",
                        "cache_control": MARK,
                    },
                    {
                        "type": "tool_result",
                        "tool_use_id": "c2",
                        "content": [{"type": "text", "text": "two", "cache_control": MARK}],
                    },
                ),
            ],
        },
        {
            **PUT,
            "messages": [
                {
                    "role": "system",
                    "content": [{"type": "text", "text": "s", "cache_control": MARK}],
                },
                said(
                    {
                        "type": "image_url",
                        "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="},
                        "cache_control": MARK,
                    }
                ),
                {
                    "role": "assistant",
                    "content": [{"type": "text", "text": "I look."}],
                    "tool_calls": CALLS,
                },
                {
                    "role": "tool",
                    "tool_call_id": "c1",
                    "content": [{"type": "text", "text": "one", "cache_control": MARK}],
                },
                {
                    "role": "tool",
                    "tool_call_id": "c2",
                    "content": [{"type": "text", "text": "two", "cache_control": MARK}],
                },
            ],
        },
        {"cache_markers": True},
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_request_is_the_openai_clients(case: Case) -> None:
    model = case.asked.get("model", MODEL)
    asked = fields({"model": model, **case.asked}, case.version)
    endpoint = RELAY.endpoint(place(**(case.dialect or {})))
    operation = Operation(Kind.MESSAGES, model, stream=bool(case.asked.get("stream")))
    assert RELAY.losses(operation, asked, endpoint) == ()
    ours = RELAY.encode(operation, asked, endpoint)
    sent = theirs({"model": THERE, **case.put})
    assert json.loads(ours.body) == json.loads(sent.content)
    assert (ours.method, ours.target) == (sent.method, sent.url.raw_path.decode())
    assert ours.auth == Bearer()
    for name, value in ours.headers:
        assert sent.headers[name] == value
    assert endpoint.base_url == URL


@pytest.mark.parametrize(
    ("wrong", "key"),
    [
        (Place(models=MODELS), "base_url"),
        (Place(base_url=URL), "models"),
        (Place(base_url=URL, models=MODELS, region="eu"), "region"),
        (Place(base_url=URL, models=MODELS, geo="us"), "geo"),
        (Place(base_url=URL, models={MODEL: "claude-haiku-4-5"}), "models"),
    ],
)
def test_a_place_that_is_none(wrong: Place, key: str) -> None:
    with pytest.raises(PlaceError) as refused:
        RELAY.endpoint(wrong)
    assert refused.value.key == key
