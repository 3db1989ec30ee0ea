"""OpenAI's own SDK, told nothing but where the gateway is."""

from __future__ import annotations

import asyncio
import json
import random
from typing import Any

import openai
import pydantic
import pytest
from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolParam

from gateway.answers import Answer
from gateway.emulator import Emulator
from tests.openai_format.events import message
from tests.openai_format.events import streamed as split
from tests.openai_format.telling import read
from tests.server.serving import Running, Scripted, Source, serving, streamed

MODEL = "claude-opus-5-5"
THINKER = "claude-opus-4-6"
HELLO: list[ChatCompletionMessageParam] = [{"role": "user", "content": "hello"}]
CALL: list[ChatCompletionMessageParam] = [{"role": "user", "content": "[[tool]] look it up"}]
TOOLS: list[ChatCompletionToolParam] = [
    {
        "type": "function",
        "function": {
            "name": "look_up",
            "parameters": {
                "type": "object",
                "properties": {"word": {"type": "string"}},
                "required": ["word"],
            },
        },
    }
]


class Tide(pydantic.BaseModel):
    """What is parsed."""

    place: str
    metres: float


class LookUp(pydantic.BaseModel):
    """Looks a word up."""

    word: str


def test_a_completion(client: openai.OpenAI, emulator: Emulator) -> None:
    made = client.chat.completions.create(model=MODEL, messages=HELLO)
    (choice,) = made.choices
    assert choice.finish_reason == "stop"
    assert (choice.message.content or "").startswith("You said: hello.")
    assert made.usage is not None
    assert made.usage.total_tokens == made.usage.prompt_tokens + made.usage.completion_tokens
    assert made._request_id
    sent = json.loads(emulator.records[-1].body)
    assert sent == {"model": MODEL, "max_tokens": 128_000, "messages": HELLO}


def test_a_stream_says_what_the_completion_says(client: openai.OpenAI) -> None:
    made = client.chat.completions.create(model=MODEL, messages=HELLO)
    stream = client.chat.completions.create(
        model=MODEL, messages=HELLO, stream=True, stream_options={"include_usage": True}
    )
    *chunks, last = list(stream)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert text == made.choices[0].message.content
    assert len(chunks) > 5
    assert last.choices == []
    assert last.usage == made.usage


def test_the_async_sdk_creates_and_streams(gateway: Running) -> None:
    async def ask() -> tuple[str | None, str]:
        async with openai.AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key="any") as sdk:
            made = await sdk.chat.completions.create(model=MODEL, messages=HELLO)
            stream = await sdk.chat.completions.create(model=MODEL, messages=HELLO, stream=True)
            text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
            return made.choices[0].message.content, text

    whole, streamed = asyncio.run(ask())
    assert whole == streamed


def test_the_stream_helper_puts_it_together(client: openai.OpenAI) -> None:
    made = client.chat.completions.create(model=MODEL, messages=CALL, tools=TOOLS)
    with client.chat.completions.stream(model=MODEL, messages=CALL, tools=TOOLS) as stream:
        kinds = {event.type for event in stream}
        final = stream.get_final_completion()
    assert "tool_calls.function.arguments.done" in kinds
    assert made.choices[0].message.tool_calls is not None
    assert final.choices[0].message.tool_calls is not None
    ours, theirs = final.choices[0].message.tool_calls[0], made.choices[0].message.tool_calls[0]
    assert theirs.type == "function"
    assert (ours.id, ours.function.name) == (theirs.id, theirs.function.name)
    assert json.loads(ours.function.arguments) == json.loads(theirs.function.arguments)
    assert final.choices[0].finish_reason == made.choices[0].finish_reason == "tool_calls"


def test_a_model_of_the_answer_is_parsed(client: openai.OpenAI, emulator: Emulator) -> None:
    made = client.chat.completions.parse(model=MODEL, messages=HELLO, response_format=Tide)
    assert isinstance(made.choices[0].message.parsed, Tide)
    sent = json.loads(emulator.records[-1].body)["output_config"]["format"]
    assert (sent["type"], sent["schema"]["required"]) == ("json_schema", ["place", "metres"])
    with client.chat.completions.stream(
        model=MODEL, messages=HELLO, response_format=Tide
    ) as stream:
        parsed = stream.get_final_completion().choices[0].message.parsed
    assert parsed == made.choices[0].message.parsed


