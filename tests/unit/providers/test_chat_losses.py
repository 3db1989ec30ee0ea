"""What has no place in chat completions is named, and nothing is left out that is not."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.contract import Kind, Loss, Operation
from providers.registry import PROVIDERS
from tests.contract.chat import MODEL, fields, place

RELAY = PROVIDERS["openai_relay"]
PLAIN, MARKED = RELAY.endpoint(place()), RELAY.endpoint(place(cache_markers=True))
ASK = Operation(Kind.MESSAGES, MODEL)
COUNT = Operation(Kind.COUNT_TOKENS, MODEL)
MARK = {"cache_control": {"type": "ephemeral"}}
TEXT = {"type": "text", "text": "x"}
CALL = {"type": "tool_use", "id": "c", "name": "t", "input": {}}
RESULT = {"type": "tool_result", "tool_use_id": "c", "content": [TEXT]}


def asking(**more: Any) -> dict[str, Any]:
    return {"model": MODEL, "max_tokens": 9, "messages": [{"role": "user", "content": "x"}], **more}


def user(*blocks: Any) -> dict[str, Any]:
    return asking(messages=[{"role": "user", "content": list(blocks)}])


def assistant(*blocks: Any) -> dict[str, Any]:
    return asking(messages=[{"role": "assistant", "content": list(blocks)}])


def tool(**more: Any) -> dict[str, Any]:
    return asking(tools=[{"name": "t", "input_schema": {}, **more}])


def found(body: dict[str, Any], version: str = "2026-10-21", **more: Any) -> tuple[Loss, ...]:
    return RELAY.losses(ASK, fields(body, version, **more), PLAIN)


SOURCE = {"type": "file", "file_id": "file_1"}
UNFIT = [
    (assistant({"type": "thinking", "thinking": "x", "signature": "s"}), "[thinking]"),
    (assistant({"type": "redacted_thinking", "data": "x"}), "[redacted_thinking]"),
    (user({"type": "document", "source": {"type": "text", "data": "x"}}), "[document]"),
    (user({"type": "search_result", "source": "x"}), "[search_result]"),
    (user({"type": "container_upload", "file_id": "f"}), "[container_upload]"),
    (assistant({"type": "server_tool_use", "id": "s", "name": "web_search"}), "server_tool_use"),
    (assistant({"type": "mcp_tool_use", "id": "s", "name": "x"}), "[mcp_tool_use]"),
    (user({"type": "image", "source": SOURCE}), "source.file_id"),
    (user({**RESULT, "content": [{"type": "image", "source": SOURCE}]}), "[tool_result]"),
    (user({**TEXT, "citations": [{"type": "char_location"}]}), "citations"),
    (assistant({**TEXT, "citations": [{"type": "char_location"}]}), "citations"),
    (assistant(CALL, TEXT), "messages[assistant].content[text]"),
    (assistant({**CALL, "input": "x"}), "input"),
    (assistant({**CALL, "caller": {"type": "code_execution_20250825"}}), "caller"),
    (assistant({**CALL, "novel": 1}), "messages[].content[]"),
    (user({"type": "novel"}), "messages[].content[].type"),
    (user({**TEXT, "novel": 1}), "messages[].content[]"),
    (user("x"), "messages[].content[]"),
    (asking(messages=[{"role": "system", "content": "x"}]), "messages[system]"),
    (asking(messages=[{"role": "novel", "content": "x"}]), "messages[].role"),
    (asking(messages=[{"content": "x"}]), "messages[]"),
    (asking(messages=5), "messages"),
    (asking(system=5), "system"),
    (asking(system=[{"type": "image", "source": SOURCE}]), "system[].type"),
    (asking(tools=[{"type": "web_search_20250305", "name": "web_search"}]), "web_search_20250305"),
    (tool(allowed_callers=["code_execution_20250825"]), "tools[].allowed_callers"),
    (tool(input_examples=[{}]), "tools[]"),
    (asking(tool_choice={"type": "novel"}), "tool_choice.type"),
    (asking(output_config={"novel": {}}), "output_config"),
    (asking(output_config={"effort": "novel"}), "output_config.effort"),
    (asking(metadata={"novel": 1}), "metadata"),
    (asking(thinking={"type": "adaptive"}), "thinking"),
    (asking(mcp_servers=[]), "mcp_servers"),
    (asking(container="c"), "container"),
    (asking(thread={"type": "create"}), "thread"),
    (asking(inference_geo="us"), "inference_geo"),
    (asking(top_k=3), "top_k"),
    (asking(novel=1), "novel"),
]


@pytest.mark.parametrize(("body", "named"), UNFIT, ids=lambda value: str(value)[-60:])
def test_what_has_no_place_keeps_a_request_away(body: dict[str, Any], named: str) -> None:
    (lost,) = found(body)
    assert named in lost.name
    assert lost.reason
    assert not lost.droppable
    with pytest.raises(ValueError, match="may not be left out"):
        RELAY.encode(ASK, fields(body), PLAIN, (lost,))


DROPPABLE = [
    (user({**TEXT, **MARK}), "messages[].content[text].cache_control"),
    (user({**RESULT, **MARK}), "messages[].content[tool_result].cache_control"),
    (assistant({**CALL, **MARK}), "messages[].content[tool_use].cache_control"),
    (asking(system=[{**TEXT, **MARK}]), "system[].cache_control"),
    (tool(**MARK), "tools[].cache_control"),
    (asking(**MARK), "cache_control"),
    (user({**RESULT, "is_error": True}), "messages[].content[tool_result].is_error"),
    (tool(eager_input_streaming=True), "tools[].eager_input_streaming"),
    (tool(defer_loading=True), "tools[].defer_loading"),
    (asking(output_config={"task_budget": {}}), "output_config.task_budget"),
    (asking(service_tier="auto"), "service_tier"),
    (asking(temperature=0.5), "temperature"),
]


@pytest.mark.parametrize(("body", "named"), DROPPABLE, ids=lambda value: str(value)[-60:])
def test_what_says_nothing_more_may_be_left_out_by_name(body: dict[str, Any], named: str) -> None:
    (lost,) = found(body)
    assert (lost.name, lost.droppable) == (named, True)
    sent = RELAY.encode(ASK, fields(body), PLAIN, (lost,))
    assert sent.dropped == (named,)
    assert b"cache_control" not in sent.body
    assert json.loads(sent.body).keys() <= {"model", "max_completion_tokens", "messages", "tools"}
    if "is_error" in named or "budget" in named:
        with pytest.raises(ValueError, match="may not be left out"):
            RELAY.encode(ASK, fields(body), PLAIN, ())


def test_marks_go_where_the_relay_reads_them() -> None:
    body = user({**TEXT, **MARK}, {**RESULT, **MARK})
    assert RELAY.losses(ASK, fields(body), MARKED) == ()
    elsewhere = tool(**MARK) | {"messages": assistant({**CALL, **MARK})["messages"]}
    assert {loss.name for loss in RELAY.losses(ASK, fields(elsewhere), MARKED)} == {
        "tools[].cache_control",
        "messages[].content[tool_use].cache_control",
    }


def test_sampling_is_of_the_older_version() -> None:
    old = "claude-haiku-4-5"
    body = {**asking(temperature=0.5), "model": old}
    older = Operation(Kind.MESSAGES, old)
    assert RELAY.losses(older, fields(body, "2023-06-01"), PLAIN) == ()
    (lost,) = RELAY.losses(older, fields(body), PLAIN)
    assert (lost.name, lost.droppable) == ("temperature", True)


def test_betas_and_accounts_are_the_claude_apis() -> None:
    (lost,) = found(asking(), betas=("context-1m-2025-08-07",))
    assert (lost.name, lost.droppable) == ("anthropic-beta: context-1m-2025-08-07", True)
    (other,) = found(asking(), headers=(("anthropic-user-profile-id", "p"),))
    assert (other.name, other.droppable) == ("anthropic-user-profile-id", False)
    (unknown,) = found(asking(), "2030-01-01")
    assert (unknown.name, unknown.droppable) == ("anthropic-version", False)


def test_tokens_are_not_counted_there() -> None:
    (lost,) = RELAY.losses(COUNT, fields(asking()), PLAIN)
    assert (lost.name, lost.droppable) == ("count_tokens", False)


def test_of_what_a_caller_made_up_little_is_repeated() -> None:
    (lost,) = found(user({"type": "é\n" * 10_000}))
    assert len(lost.name) + len(lost.reason) < 400
    assert lost.reason.isascii()


def test_deep_values_are_only_carried() -> None:
    deep = json.loads("[" * 500 + "]" * 500)
    body = asking(
        tools=[{"name": "t", "input_schema": {"x": deep}}],
        messages=[{"role": "assistant", "content": [{**CALL, "input": {"x": deep}}]}],
    )
    assert found(body) == ()
    sent = json.loads(RELAY.encode(ASK, fields(body), PLAIN).body)
    assert json.loads(sent["messages"][0]["tool_calls"][0]["function"]["arguments"])["x"] == deep


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["text", "x", "ephemeral"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    *("type", "text", "role", "content", "id", "name", "input", "source"),
                    *("cache_control", "citations", "tool_use_id", "is_error", "novel"),
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(name=st.sampled_from(["messages", "system", "tools", "tool_choice"]), value=VALUES)
def test_whatever_is_asked_it_is_named_or_sent(name: str, value: object) -> None:
    """Law: a request either has an undroppable loss, or goes out with each loss named."""
    asked = fields(asking(**{name: value}))
    losses = RELAY.losses(ASK, asked, PLAIN)
    assert len({loss.name for loss in losses}) == len(losses)
    if all(loss.droppable for loss in losses):
        sent = RELAY.encode(ASK, asked, PLAIN, losses)
        assert set(sent.dropped) == {loss.name for loss in losses}
        assert b"novel" not in msgspec.json.encode(value) or b"novel" in sent.body
