"""An OpenAI-compatible relay, emulated, as the plain OpenAI client finds it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from gateway.emulator import Emulator
from gateway.emulator.chat_answers import Habit

MODEL = "anthropic/claude-opus-5-5"
TOOL: Any = {
    "type": "function",
    "function": {
        "name": "tide",
        "parameters": {"type": "object", "properties": {"harbour": {"type": "string"}}},
    },
}


@pytest.fixture(scope="module")
def running() -> Iterator[Emulator]:
    with Emulator() as found:
        yield found


@pytest.fixture
def emulator(running: Emulator) -> Emulator:
    running.reset()
    return running


@pytest.fixture
def client(emulator: Emulator) -> Iterator[openai.OpenAI]:
    url = emulator.openai_relay.client_url
    with openai.OpenAI(base_url=url, api_key=emulator.api_key, max_retries=0) as found:
        yield found


def asking(said: Any, **more: Any) -> dict[str, Any]:
    return {"model": MODEL, "messages": [{"role": "user", "content": said}], **more}


def test_the_client_is_answered(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(**asking("hello", max_completion_tokens=100))
    assert answer.choices[0].finish_reason == "stop"
    assert "hello" in str(answer.choices[0].message.content)
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert MODEL in [model.id for model in client.models.list()]


def test_a_stream_says_what_the_whole_answer_says(client: openai.OpenAI) -> None:
    asked = asking("[[words:40]]", stream_options={"include_usage": True})
    chunks = list(client.chat.completions.create(**asked, stream=True))
    whole = client.chat.completions.create(**asking("[[words:40]]"))
    deltas = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
    assert "".join(deltas) == whole.choices[0].message.content
    assert len(deltas) > 3
    assert chunks[-1].choices == []
    assert chunks[-1].usage == whole.usage
    assert [chunk.usage for chunk in chunks[:-1]] == [None] * (len(chunks) - 1)


def test_nobody_counts_who_was_not_asked_to(client: openai.OpenAI) -> None:
    chunks = list(client.chat.completions.create(**asking("hello"), stream=True))
    assert not any(chunk.usage for chunk in chunks)


def test_tools_are_called_and_answered(client: openai.OpenAI) -> None:
    first = client.chat.completions.create(**asking("[[tool]]", tools=[TOOL]))
    message = first.choices[0].message
    assert first.choices[0].finish_reason == "tool_calls"
    assert message.tool_calls is not None
    (call,) = message.tool_calls
    assert call.type == "function"
    assert json.loads(call.function.arguments)
    turns: list[Any] = [
        {"role": "user", "content": "[[tool]]"},
        message,
        {"role": "tool", "tool_call_id": call.id, "content": "high"},
        {"role": "user", "content": "and now?"},
    ]
    then = client.chat.completions.create(model=MODEL, messages=turns, tools=[TOOL])
    assert then.choices[0].finish_reason == "stop"
    with pytest.raises(openai.BadRequestError, match="tool_call_id"):
        client.chat.completions.create(model=MODEL, messages=[*turns[:2], turns[3]])


def test_the_stream_helper_reads_calls(client: openai.OpenAI) -> None:
    with client.chat.completions.stream(**asking("[[tool]]", tools=[TOOL])) as stream:
        final = stream.get_final_completion()
    whole = client.chat.completions.create(**asking("[[tool]]", tools=[TOOL]))
    calls, others = final.choices[0].message.tool_calls, whole.choices[0].message.tool_calls
    assert calls is not None
    assert others is not None
    assert [call.id for call in calls] == [call.id for call in others]
    assert [call.function.arguments for call in calls] == [
        call.function.arguments for call in others if call.type == "function"
    ]


def test_the_cache_is_part_of_the_prompt(client: openai.OpenAI) -> None:
    part = {"type": "text", "text": "cached " * 3000, "cache_control": {"type": "ephemeral"}}
    first = client.chat.completions.create(**asking([part])).usage
    second = client.chat.completions.create(**asking([part])).usage
    assert first is not None
    assert second is not None
    assert first.prompt_tokens_details is not None
    assert second.prompt_tokens_details is not None
    assert first.prompt_tokens_details.cache_write_tokens
    assert second.prompt_tokens_details.cached_tokens == (
        first.prompt_tokens_details.cache_write_tokens
    )
    assert second.prompt_tokens == first.prompt_tokens


def test_a_schema_is_followed_and_effort_is_shown(client: openai.OpenAI) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    wanted = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    asked = asking("hello", response_format=wanted, reasoning_effort="high")
    answer = client.chat.completions.create(**asked)
    assert "n" in json.loads(str(answer.choices[0].message.content))
    assert answer.choices[0].message.to_dict()["reasoning_content"]


@pytest.mark.parametrize(
    ("wrong", "error", "code"),
    [
        ({"api_key": "other"}, openai.AuthenticationError, "invalid_api_key"),
        ({"model": "anthropic/claude-9"}, openai.NotFoundError, "model_not_found"),
        ({"top_k": 3}, openai.BadRequestError, None),
        ({"messages": []}, openai.BadRequestError, None),
    ],
)
def test_refusals_are_openais(
    emulator: Emulator, wrong: dict[str, Any], error: type[openai.APIStatusError], code: str | None
) -> None:
    url, key = emulator.openai_relay.client_url, wrong.pop("api_key", emulator.api_key)
    asked = asking("hello") | {"model": wrong.pop("model", MODEL)}
    asked["messages"] = wrong.pop("messages", asked["messages"])
    with (
        openai.OpenAI(base_url=url, api_key=key, max_retries=0) as client,
        pytest.raises(error) as refused,
    ):
        client.chat.completions.create(**asked, extra_body=wrong)
    assert refused.value.code == code


def test_a_fault_in_a_stream_is_an_error_to_the_client(
    emulator: Emulator, client: openai.OpenAI
) -> None:
    emulator.faults.add("error_event", at=3, platforms=("openai_relay",), status=529)
    with pytest.raises(openai.APIError):
        list(client.chat.completions.create(**asking("[[words:40]]"), stream=True))


def streamed(client: openai.OpenAI, said: str = "[[words:9]]", **more: Any) -> list[dict[str, Any]]:
    asked = asking(said, stream_options={"include_usage": True}, **more)
    return [chunk.to_dict() for chunk in client.chat.completions.create(**asked, stream=True)]


def test_relays_have_habits(emulator: Emulator, client: openai.OpenAI) -> None:
    relay = emulator.openai_relay
    usual = streamed(client)
    relay.habits = [Habit.NO_USAGE]
    assert not any(chunk.get("usage") for chunk in streamed(client))
    relay.habits = [Habit.NULL_USAGE]
    assert all("usage" in chunk for chunk in streamed(client))
    relay.habits = [Habit.USAGE_AT_THE_END]
    last = streamed(client)[-1]
    assert last["choices"][0]["finish_reason"] == "stop"
    assert last["usage"]["completion_tokens"] == usual[-1]["usage"]["completion_tokens"]
    relay.habits = [Habit.NO_CALL_IDS, Habit.ALWAYS_STOP]
    calls = [chunk["choices"][0] for chunk in streamed(client, "[[tool]]", tools=[TOOL])[:-1]]
    assert calls[-1]["finish_reason"] == "stop"
    assert not any("id" in call for each in calls for call in each["delta"].get("tool_calls", ()))
    relay.habits = [Habit.NO_DONE, Habit.COMMENTS]
    assert [chunk["choices"] for chunk in streamed(client)] == [each["choices"] for each in usual]
    relay.habits = [Habit.LEGACY_CACHE]
    usage = client.chat.completions.create(**asking("x")).to_dict()["usage"]
    assert "cache_creation_input_tokens" in usage
    relay.habits = [Habit.ERROR_AS_SUCCESS]
    answer = client.chat.completions.create(**asking("x"), extra_body={"top_k": 1})
    assert "error" in answer.to_dict()
