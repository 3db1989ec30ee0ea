"""What the emulated API refuses, and that nothing else goes wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.json import decode

from gateway.emulator.direct import Direct
from gateway.emulator.http import Request, Response
from gateway.emulator.platform import World
from gateway.emulator.problems import Problem

KEY = "sk-ant-emulator"
USER = {"role": "user", "content": "hello"}
GOOD: dict[str, Any] = {"model": "claude-opus-5-5", "max_tokens": 100, "messages": [USER]}
CALL = {"type": "tool_use", "id": "toolu_1", "name": "t", "input": {}}

DOCUMENT = {"type": "document", "source": {}}
CITED = {"type": "text", "text": "x", "citations": [{"a": 1}]}


def post(body: Any, *, version: str = "2026-10-21", betas: str = "") -> Response:
    direct = Direct(World(lambda: 0.0, frozenset({KEY})))
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = (("x-api-key", KEY), ("anthropic-version", version), ("Anthropic-Beta", betas))
    response, _ = direct.serve(Request("POST", "/v1/messages", headers, raw))
    return response


def refusal(body: Any, **options: Any) -> tuple[int, str]:
    response = post(body, **options)
    answer = decode(b"".join(response.frames))
    return response.status, answer.get("error", {}).get("message", "")


def marked(*ttls: str) -> dict[str, Any]:
    marks = [{"type": "ephemeral", "ttl": ttl} for ttl in ttls]
    return {"system": [{"type": "text", "text": "x", "cache_control": mark} for mark in marks]}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": None}, "model: Input should be a valid string"),
        ({"max_tokens": "9"}, "max_tokens: Input should be a valid integer"),
        ({"max_tokens": True}, "max_tokens: Input should be a valid integer"),
        ({"max_tokens": 0}, "max_tokens: Input should be greater than or equal to 1"),
        ({"max_tokens": 10**6}, "max_tokens: 1000000 > 128000, which is the maximum"),
        ({"stream": "yes"}, "stream: Input should be a valid boolean"),
        ({"foo": 1}, "foo: Extra inputs are not permitted"),
        ({"top_k": 1}, "top_k: Extra inputs are not permitted"),
        ({"context_management": {}}, "context_management: Extra inputs are not permitted"),
        ({"messages": []}, "messages: at least one message is required"),
        ({"messages": "x"}, "messages: Input should be a valid list"),
        ({"messages": ["x"]}, "messages.0: Input should be a valid dictionary"),
        ({"messages": [{"role": "user"}]}, "messages.0.content: Field required"),
        ({"messages": [{"role": "bot", "content": "x"}]}, "messages.0.role: Input should be"),
        ({"messages": [{"role": "user", "content": ""}]}, "messages.0: user messages must have"),
        ({"messages": [{"role": "user", "content": [{}]}]}, "messages.0.content.0.type: Field"),
        (
            {"messages": [{"role": "user", "content": [{"type": "text"}]}]},
            "messages.0.content.0.text.text: Field required",
        ),
        ({"messages": [{"role": "assistant", "content": "x"}, USER]}, "messages: first message"),
        ({"messages": [USER, {"role": "assistant", "content": "x"}]}, "This model does not supp"),
        (
            {"messages": [USER, {"role": "assistant", "content": [CALL]}, USER]},
            "messages.1: `tool_use` ids were found without `tool_result` blocks",
        ),
        (
            {
                "messages": [
                    {
                        "role": "user",
                        "content": [{"type": "tool_result", "tool_use_id": "a", "content": "x"}],
                    }
                ]
            },
            "messages.0.content: unexpected `tool_use_id` found",
        ),
        (
            {"messages": [USER, {"role": "assistant", "content": [DOCUMENT]}, USER]},
            "messages.1.content.0: `document` blocks are not permitted",
        ),
        (
            {"messages": [{"role": "user", "content": [CITED]}]},
            "messages.0.content.0.text.citations: Extra inputs are not permitted",
        ),
        ({"tools": [{"name": "a"}]}, "tools.0.custom.input_schema: Field required"),
        ({"tools": [{"name": "a", "input_schema": {}}] * 2}, "tools: Tool names must be unique."),
        ({"tool_choice": {"type": "tool", "name": "b"}}, "Tool 'b' not found in provided tools"),
        ({"thinking": {"type": "deep"}}, "thinking: Input tag 'deep'"),
        ({"thinking": {"type": "enabled"}}, "thinking.enabled.budget_tokens: Field required"),
        (
            {"thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 2000},
            '"thinking.type.enabled" is not supported for this model.',
        ),
        ({"system": [{"type": "text", "text": ""}]}, "system: text content blocks must be non-e"),
        (marked(*["5m"] * 5), "A maximum of 4 blocks with cache_control may be provided. Found 5."),
        (marked("5m", "1h"), "cache_control.ephemeral.ttl: a ttl='1h' cache_control block"),
        (marked("2h"), "cache_control.ephemeral.ttl: Input should be '5m' or '1h'"),
    ],
)  # fmt: skip
def test_a_wrong_body_is_refused_by_name(change: dict[str, Any], message: str) -> None:
    status, words = refusal(GOOD | change)
    assert (status, words[: len(message)]) == (400, message)


@pytest.mark.parametrize("name", ["model", "max_tokens", "messages"])
def test_what_is_required_must_be_there(name: str) -> None:
    body = {key: value for key, value in GOOD.items() if key != name}
    assert refusal(body) == (400, f"{name}: Field required")


def test_the_old_version_takes_what_the_new_one_refuses() -> None:
    turns = [
        USER,
        {"role": "assistant", "content": [DOCUMENT]},
        {"role": "user", "content": [CITED]},
    ]
    body = GOOD | {"messages": turns}
    assert post(body).status == 400
    assert post(body, version="2023-06-01").status == 200
    old = GOOD | {"model": "claude-sonnet-4-5", "temperature": 1.0}
    assert refusal(old) == (400, "temperature: Extra inputs are not permitted")
    assert post(old, version="2023-06-01").status == 200
    assert refusal(old | {"temperature": 1.5}, version="2023-06-01")[0] == 400


def test_older_models_go_on_with_a_prefilled_answer() -> None:
    body = GOOD | {"messages": [USER, {"role": "assistant", "content": "The answer is"}]}
    assert post(body | {"model": "claude-sonnet-4-5"}).status == 200
    assert post(body).status == 400


def test_a_beta_unlocks_its_field() -> None:
    body = GOOD | {"context_management": {"edits": []}}
    assert post(body, betas="x, context-management-2025-06-27").status == 200
    assert post(body, betas="x").status == 400


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"[]", b'"x"', b"\xff", b"[" * 100_000, b'{"a":"\\ud800"}']
)
def test_what_is_no_object_is_refused(raw: bytes) -> None:
    assert refusal(raw)[0] == 400


def test_a_huge_body_is_refused() -> None:
    assert refusal(b" " * (32 * 1024 * 1024 + 1))[0] == 413


def test_a_prompt_beyond_the_window_is_refused() -> None:
    body = GOOD | {"messages": [{"role": "user", "content": "word " * 900_000}]}
    status, words = refusal(body)
    assert (status, words.startswith("prompt is too long: ")) == (400, True)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=6,
)  # fmt: skip
ANY = {"tools": [{"name": "a", "input_schema": {}}], "tool_choice": {"type": "any"}}
PATHS: list[Callable[[Any], dict[str, Any]]] = [
    *(lambda v, k=k: {k: v} for k in ("model", "max_tokens", "messages", "system", "tools")),
    *(lambda v, k=k: {k: v} for k in ("tool_choice", "thinking", "output_config", "stream")),
    *(lambda v, k=k: {k: v} for k in ("stop_sequences", "cache_control", "metadata", "speed")),
    lambda v: {"messages": [v]},
    lambda v: {"messages": [{"role": v, "content": "x"}]},
    lambda v: {"messages": [{"role": "user", "content": v}]},
    lambda v: {"messages": [{"role": "user", "content": [v]}]},
    lambda v: {"messages": [{"role": "user", "content": [{"type": "text", "text": v}]}]},
    lambda v: {"messages": [{"role": "user", "content": [{"type": v, "text": "x"}]}]},
    lambda v: {"system": [v]},
    lambda v: {"system": [{"type": "text", "text": "x", "cache_control": v}]},
    lambda v: {"system": [{"type": "text", "text": "x", "cache_control": {"type": v}}]},
    lambda v: marked("5m") | {"cache_control": {"type": "ephemeral", "ttl": v}},
    lambda v: {"tools": [v]},
    lambda v: {"tools": [{"name": v, "input_schema": {}}]},
    lambda v: {"tools": [{"type": v, "name": "x", "input_schema": {}}]},
    lambda v: {"tools": [{"name": "a", "input_schema": v}], "tool_choice": {"type": "any"}},
    lambda v: {"tools": [{"name": "a", "input_schema": {}}], "tool_choice": {"type": v}},
    lambda v: ANY | {"tool_choice": {"type": "tool", "name": v}},
    lambda v: ANY | {"tools": [{"name": "a", "input_schema": {"properties": {"p": v}}}]},
    lambda v: {"thinking": {"type": v}},
    lambda v: {"thinking": {"type": "enabled", "budget_tokens": v}, "model": "claude-sonnet-4-5"},
    lambda v: {"thinking": {"type": "adaptive", "budget_tokens": v, "display": v}},
    lambda v: {"output_config": {"format": v}},
    lambda v: {"output_config": {"format": {"type": "json_schema", "schema": v}}},
    lambda v: {"stop_sequences": [v]},
    lambda v: {"inference_geo": v},
]  # fmt: skip


@settings(max_examples=400)
@given(st.sampled_from(PATHS), json_values, st.booleans())
def test_whatever_comes_is_answered_or_refused(
    path: Callable[[Any], dict[str, Any]], value: Any, stream: bool
) -> None:
    response = post(GOOD | {"stream": stream} | path(value))
    assert response.status in {200, 400, 404}
    for frame in response.frames:
        decode(frame.partition(b"data: ")[2] if frame.startswith(b"event: ") else frame)


def test_problems_say_their_type() -> None:
    assert [Problem(s, "").kind for s in (400, 418, 502, 529)] == [
        "invalid_request_error",
        "invalid_request_error",
        "api_error",
        "overloaded_error",
    ]
