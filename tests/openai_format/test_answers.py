"""What a message becomes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from openai.types.chat import ChatCompletion

from gateway.formats.contract import Reply
from tests.openai_format.events import HEADERS, message, whole
from tests.openai_format.telling import header_of, read

TEXT = {"type": "text", "text": "It turns."}
THOUGHT = {"type": "thinking", "thinking": "hm", "signature": "s=="}
CALL = {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"a": 1.0}}


def test_a_completion_is_what_openai_says_it_is() -> None:
    made = ChatCompletion.model_validate(whole(message([TEXT])), strict=True)
    assert (made.id, made.object, made.model) == (
        "chatcmpl-01abc",
        "chat.completion",
        "claude-opus-5-5",
    )
    (choice,) = made.choices
    assert (choice.index, choice.finish_reason, choice.logprobs) == (0, "stop", None)
    assert choice.message.model_dump(exclude_none=True) == {
        "role": "assistant",
        "content": "It turns.",
    }


def test_texts_are_one_and_no_text_is_none() -> None:
    assert _said([TEXT, TEXT])["content"] == "It turns.It turns."
    assert _said([])["content"] is None
    assert _said([CALL])["content"] is None


def test_citations_of_a_text_are_named() -> None:
    cited: dict[str, Any] = {**TEXT, "citations": [{"type": "char_location", "cited_text": "It"}]}
    plain: dict[str, Any] = {**TEXT, "citations": []}
    for blocks, named in (([cited, cited], "citations"), ([plain, TEXT], None)):
        told = read().replies.whole(Reply(200, HEADERS, json.dumps(message(blocks)).encode()))
        assert header_of(told.headers, "x-gateway-dropped") == named


def test_what_is_left_out_of_a_long_conversation_does_not_fill_a_header() -> None:
    said = {"role": "assistant", "content": "yes", "reasoning_content": "hm"}
    asked = read(messages=[{"role": "user", "content": "a"}, said] * 5000)
    named = header_of(asked.replies.opened(()), "x-gateway-dropped")
    assert named is not None
    assert named.startswith("messages[1].reasoning_content, messages[3].reasoning_content, ")
    assert named.endswith(", and 4990 more")
    assert len(named) < 1000


def _said(content: list[Any], **fields: Any) -> dict[str, Any]:
    said: dict[str, Any] = whole(message(content, **fields))["choices"][0]["message"]
    return said


def test_calls_of_tools_have_their_arguments_as_text() -> None:
    (call, other) = _said([TEXT, CALL, {**CALL, "input": {}}])["tool_calls"]
    assert (call["id"], call["type"]) == ("toolu_1", "function")
    assert call["function"] == {"name": "f", "arguments": '{"a": 1.0}'}
    assert other["function"]["arguments"] == "{}"


def test_thinking_is_told_as_text_and_as_it_is() -> None:
    hidden = {"type": "redacted_thinking", "data": "x=="}
    said = _said([THOUGHT, hidden, TEXT])
    assert (said["content"], said["reasoning_content"]) == ("It turns.", "hm")
    assert said["thinking_blocks"] == [THOUGHT, hidden]
    kept = _said([{**THOUGHT, "thinking": ""}])
    assert "reasoning_content" not in kept
    assert kept["thinking_blocks"][0]["signature"] == "s=="
    assert _said([TEXT]).keys() == {"role", "content", "refusal"}


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("tool_use", "tool_calls"),
        ("refusal", "content_filter"),
        ("pause_turn", "pause_turn"),
        (None, None),
    ],
)
def test_why_it_ended(reason: str | None, told: str | None) -> None:
    assert whole(message([TEXT], stop_reason=reason))["choices"][0]["finish_reason"] == told


def test_a_refusal_says_why() -> None:
    why = {"type": "refusal", "category": "bio", "explanation": "It could do harm."}
    said = _said([], stop_reason="refusal", stop_details=why)
    assert (said["content"], said["refusal"]) == (None, "It could do harm.")
    assert _said([], stop_reason="refusal", stop_details=None)["refusal"] is None


def test_usage_counts_the_whole_prompt_and_keeps_what_relay_users_read() -> None:
    usage = {
        "input_tokens": 10,
        "cache_read_input_tokens": 200,
        "cache_creation_input_tokens": 30,
        "output_tokens": 4,
        "output_tokens_details": {"thinking_tokens": 3},
    }
    assert whole(message([TEXT], usage=usage))["usage"] == {
        "prompt_tokens": 240,
        "completion_tokens": 4,
        "total_tokens": 244,
        "prompt_tokens_details": {"cached_tokens": 200, "cache_write_tokens": 30},
        "completion_tokens_details": {"reasoning_tokens": 3},
        "cache_creation_input_tokens": 30,
        "cache_read_input_tokens": 200,
    }


def test_what_was_not_reported_is_absent_and_zero_is_zero() -> None:
    bare = {"input_tokens": 1, "output_tokens": 0}
    assert whole(message([], usage=bare))["usage"] == {
        "prompt_tokens": 1,
        "completion_tokens": 0,
        "total_tokens": 1,
    }
    zero = whole(message([], usage={**bare, "cache_read_input_tokens": 0}))["usage"]
    assert zero["prompt_tokens_details"] == {"cached_tokens": 0}
    assert "usage" not in whole(message([], usage={"output_tokens": 3}))


def test_blocks_without_a_place_are_named_beside_what_was_left_out_before() -> None:
    other = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}
    body = json.dumps(message([other, other, TEXT])).encode()
    headers = (*HEADERS, ("x-gateway-dropped", "speed"))
    reply = read(metadata={}).replies.whole(Reply(200, headers, body))
    named = header_of(reply.headers, "x-gateway-dropped")
    assert named == "speed, metadata, server_tool_use"
    assert sum(name == "x-gateway-dropped" for name, _ in reply.headers) == 1


def test_the_requests_id_is_where_openais_sdk_looks_for_it() -> None:
    reply = read().replies.whole(Reply(200, HEADERS, json.dumps(message([])).encode()))
    assert header_of(reply.headers, "x-request-id") == "req_1"
    assert header_of(reply.headers, "request-id") == "req_1"


@pytest.mark.parametrize("body", [b"", b"{", b'{"id":"msg_1","model":"m","content":[{}]}'])
def test_an_answer_that_is_none_is_an_error_of_ours(body: bytes) -> None:
    reply = read().replies.whole(Reply(200, HEADERS, body))
    assert reply.status == 502
    assert json.loads(reply.body)["error"]["type"] == "server_error"
    # It is paid for, and would be again.
    assert header_of(reply.headers, "x-should-retry") == "false"
