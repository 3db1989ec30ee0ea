from __future__ import annotations

import json
import pickle
from typing import Any

import pytest

from gateway.call import read_call
from gateway.errors import Malformed
from gateway.policy.features import LOOKED_INTO, Hatches, features
from providers.contract import Kind
from tests.unit.policy_features.asking import LEAST, VERSION, asked, asked_by, with_block

SCHEMA = {"type": "object", "properties": {"patient": {"type": "string"}}}
EMPTY_SCHEMA = {"type": "object"}
COMPACT = {"type": "compact_20260112"}
FALLBACKS = [{"model": "claude-haiku-5-5", "output_config": {"format": {"schema": SCHEMA}}}]
BY_FIELD: list[tuple[dict[str, Any], set[str]]] = [
    ({}, set()),
    ({"metadata": {"user_id": "u"}, "stop_sequences": ["x"], "stream": True}, set()),
    ({"temperature": 0.5, "top_k": 3, "top_p": 0.9, "service_tier": "auto"}, set()),
    ({"thinking": {"type": "adaptive"}, "tool_choice": {"type": "auto"}}, set()),
    ({"mcp_servers": [{"type": "url", "url": "https://x.example"}]}, {"mcp_connector"}),
    ({"mcp_servers": None, "container": None, "context_management": None, "speed": None}, set()),
    ({"thread": {"type": "create"}}, {"server_thread"}),
    ({"diagnostics": {"previous_message_id": None}}, {"cache_diagnostics"}),
    ({"compaction": {"type": "summarize"}}, {"compaction"}),
    ({"container": "c_1"}, {"code_execution"}),
    ({"container": {"id": "c_1", "skills": [{"type": "custom", "skill_id": "s"}]}},
     {"code_execution", "skills"}),
    ({"container": {"id": "c_1", "skills": None}}, {"code_execution"}),
    ({"container": {"mounts": []}}, {"code_execution", "unknown:container.mounts"}),
    ({"container": 3}, {"code_execution", "unknown:container"}),
    ({"context_management": {"edits": [COMPACT]}}, {"compaction"}),
    ({"context_management": {"edits": [{"type": "clear_thinking_20251015"}]}}, {"context_editing"}),
    ({"context_management": {"edits": [{"type": "new"}]}},
     {"unknown:context_management.edits[new]"}),
    ({"context_management": {"edits": [{}]}}, {"unknown:context_management.edits"}),
    ({"context_management": {"edits": "all"}}, {"unknown:context_management.edits"}),
    ({"output_config": {"effort": "high"}}, set()),
    ({"output_config": {"format": None}}, set()),
    ({"output_config": {"task_budget": {"type": "tokens", "total": 3}}}, {"task_budgets"}),
    ({"output_config": {"format": {"type": "json_schema", "schema": EMPTY_SCHEMA}}},
     {"structured_outputs"}),
    ({"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}},
     {"structured_outputs", "json_schema_values"}),
    ({"output_format": {"type": "json_schema", "schema": {"enum": ["a"]}}},
     {"structured_outputs", "json_schema_values"}),
    ({"output_format": {"schema": {"anyOf": [{"pattern": "x"}]}}},
     {"structured_outputs", "json_schema_values"}),
    ({"output_format": {"schema": {"properties": {}, "enum": [], "description": "x"}}},
     {"structured_outputs"}),
    ({"output_config": {"style": 1}}, {"unknown:output_config.style"}),
    ({"output_config": [1]}, {"unknown:output_config"}),
    ({"fallbacks": FALLBACKS}, {"server_fallback", "structured_outputs", "json_schema_values"}),
    ({"fallbacks": "default"}, {"server_fallback"}),
    ({"fallbacks": []}, set()),
    ({"fallbacks": "nearest"}, {"unknown:fallbacks=nearest"}),
    ({"fallbacks": [{"model": "m", "geo": "us"}]}, {"server_fallback", "unknown:fallbacks[].geo"}),
    ({"fallbacks": [{}]}, {"server_fallback", "unknown:fallbacks[].model"}),
    ({"fallbacks": 7}, {"unknown:fallbacks"}),
    ({"speed": "fast"}, {"fast_mode"}),
    ({"speed": "standard"}, set()),
    ({"speed": "warp"}, {"unknown:speed=warp"}),
    ({"inference_geo": "us"}, {"inference_geo"}),
    ({"inference_geo": ["us"]}, {"inference_geo", "unknown:inference_geo"}),
    ({"billing_policy": {"type": "billing_policy", "bill_to": "self"}}, set()),
    ({"billing_policy": {"bill_to": "user_profile"}}, {"bill_to_profile"}),
    ({"billing_policy": {"bill_to": "moon"}}, {"unknown:billing_policy.bill_to=moon"}),
    ({"cache_control": {"type": "ephemeral", "ttl": "1h"}}, set()),
    ({"cache_control": {"type": "ephemeral", "scope": "global"}}, {"cache_scope"}),
    ({"cache_control": {"owner": "x"}}, {"unknown:cache_control.owner"}),
    ({"telepathy": True}, {"unknown:telepathy"}),
    ({"telepathy": None}, {"unknown:telepathy"}),
    ({"workspace_id": "w"}, {"unknown:workspace_id"}),
    ({"system": "be kind"}, set()),
    ({"system": [{"type": "text", "text": "x", "cache_control": {"scope": "x"}}]}, {"cache_scope"}),
    ({"system": [{"type": "hologram"}]}, {"unknown:hologram"}),
    ({"system": 4}, {"unknown:content"}),
]  # fmt: skip
BY_TOOL: list[tuple[dict[str, Any], set[str]]] = [
    ({"name": "x", "input_schema": SCHEMA}, set()),
    ({"type": "custom", "name": "x", "input_schema": SCHEMA}, set()),
    ({"type": None, "name": "x", "strict": False, "defer_loading": None}, set()),
    ({"name": "x", "input_schema": SCHEMA, "strict": True},
     {"structured_outputs", "json_schema_values"}),
    ({"name": "x", "input_schema": EMPTY_SCHEMA, "strict": True}, {"structured_outputs"}),
    ({"name": "x", "strict": 1}, {"unknown:tools[].strict"}),
    ({"name": "x", "defer_loading": True}, {"tool_search"}),
    ({"name": "x", "allowed_callers": ["direct"]}, set()),
    ({"name": "x", "allowed_callers": ["code_execution_20260120"]}, {"programmatic_tools"}),
    ({"name": "x", "allowed_callers": ["ghost"]}, {"unknown:allowed_callers[ghost]"}),
    ({"name": "x", "allowed_callers": 3}, {"unknown:allowed_callers[]"}),
    ({"name": "x", "model": "claude-opus-5-5"}, set()),
    ({"name": "x", "route_to": "us"}, {"unknown:tools[].route_to"}),
    ({"type": "web_search_20250305"}, {"web_search"}),
    ({"type": "web_search_20260209"}, {"web_search", "web_search_dynamic"}),
    ({"type": "web_fetch_20260318"}, {"web_fetch", "web_fetch_dynamic"}),
    ({"type": "computer_20251124"}, {"computer_use"}),
    ({"type": "memory_20250818"}, {"client_tools"}),
    ({"type": "browser_toolset_20260801"}, {"browser_use"}),
    ({"type": "code_execution_20260521"}, {"code_execution"}),
    ({"type": "mcp_toolset", "mcp_server_name": "x"}, {"mcp_connector"}),
    ({"type": "tool_search_tool_bm25"}, {"tool_search"}),
    ({"type": "advisor_20260301", "model": "claude-fable-5-2"}, {"advisor"}),
    ({"type": "web_search_20991231"}, {"unknown:web_search_20991231"}),
    ({"type": 5}, {"unknown:tools[].type"}),
]  # fmt: skip
FILE = {"type": "file", "file_id": "file_1"}
URL = {"type": "url", "url": "https://x.example/a.pdf"}
ADVISOR = {"type": "advisor_20260301", "name": "advisor", "model": "claude-fable-5-2"}
BY_BLOCK: list[tuple[dict[str, Any], set[str]]] = [
    ({"type": "image", "source": {"type": "base64", "data": "x"}}, set()),
    ({"type": "image", "source": FILE}, {"files"}),
    ({"type": "document", "source": URL}, {"url_sources"}),
    ({"type": "document", "source": {"type": "tape"}}, {"unknown:source[tape]"}),
    ({"type": "document", "source": {"type": "content", "content": [
        {"type": "image", "source": FILE}]}}, {"files"}),
    ({"type": "search_result", "source": "https://x.example", "content": []}, set()),
    ({"type": "container_upload", "file_id": "file_1"}, {"files", "code_execution"}),
    ({"type": "tool_use", "id": "t", "name": "x", "input": {"type": "image", "source": FILE}},
     set()),
    ({"type": "tool_use", "caller": {"type": "direct"}}, set()),
    ({"type": "tool_use", "caller": {"type": "code_execution_20260120"}}, {"programmatic_tools"}),
    ({"type": "tool_result", "content": "fine"}, set()),
    ({"type": "tool_result", "content": None}, set()),
    ({"type": "tool_result", "content": [{"type": "document", "source": FILE}]}, {"files"}),
    ({"type": "tool_result", "content": [{"type": "tool_reference"}]}, {"tool_search"}),
    ({"type": "tool_result", "content": [{"type": "browser_state", "state_changes": [
        {"type": "tab_opened"}]}]}, {"browser_use"}),
    ({"type": "tool_result", "content": 3}, {"unknown:content"}),
    ({"type": "tool_result", "content": ["x"]}, {"unknown:content"}),
    ({"type": "server_tool_use", "name": "web_search"}, {"web_search"}),
    ({"type": "server_tool_use", "name": "oracle"}, {"unknown:server_tool_use.name=oracle"}),
    ({"type": "web_fetch_tool_result", "content": {"type": "web_fetch_result", "content": {
        "type": "document", "source": FILE}}}, {"web_fetch", "files"}),
    ({"type": "code_execution_tool_result", "content": {
        "type": "code_execution_result",
        "content": [{"type": "code_execution_output", "file_id": "f"}]}},
     {"code_execution", "files"}),
    ({"type": "mcp_tool_use"}, {"mcp_connector"}),
    ({"type": "compaction", "content": "x", "tool_changes": [
        {"type": "tool_addition", "tool": {"type": "tool_definition", "definition": ADVISOR}}]},
     {"compaction", "tool_changes", "advisor"}),
    ({"type": "tool_addition", "tool": {"type": "tool_reference", "name": "x"}}, {"tool_changes"}),
    ({"type": "tool_removal", "tool": {"type": "mcp_toolset_reference"}}, {"mcp_connector"}),
    ({"type": "text", "text": "x", "cache_control": {"type": "ephemeral", "scope": "o"}},
     {"cache_scope"}),
    ({"type": "hologram"}, {"unknown:hologram"}),
    ({"text": "x"}, {"unknown:content[].type"}),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "expected"), BY_FIELD, ids=lambda each: str(each)[:60])
