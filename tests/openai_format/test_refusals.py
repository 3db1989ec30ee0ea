"""What cannot be told is refused, by the path of what it is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.errors import Malformed
from gateway.formats.openai import models
from tests.openai_format.telling import HELLO, MARK, TOOL, refusal, way

CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
CALLED = {"role": "assistant", "content": None, "tool_calls": [CALL]}
THINKS = b'{"role":"assistant","thinking_blocks":[{"type":"thinking","x":%b}]}'
THOUGHT = {"type": "thinking", "thinking": "hm", "signature": "s=="}
ANSWER = {"role": "tool", "tool_call_id": "c1", "content": "r"}


def _user(*parts: Any) -> list[Any]:
    return [{"role": "user", "content": list(parts)}]


def _image(url: str, **more: Any) -> Any:
    return {"type": "image_url", "image_url": {"url": url, **more}}


def _file(**file: Any) -> Any:
    return {"type": "file", "file": file}


def _assistant(**fields: Any) -> list[Any]:
    return [*HELLO, {"role": "assistant", "content": "x", **fields}]


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"n": 2}, "n"),
        ({"seed": 7}, "seed"),
        ({"store": True}, "store"),
        ({"logprobs": True}, "logprobs"),
        ({"top_logprobs": 3}, "top_logprobs"),
        ({"logit_bias": {"50256": -100}}, "logit_bias"),
        ({"modalities": ["text", "audio"]}, "modalities"),
        ({"functions": [{"name": "f"}]}, "functions"),
        ({"verbosity": "low"}, "verbosity"),
        ({"no_such_field": 1}, "no_such_field"),
        ({"temperature": 1.5}, "temperature"),
        ({"temperature": "warm"}, "temperature"),
        ({"max_tokens": 1, "max_completion_tokens": 2}, "max_tokens"),
        ({"max_tokens": "many"}, "max_tokens"),
        ({"user": "a", "safety_identifier": "b"}, "user"),
        ({"service_tier": "flex"}, "service_tier"),
        ({"reasoning_effort": "huge"}, "reasoning_effort"),
        ({"reasoning_effort": "low", "output_config": {}}, "output_config"),
        ({"stream_options": {"include_usage": True}}, "stream_options"),
        (
            {"stream": True, "stream_options": {"include_obfuscation": True}},
            "stream_options.include_obfuscation",
        ),
        ({"response_format": {"type": "json_object"}}, "response_format.type"),
        ({"response_format": {"type": "grammar"}}, "response_format.type"),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "n"}}},
            "response_format.json_schema.schema",
        ),
        (
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "n", "schema": {}, "description": "d"},
                }
            },
            "response_format.json_schema.description",
        ),
        ({"tool_choice": "auto"}, "tool_choice"),
        (
            {"tools": [TOOL], "tool_choice": {"type": "allowed_tools", "allowed_tools": {}}},
            "tool_choice.type",
        ),
        ({"tools": [{"type": "custom", "custom": {"name": "c"}}]}, "tools[0].type"),
        ({"tools": [{"type": "web_search_20250305", "name": "w"}]}, "tools[0].type"),
        (
            {"tools": [{"type": "function", "function": {"name": "f", "x": 1}}]},
            "tools[0].function.x",
        ),
        ({"tools": [{"type": "function", "function": {}}]}, "tools[0].function.name"),
        (
            {
                "tools": [
                    {
                        "type": "function",
                        "function": {"name": "f", "cache_control": MARK},
                        "cache_control": {**MARK, "ttl": "1h"},
                    }
                ]
            },
            "tools[0].cache_control",
        ),
        ({"model": None}, "model"),
        ({"model": "a-model-nobody-knows"}, "max_completion_tokens"),
        ({"model": "claude-fable-5-2"}, "max_completion_tokens"),
        ({"messages": None}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "system", "content": "s"}]}, "messages"),
        ({"messages": [{"role": "function", "name": "f", "content": "r"}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": "x", "name": "y"}]}, "messages[0].name"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": ""}]}, "messages[0].content"),
        ({"messages": _user()}, "messages[0].content"),
        ({"messages": _user({"type": "text", "text": ""})}, "messages[0].content[0].text"),
        ({"messages": _user({"type": "input_audio"})}, "messages[0].content[0].type"),
        (
            {"messages": _user({"type": "text", "text": "x", "prompt_cache_breakpoint": {}})},
            "messages[0].content[0].prompt_cache_breakpoint",
        ),
        ({"messages": _user(_image("ftp://x"))}, "messages[0].content[0].image_url.url"),
        ({"messages": _user(_image("data:image/png,x"))}, "messages[0].content[0].image_url.url"),
        (
            {"messages": _user(_image("https://x", detail="low"))},
            "messages[0].content[0].image_url.detail",
        ),
        ({"messages": _user(_file(file_id="file-1"))}, "messages[0].content[0].file.file_id"),
        ({"messages": _user(_file(filename="a"))}, "messages[0].content[0].file.file_data"),
        (
            {"messages": _user(_file(file_data="data:text/plain;base64,eA=="))},
            "messages[0].content[0].file.file_data",
        ),
        ({"messages": [*HELLO, {"role": "assistant"}]}, "messages[1].content"),
        ({"messages": _assistant(audio={"id": "a"})}, "messages[1].audio"),
        ({"messages": _assistant(function_call={"name": "f"})}, "messages[1].function_call"),
        ({"messages": _assistant(reasoning_details=[])}, "messages[1].reasoning_details"),
        ({"messages": _assistant(thinking_blocks=["x"])}, "messages[1].thinking_blocks[0]"),
        (
            {"messages": _assistant(thinking_blocks=[THOUGHT, {**THOUGHT, "type": "document"}])},
            "messages[1].thinking_blocks[1].type",
        ),
        ({"messages": _assistant(thinking_blocks=[{}])}, "messages[1].thinking_blocks[0].type"),
        (
            {"messages": _assistant(thinking_blocks=[{**CALL, "type": "tool_use"}])},
            "messages[1].thinking_blocks[0].type",
        ),
        (
            {"messages": _assistant(tool_calls=[{**CALL, "type": "custom"}])},
            "messages[1].tool_calls[0].type",
        ),
        (
            {
                "messages": [
                    *_assistant(
                        tool_calls=[{**CALL, "function": {"name": "f", "arguments": '{"a": 1'}}]
                    ),
                    ANSWER,
                ]
            },
            "messages[1].tool_calls[0].function.arguments",
        ),
        ({"messages": [*HELLO, CALLED]}, "messages[1].tool_calls[0]"),
        ({"messages": [*HELLO, CALLED, *HELLO]}, "messages[1].tool_calls[0]"),
        ({"messages": [*HELLO, ANSWER]}, "messages[1].tool_call_id"),
        ({"messages": [*HELLO, CALLED, ANSWER, ANSWER]}, "messages[3].tool_call_id"),
        (
            {
                "messages": [
                    {
                        "role": "user",
                        "content": [{"type": "text", "text": "x", "cache_control": MARK}],
                        "cache_control": {**MARK, "ttl": "1h"},
                    }
                ]
            },
            "messages[0].cache_control",
        ),
    ],
)
def test_it_is_refused_by_its_path(fields: dict[str, Any], path: str) -> None:
    where, why = refusal(**fields)
    assert where == path, why
    assert why.endswith(".")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"model":"m","model":"n","messages":[]}',
        b'{"model":"m","messages":"\xff"}',
        b'{"messages":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"model":"claude-opus-5-5","messages":[{"role":"user","content":"\\ud800"}]}',
    ],
)
def test_what_is_no_request_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        way().read((), body)


@pytest.mark.parametrize("index", [b"", b',"index":0'])
def test_a_block_of_thinking_says_nothing_twice(index: bytes) -> None:
    block = b'{"type":"document","type":"thinking","thinking":"hm","signature":"s"%b}' % index
    said = b'{"role":"user","content":"x"},{"role":"assistant","thinking_blocks":[%b]}' % block
    with pytest.raises(Malformed, match=r"thinking_blocks\[0\]\.type: it is there twice"):
        way().read((), b'{"model":"claude-opus-5-5","messages":[%b]}' % said)


@pytest.mark.parametrize(
    "around",
    [
        b'{"model":"m","messages":[%b]}' % THINKS,
        b'{"model":"m","messages":[],"tools":[{"type":"function","function":{"parameters":%b}}]}',
        b'{"model":"m","messages":[],"response_format":{"json_schema":{"schema":%b}}}',
        b'{"model":"m","messages":[],"thinking":%b}',
    ],
)
def test_what_is_nested_too_deeply_is_malformed_at_any_depth(around: bytes) -> None:
    for depth in range(900, 1100):
        with pytest.raises(Malformed):
            way().read((), around % (b"[" * depth + b"]" * depth))


def test_a_crowd_of_parts_is_refused_before_it_is_read() -> None:
    messages = b",".join([b'{"role":"user","content":"x"}'] * 100_001)
    with pytest.raises(Malformed, match="more than 100000"):
        way().read((), b'{"model":"claude-opus-5-5","messages":[%b]}' % messages)


def test_no_text_of_a_prompt_is_in_an_error() -> None:
    secret = "patient 17"
    for messages in (
        [{"role": "user", "content": {"x": secret}}],
        [{"role": "user", "content": [{"type": "text", "text": [secret]}]}],
        [{"role": "user", "content": secret, "name": secret}],
        [
            *HELLO,
            {**CALLED, "tool_calls": [{**CALL, "function": {"name": "f", "arguments": secret}}]},
        ],
    ):
        with pytest.raises(Malformed) as caught:
            way().read((), json.dumps({"model": "claude-opus-5-5", "messages": messages}).encode())
        assert secret not in caught.value.message


@pytest.mark.parametrize("key", ["a - at `$.b", "a` - at `$.b", " - at `$." * 2000, "k" * 2000])
def test_a_key_that_looks_like_a_path_is_none(key: str) -> None:
    path, words = refusal(messages=[{"role": "user", "content": "x", key: 1}])
    assert path == f"messages[0].{key[:100]}"
    assert words == "this field is not known here."


def test_only_the_start_of_an_address_is_looked_at() -> None:
    for url in ("data:image/png;" + "a=b;" * 100 + "base64,eA==", "data:" + "a" * 300 + "/b,x"):
        path, _ = refusal(messages=_user(_image(url)))
        assert path == "messages[0].content[0].image_url.url"


def test_a_name_of_any_length_is_not_kept() -> None:
    before = models._most.cache_info().currsize
    for size in range(300, 310):
        path, words = refusal(model="m" * size)
        assert path == "max_completion_tokens"
        assert "mmm" not in words
    assert models._most.cache_info().currsize == before