def test_the_async_sdk_parses_too(gateway: Running) -> None:
    async def ask() -> Tide | None:
        async with openai.AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key="any") as sdk:
            made = await sdk.chat.completions.parse(
                model=MODEL, messages=HELLO, response_format=Tide
            )
            return made.choices[0].message.parsed

    assert isinstance(asyncio.run(ask()), Tide)


def test_arguments_of_a_tool_are_parsed(client: openai.OpenAI, emulator: Emulator) -> None:
    tool = openai.pydantic_function_tool(LookUp)
    made = client.chat.completions.parse(model=MODEL, messages=CALL, tools=[tool])
    assert made.choices[0].message.tool_calls
    assert isinstance(made.choices[0].message.tool_calls[0].function.parsed_arguments, LookUp)
    assert json.loads(emulator.records[-1].body)["tools"][0]["strict"] is True


@pytest.mark.parametrize("mark", ["[[refusal]]", "[[refusal:mid]]"])
def test_a_refusal_is_the_sdks_own_error_where_it_parses(client: openai.OpenAI, mark: str) -> None:
    asked: list[ChatCompletionMessageParam] = [{"role": "user", "content": mark}]
    made = client.chat.completions.create(model=MODEL, messages=asked)
    assert made.choices[0].finish_reason == "content_filter"
    assert made.choices[0].message.refusal == "The request asked the emulator to refuse."
    with pytest.raises(openai.ContentFilterFinishReasonError):
        client.chat.completions.parse(model=MODEL, messages=asked, response_format=Tide)


def test_an_answer_that_is_cut_short_is_the_sdks_own_error_too(client: openai.OpenAI) -> None:
    with pytest.raises(openai.LengthFinishReasonError):
        client.chat.completions.parse(
            model=MODEL, messages=HELLO, response_format=Tide, max_completion_tokens=2
        )


def test_a_loop_of_tools_keeps_the_models_thinking(
    client: openai.OpenAI, emulator: Emulator
) -> None:
    how: dict[str, Any] = {"model": THINKER, "tools": TOOLS, "reasoning_effort": "high"}
    first = client.chat.completions.create(messages=CALL, **how).choices[0].message
    assert first.tool_calls
    answer: ChatCompletionMessageParam = {
        "role": "tool",
        "tool_call_id": first.tool_calls[0].id,
        "content": "7",
    }
    # What the SDK's users do: the model's own object goes back as it came.
    messages: list[Any] = [*CALL, first, answer]
    second = client.chat.completions.create(messages=messages, **how).choices[0].message
    assert second.content
    sent = json.loads(emulator.records[-1].body)["messages"][1]["content"]
    assert [block["type"] for block in sent] == ["thinking", "tool_use"]
    assert first.model_extra
    assert sent[0] == first.model_extra["thinking_blocks"][0]
    assert first.model_extra["reasoning_content"] == sent[0]["thinking"]


def test_so_does_a_loop_that_streams(client: openai.OpenAI, emulator: Emulator) -> None:
    how: dict[str, Any] = {"model": THINKER, "tools": TOOLS, "reasoning_effort": "high"}
    with client.chat.completions.stream(messages=CALL, **how) as stream:
        first = stream.get_final_completion().choices[0].message
    assert first.tool_calls
    messages: list[Any] = [
        *CALL,
        first.to_dict(),
        {"role": "tool", "tool_call_id": first.tool_calls[0].id, "content": "7"},
    ]
    # The helper keeps what it parsed of the arguments.
    for call in messages[1]["tool_calls"]:
        call["function"].pop("parsed_arguments", None)
    messages[1].pop("parsed", None)
    assert client.chat.completions.create(messages=messages, **how).choices[0].message.content
    sent = json.loads(emulator.records[-1].body)["messages"][1]["content"]
    assert [block["type"] for block in sent] == ["thinking", "tool_use"]