def test_a_top_level_field(fields: dict[str, Any], expected: set[str]) -> None:
    assert asked(**fields).features == expected


@pytest.mark.parametrize(("tool", "expected"), BY_TOOL, ids=lambda each: str(each)[:60])
def test_a_tool(tool: dict[str, Any], expected: set[str]) -> None:
    assert asked(tools=[{"name": "a"}, tool]).features == expected


@pytest.mark.parametrize(("tool", "expected"), BY_TOOL, ids=lambda each: str(each)[:60])
def test_a_tool_that_a_message_brings(tool: dict[str, Any], expected: set[str]) -> None:
    change = {"type": "tool_addition", "tool": {"type": "tool_definition", "definition": tool}}
    assert with_block(change, "system").features == expected | {"tool_changes"}


@pytest.mark.parametrize(("block", "expected"), BY_BLOCK, ids=lambda each: str(each)[:60])
def test_a_block(block: dict[str, Any], expected: set[str]) -> None:
    assert with_block(block).features == expected
    assert with_block({"type": "tool_result", "content": [block]}).features == expected


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ({"role": "system", "content": "x", "clear_at": "never"}, set()),
        ({"role": "system", "content": [], "output_config": {"effort": "low"}}, set()),
        ({"role": "user", "content": "x", "cache_control": {"scope": "y"}}, {"cache_scope"}),
        ({"role": "user", "content": "x", "via": "y"}, {"unknown:messages[].via"}),
        (
            {"role": "system", "content": "x", "output_config": {"format": {"schema": SCHEMA}}},
            {"structured_outputs", "json_schema_values"},
        ),
    ],
)
def test_a_message(message: dict[str, Any], expected: set[str]) -> None:
    assert asked(messages=[message]).features == expected


