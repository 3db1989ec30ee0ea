"""Whatever the installed SDK can send has a row: a new version shows what is new."""

from __future__ import annotations

import types
from collections.abc import Iterator
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import pytest
from anthropic.types.anthropic_beta_param import AnthropicBetaParam
from anthropic.types.beta import (
    beta_container_params,
    beta_content_block_param,
    beta_message_param,
    beta_server_tool_use_block_param,
    beta_tool_union_param,
)
from anthropic.types.beta.message_count_tokens_params import MessageCountTokensParams
from anthropic.types.beta.message_create_params import MessageCreateParamsStreaming
from typing_extensions import is_typeddict

from gateway.policy.feature_table import feature_table

TABLE = feature_table()
HEADERS = {
    "betas": "anthropic-beta",
    "user_profile_id": "anthropic-user-profile-id",
    "workspace_id": "anthropic-workspace-id",
}
"""The SDK's parameters that travel as headers."""


def members(tp: Any) -> Iterator[Any]:
    """Yield the objects and words that may stand where a type stands, through any list."""
    if is_typeddict(tp):
        yield tp
    elif get_origin(tp) is Literal:
        yield from get_args(tp)
    elif get_origin(tp) in (Union, types.UnionType):
        for each in get_args(tp):
            yield from members(each)
    else:
        for each in get_args(tp):
            yield from members(each)


def objects(tp: Any) -> list[Any]:
    return [each for each in members(tp) if is_typeddict(each)]


def words(tp: Any) -> set[str]:
    return {each for each in members(tp) if isinstance(each, str)}


def kinds(tp: Any) -> set[str]:
    return words(get_type_hints(tp).get("type", None))


def hints(tp: Any, key: str) -> Any:
    return get_type_hints(tp).get(key)


PARAMS = get_type_hints(MessageCreateParamsStreaming) | get_type_hints(MessageCountTokensParams)
TOOLS = objects(beta_tool_union_param.BetaToolUnionParam)
MESSAGES = objects(PARAMS["messages"])
READ = ("content", "tool_changes", "state_changes", "tool_references")


def blocks() -> list[Any]:
    """Return every block that may stand in content, at any depth."""
    left = [block for message in MESSAGES for block in objects(hints(message, "content"))]
    left += objects(beta_content_block_param.BetaContentBlockParam)
    seen: list[Any] = []
    while left:
        block = left.pop()
        if block in seen:
            continue
        seen.append(block)
        for key in READ:
            left += objects(hints(block, key))
        for source in objects(hints(block, "source")):
            left += objects(hints(source, "content"))
    return seen


BLOCKS = blocks()


def inner(key: str) -> set[str]:
    """Return the types of the objects under a key of any block."""
    return {kind for block in BLOCKS for part in objects(hints(block, key)) for kind in kinds(part)}


def test_the_walk_finds_what_there_is() -> None:
    assert len(TOOLS) >= 28
    assert len(MESSAGES) == 3
    assert {"document", "web_fetch_result", "tool_addition", "tab_opened"} <= {
        kind for block in BLOCKS for kind in kinds(block)
    }
    assert {"file", "url", "base64"} <= inner("source")


@pytest.mark.parametrize("name", sorted(PARAMS))
def test_every_parameter(name: str) -> None:
    if name in HEADERS:
        assert HEADERS[name] in TABLE.headers
    else:
        assert name in TABLE.fields or f"{name}=" in TABLE.paths


@pytest.mark.parametrize("kind", sorted({kind for tool in TOOLS for kind in kinds(tool)}))
def test_every_type_of_tool(kind: str) -> None:
    assert kind in TABLE.tools


@pytest.mark.parametrize("key", sorted({key for tool in TOOLS for key in get_type_hints(tool)}))
def test_every_key_of_a_tool(key: str) -> None:
    assert key in TABLE.tool_keys


@pytest.mark.parametrize("kind", sorted({kind for block in BLOCKS for kind in kinds(block)}))
def test_every_type_of_block(kind: str) -> None:
    assert kind in TABLE.blocks


@pytest.mark.parametrize("beta", sorted(words(AnthropicBetaParam)))
def test_every_beta(beta: str) -> None:
    assert beta in TABLE.betas


def paths() -> Iterator[str]:
    """Yield the paths that a request of the SDK can hold, as the table writes them."""
    for key in ("source", "caller", "tool"):
        yield from (f"{key}[{kind}]" for kind in inner(key))
    for tool in TOOLS:
        yield from (f"allowed_callers[{word}]" for word in words(hints(tool, "allowed_callers")))
    use = beta_server_tool_use_block_param.BetaServerToolUseBlockParam
    yield from (f"server_tool_use.name={word}" for word in words(hints(use, "name")))
    for message in MESSAGES:
        yield from (f"messages[].{key}" for key in get_type_hints(message))
    for name in ("output_config", "context_management", "billing_policy", "cache_control"):
        for each in objects(PARAMS[name]):
            yield from (f"{name}.{key}" for key in get_type_hints(each))
    container = beta_container_params.BetaContainerParams
    yield from (f"container.{key}" for key in get_type_hints(container))
    for each in objects(PARAMS["fallbacks"]):
        yield from (f"fallbacks[].{key}" for key in get_type_hints(each))
    yield from (f"fallbacks={word}" for word in words(PARAMS["fallbacks"]))
    yield from (f"speed={word}" for word in words(PARAMS["speed"]))
    for manager in objects(PARAMS["context_management"]):
        for edit in objects(hints(manager, "edits")):
            yield from (f"context_management.edits[{kind}]" for kind in kinds(edit))
    for policy in objects(PARAMS["billing_policy"]):
        yield from (f"billing_policy.bill_to={word}" for word in words(hints(policy, "bill_to")))


@pytest.mark.parametrize("path", sorted(set(paths())))
def test_every_path(path: str) -> None:
    assert path in TABLE.paths


def test_messages_are_what_the_walk_thinks() -> None:
    assert set(MESSAGES) == set(objects(beta_message_param.BetaMessageParam))