def test_the_prompt_cache_is_marked_read_and_told(client: openai.OpenAI) -> None:
    long = "The harbour keeps a book of tides. " * 200
    marked = {"type": "text", "text": long, "cache_control": {"type": "ephemeral"}}
    messages: list[Any] = [{"role": "system", "content": [marked]}, *HELLO]
    wrote, read = (
        client.chat.completions.create(model=MODEL, messages=messages).usage for _ in range(2)
    )
    assert wrote is not None
    assert read is not None
    assert wrote.prompt_tokens_details is not None
    assert read.prompt_tokens_details is not None
    written = wrote.prompt_tokens_details.cache_write_tokens
    assert written
    assert wrote.prompt_tokens == read.prompt_tokens > written
    assert read.prompt_tokens_details.cached_tokens == written
    assert (read.model_extra or {})["cache_read_input_tokens"] == written
    assert (wrote.model_extra or {})["cache_creation_input_tokens"] == written


def test_sampling_reaches_a_model_that_samples(client: openai.OpenAI, emulator: Emulator) -> None:
    client.chat.completions.create(model="claude-haiku-4-5", messages=HELLO, temperature=0.5)
    assert ("anthropic-version", "2023-06-01") in emulator.records[-1].headers
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model=MODEL, messages=HELLO, temperature=0.5)
    assert "temperature" in caught.value.message


def test_labels_act_as_in_the_messages_api(client: openai.OpenAI, emulator: Emulator) -> None:
    only = {"x-gateway-only": "direct"}
    raw = client.chat.completions.with_raw_response.create(
        model=MODEL, messages=HELLO, extra_headers=only
    )
    assert raw.headers["x-gateway-upstream"] == "direct"
    sent = emulator.records[-1].headers
    assert not [
        name for name, _ in sent if name.startswith(("x-gateway-", "x-stainless-", "openai-"))
    ]
    with pytest.raises(openai.PermissionDeniedError) as caught:
        client.chat.completions.create(
            model=MODEL, messages=HELLO, extra_headers={"x-gateway-class": "phi"}
        )
    assert caught.value.code == "permission_denied"


def test_an_answer_says_what_was_left_out(client: openai.OpenAI) -> None:
    raw = client.chat.completions.with_raw_response.create(
        model=MODEL, messages=HELLO, metadata={"trace": "1"}, prompt_cache_key="k"
    )
    assert raw.headers["x-gateway-dropped"] == "metadata, prompt_cache_key"
    streamed = client.chat.completions.with_raw_response.create(
        model=MODEL, messages=HELLO, metadata={"trace": "1"}, stream=True
    )
    assert streamed.headers["x-gateway-dropped"] == "metadata"


def test_the_stream_helper_bears_more_than_one_block_of_thinking() -> None:
    thoughts = [{"type": "thinking", "thinking": f"hm {n}", "signature": f"{n}=="} for n in (1, 2)]
    hidden = {"type": "redacted_thinking", "data": "x=="}
    told = message([*thoughts, hidden, {"type": "text", "text": "yes"}])

    def answer(_call: object) -> Answer:
        source = Source(*split(told, random.Random(5)))
        source.go_on.set()
        return streamed(source)

    with serving(Scripted(answer)) as gateway:
        sdk = openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="any", max_retries=0)
        with sdk.chat.completions.stream(model=MODEL, messages=HELLO) as stream:
            made = stream.get_final_completion().choices[0].message
    assert made.content == "yes"
    assert made.model_extra is not None
    assert made.model_extra["reasoning_content"] == "hm 1hm 2"
    blocks = made.model_extra["thinking_blocks"]
    back = {name: value for name, value in made.to_dict().items() if name != "parsed"}
    again = read(messages=[*HELLO, back, *HELLO])
    sent = json.loads(again.raw)["messages"][1]["content"]
    assert [block["index"] for block in blocks] == [0, 1, 2]
    assert sent == [*thoughts, hidden, {"type": "text", "text": "yes"}]