@pytest.mark.parametrize("odd", ["hello", {"role": "user"}, ["hello"], [1, {}], 3])
def test_odd_messages_are_unknown(odd: Any) -> None:
    assert asked(messages=odd).features == {"unknown:messages"}


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (("anthropic-beta", "files-api-2025-04-14, web-search-2025-03-05"), set()),
        (("anthropic-beta", "managed-agents-2026-04-01"), {"managed_agents"}),
        (("anthropic-beta", "mind-2099-01-01"), {"unknown:mind-2099-01-01"}),
        (("anthropic-workspace-id", "w"), {"workspace_header"}),
        (("anthropic-user-profile-id", "p"), {"user_profiles"}),
        (("anthropic-region", "mars"), {"unknown:anthropic-region"}),
        (("x-stainless-lang", "python"), set()),
        (("x-claude-code-session-id", "1"), set()),
        (("user-agent", "me"), set()),
    ],
)
def test_a_header(header: tuple[str, str], expected: set[str]) -> None:
    assert asked(header).features == expected


def test_what_the_call_does_counts() -> None:
    call = read_call(Kind.COUNT_TOKENS, VERSION, json.dumps(LEAST).encode())
    assert features(call.fields, Kind.COUNT_TOKENS).features == frozenset()
    assert features(call.fields, "batches").features == {"batch"}
    assert features(call.fields, "dream").features == {"unknown:dream"}


