"""What of a request its size does not bound."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from msgspec import Raw

from gateway.unsized import DOCUMENTS, MOST_BRACES, SERVER_TOOLS, unsized

TEXT = {"type": "text", "text": 'a "base64" of {"type": "url"} and code_execution_20250522"'}
PLAIN: dict[str, Any] = {
    "model": "claude-opus-5-5",
    "max_tokens": 5,
    "system": [TEXT],
    "tools": [
        {"name": "f", "input_schema": {"type": "object", "properties": {"url": {"type": "url"}}}},
        {"type": "custom", "name": "web_search_20250305"},
        {"type": "bash_20250124", "name": "bash"},
        {"type": "computer_toolset_20260801"},
    ],
    "messages": [
        {"role": "user", "content": "https://somewhere.invalid"},
        {"role": "assistant", "content": [{"type": "tool_use", "input": {"type": "url"}}]},
        {"role": "user", "content": [{"type": "tool_result", "content": [TEXT, TEXT]}]},
        {"role": "user", "content": [{"type": "document", "source": {"type": "text"}}]},
        {"role": "user", "content": [{"type": "search_result", "source": "https://x.invalid"}]},
    ],
    "context_management": {"edits": [{"type": "clear_tool_uses_20250919"}]},
    "fallbacks": None,
    "mcp_servers": [],
}


def found(**changes: Any) -> tuple[str, ...]:
    body = json.dumps(PLAIN | changes).encode()
    return unsized(msgspec.json.decode(body, type=dict[str, Raw]))


def content(*blocks: Any) -> list[dict[str, Any]]:
    return [{"role": "user", "content": [TEXT, *blocks]}]


def test_what_stands_in_the_body_or_runs_at_the_caller_is_sized() -> None:
    assert found() == ()


@pytest.mark.parametrize("kind", ["url", "base64", "file", "of_a_later_day"])
def test_what_is_named_or_packed_is_not(kind: str) -> None:
    block = {"type": "document", "source": {"type": kind}}
    inside = {"type": "tool_result", "content": [block]}
    within = {"type": "document", "source": {"type": "content", "content": [block]}}
    for each in (block, inside, within, {"type": "tool_result", "content": block}):
        assert found(messages=content(each)) == (DOCUMENTS,)
    assert found(system=[block]) == (DOCUMENTS,)


def test_an_upload_is_not() -> None:
    upload = {"type": "container_upload", "file_id": "file_1"}
    assert found(messages=content(upload)) == (DOCUMENTS,)


def test_a_source_that_does_not_say_what_it_is_may_be_a_document() -> None:
    assert found(messages=content({"source": {"url": "https://x.invalid"}})) == (DOCUMENTS,)


def test_a_crowded_body_may_hold_anything_and_is_not_looked_through() -> None:
    crowd: list[dict[str, Any]] = [{"tool_changes": [{}] * MOST_BRACES}]
    assert found(messages=crowd) == (DOCUMENTS, SERVER_TOOLS)
    assert found(messages=content(*[{}] * 1000)) == ()


@pytest.mark.parametrize(
    "more",
    [
        {"tools": [{"type": "web_search_20250305", "name": "web_search"}]},
        {"tools": [{"type": "web_fetch_20260318", "name": "web_fetch"}]},
        {"tools": [{"type": "code_execution_20260521", "name": "code_execution"}]},
        {"tools": [{"type": "advisor_20260301", "name": "advisor", "model": "claude-opus-5-5"}]},
        {"tools": [{"type": "of_a_later_day_20290101"}]},
        {"tools": [{"type": "mcp_toolset"}]},
        {"mcp_servers": [{"url": "https://x.invalid"}]},
        {"container": "container_1"},
        {"fallbacks": "default"},
        {"fallbacks": [{"model": "claude-haiku-5-5"}]},
        {"compaction": {"type": "auto"}},
        {"context_management": {"edits": [{"type": "compact_20260112"}]}},
        {"thread": {"id": "thread_1"}},
        {"of_a_later_day": True},
        {"messages": content({"tool": {"definition": {"type": "web_search_20250305"}}})},
    ],
)
def test_what_the_platform_runs_is_not(more: dict[str, Any]) -> None:
    assert found(**more) == (SERVER_TOOLS,)


def test_another_spelling_is_the_same_word() -> None:
    body = json.dumps({"messages": content({"source": {"type": "XX"}})}).encode()
    body = body.replace(b"XX", b"\\u0075rl").replace(b'"source"', b'"sourc\\u0065"')
    assert unsized(msgspec.json.decode(body, type=dict[str, Raw])) == (DOCUMENTS,)


@pytest.mark.parametrize(
    "more",
    [
        {"messages": content({"source": {"type": 3}})},
        {"tools": {"type": "custom"}},
        {"tools": [3]},
        {"messages": content({"file_id": 3})},
    ],
)
def test_what_cannot_be_read_may_be_anything(more: dict[str, Any]) -> None:
    assert found(**more) == (DOCUMENTS, SERVER_TOOLS)