def test_models_inside_in_the_order_of_the_request() -> None:
    change = {"type": "tool_addition", "tool": {"type": "tool_definition", "definition": ADVISOR}}
    found = asked(
        fallbacks=[{"model": "claude-haiku-5-5"}, {"model": "b"}, {"model": "b"}],
        tools=[ADVISOR | {"model": "c"}, {"type": "new_2099", "model": "d"}],
        messages=[{"role": "system", "content": [change]}],
    )
    assert found.models_inside == ("claude-fable-5-2", "claude-haiku-5-5", "b", "c", "d")
    assert asked(fallbacks="default").models_inside == ("default",)


def test_a_model_that_is_no_name_is_a_doubt() -> None:
    found = asked(tools=[ADVISOR | {"model": 3}])
    assert found.models_inside == ()
    assert found.features == {"advisor", "unknown:tools[].model"}


def test_hatches() -> None:
    found = asked(
        ("anthropic-workspace-id", "w"),
        ("anthropic-user-profile-id", "p"),
        inference_geo="eu",
        billing_policy={"type": "billing_policy", "bill_to": "user_profile"},
    )
    assert found.hatches == Hatches("eu", "w", "p", "user_profile")
    assert asked().hatches == Hatches()


def test_doubts_say_where() -> None:
    block = {"type": "tool_result", "content": [{"type": "hologram"}]}
    found = asked(tools=[{"name": "a"}, {"type": "t_2099"}], messages=[
        {"role": "user", "content": "x"}, {"role": "user", "content": [block]}
    ], telepathy=1)  # fmt: skip
    assert found.doubts == (
        "messages[1].content[0].content[0]: hologram",
        "tools[1]: t_2099",
        "telepathy: telepathy",
    )


def test_a_name_that_the_caller_made_up_is_cut_and_in_ascii() -> None:
    found = asked(tools=[{"type": "\u202e" + "x" * 500}])
    key = asked(output_config={"\u202e" + "x" * 500: 1})
    for text in (*found.features, *found.doubts, *key.features, *key.doubts):
        assert text.isascii()
        assert len(text) < 250


def test_what_is_kept_of_a_request_has_a_bound() -> None:
    found = asked(tools=[{"type": f"t{number}", "model": f"m{number}"} for number in range(500)])
    assert len(found.features) == len(found.doubts) + 1 == 51
    assert "unknown:more" in found.features
    assert len(found.models_inside) <= 50


def test_a_model_that_cannot_be_kept_is_a_doubt() -> None:
    long = asked(fallbacks=[{"model": "m" * 257}])
    many = asked(fallbacks=[{"model": f"m{number}"} for number in range(51)])
    assert long.models_inside == ()
    assert len(many.models_inside) == 50
    for found in (long, many):
        assert found.features == {"server_fallback", "unknown:fallbacks[].model"}


def test_a_field_that_is_not_looked_into_is_said_so() -> None:
    body = json.dumps(LEAST | {"tools": [ADVISOR], "fallbacks": "default", "thread": {}})
    fields = read_call(Kind.MESSAGES, VERSION, body.encode()).fields
    found = features(fields, within={"fallbacks"})
    assert found.features == {"server_fallback", "server_thread"}
    assert found.models_inside == ("default",)
    assert found.unread == {"messages", "tools"}
    assert features(fields, within=LOOKED_INTO) == features(fields)
    assert features(fields).unread == frozenset()


def test_content_in_content_has_an_end() -> None:
    block: dict[str, Any] = {"type": "text", "text": "x"}
    for _ in range(5):
        block = {"type": "tool_result", "content": [block]}
    assert with_block(block).features == frozenset()
    for _ in range(10):
        block = {"type": "tool_result", "content": block}
    with pytest.raises(Malformed, match="nested too deeply"):
        with_block(block)


def test_a_schema_without_a_bottom_is_refused() -> None:
    schema = '{"type":"object","not":' * 100_000 + "{}" + "}" * 100_000
    text = json.dumps(LEAST)[:-1] + ', "output_format": {"schema": ' + schema + "}}"
    with pytest.raises(Malformed, match="nested too deeply"):
        asked_by(text)


def test_values_deep_in_a_schema_are_found() -> None:
    schema = '{"type":"object","not":' * 400 + '{"pattern":"x"}' + "}" * 400
    text = json.dumps(LEAST)[:-1] + ', "output_format": {"schema": ' + schema + "}}"
    assert asked_by(text).features == {"structured_outputs", "json_schema_values"}


def test_what_was_asked_outlives_the_request() -> None:
    found = asked(tools=[ADVISOR], inference_geo="us")
    assert pickle.loads(pickle.dumps(found)) == found  # noqa: S301 - our own bytes
