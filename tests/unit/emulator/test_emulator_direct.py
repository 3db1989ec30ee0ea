"""The direct platform, seen by unmodified SDK clients."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import Any

import anthropic
import pytest
from anthropic.types import TextBlock

from gateway.emulator import API_KEY, Emulator

MODEL = "claude-opus-5-5"
TOOL: Any = {
    "name": "weather",
    "description": "Tell the weather.",
    "input_schema": {
        "type": "object",
        "properties": {
            "city": {"type": "string", "enum": ["Hamburg", "Cork"]},
            "days": {"type": "integer", "minimum": 3},
            "notes": {"type": "array", "items": {"type": "string"}},
        },
        "required": ["city", "days", "notes"],
    },
}


def say(text: str) -> Any:
    return [{"role": "user", "content": text}]


def ask(client: anthropic.Anthropic, text: str, **more: Any) -> anthropic.types.Message:
    options: Any = {"model": MODEL, "max_tokens": 400, "messages": say(text)} | more
    message: anthropic.types.Message = client.messages.create(**options)
    return message


def test_a_message_comes_back_whole(client: anthropic.Anthropic, emulator: Emulator) -> None:
    message = ask(client, "hello")
    assert message.stop_reason == "end_turn"
    assert message.content[0].type == "text"
    assert message.content[0].text.startswith("You said: hello.")
    assert message.usage.input_tokens > 0
    assert message.usage.output_tokens > 0
    assert message.usage.inference_geo == "global"
    assert message.usage.service_tier == "standard"
    assert message._request_id
    assert message._request_id.startswith("req_")
    record = emulator.records[0]
    assert record.json()["messages"] == say("hello")
    assert record.header("anthropic-version") == "2026-10-21"
    assert (record.status, record.outcome, record.frames) == (200, "complete", 1)


def test_the_stream_says_what_the_whole_answer_says(client: anthropic.Anthropic) -> None:
    whole = ask(client, "tell me [[words:50]]")
    with client.messages.stream(
        model=MODEL, max_tokens=400, messages=say("tell me [[words:50]]")
    ) as stream:
        text = "".join(stream.text_stream)
        final = stream.get_final_message()
    assert whole.content[0].type == "text"
    assert text == whole.content[0].text
    assert final.usage == whole.usage
    assert final.stop_reason == whole.stop_reason
    assert final.id != whole.id


def test_raw_events_come_in_order_one_write_each(
    client: anthropic.Anthropic, emulator: Emulator
) -> None:
    with client.messages.create(
        model=MODEL, max_tokens=400, messages=say("[[events:5]]"), stream=True
    ) as stream:
        kinds = [event.type for event in stream]
    deltas = ["content_block_delta"] * 5
    start = ["message_start", "content_block_start"]
    assert kinds == [*start, *deltas, "content_block_stop", "message_delta", "message_stop"]
    assert emulator.records[0].frames == len(kinds) + 1  # the ping, which the SDK drops


def test_the_async_client_works_too(emulator: Emulator) -> None:
    async def run() -> tuple[str, str]:
        async with anthropic.AsyncAnthropic(
            base_url=emulator.direct.base_url, api_key=emulator.api_key
        ) as client:
            message = await client.messages.create(
                model=MODEL, max_tokens=99, messages=say("[[say:hello there]]")
            )
            async with client.messages.stream(
                model=MODEL, max_tokens=99, messages=say("[[say:hello there]]")
            ) as stream:
                streamed = await stream.get_final_text()
        assert message.content[0].type == "text"
        return message.content[0].text, streamed

    assert asyncio.run(run()) == ("hello there", "hello there")


def test_it_runs_in_the_callers_loop() -> None:
    async def run() -> int:
        async with (
            Emulator() as emulator,
            anthropic.AsyncAnthropic(
                base_url=emulator.direct.base_url, api_key=emulator.api_key
            ) as client,
        ):
            count = await client.messages.count_tokens(model=MODEL, messages=say("hello"))
        return count.input_tokens

    assert asyncio.run(run()) > 0


def test_tool_use_streams_its_input_as_json(client: anthropic.Anthropic) -> None:
    whole = ask(client, "[[tool]]", tools=[TOOL])
    assert whole.stop_reason == "tool_use"
    assert whole.content[0].type == "tool_use"
    assert whole.content[0].input == {"city": "Hamburg", "days": 3, "notes": ["example"]}
    with client.messages.stream(
        model=MODEL, max_tokens=400, messages=say("[[tool]]"), tools=[TOOL]
    ) as stream:
        pieces = [e.partial_json for e in stream if e.type == "input_json"]
        final = stream.get_final_message()
    assert len(pieces) > 2
    assert final.content[0].type == "tool_use"
    assert final.content[0].input == whole.content[0].input


@pytest.mark.parametrize("choice", [{"type": "any"}, {"type": "tool", "name": "weather"}])
def test_tool_choice_forces_a_call(client: anthropic.Anthropic, choice: Any) -> None:
    assert ask(client, "hi", tools=[TOOL], tool_choice=choice).stop_reason == "tool_use"


def test_tool_choice_none_forbids_a_call(client: anthropic.Anthropic) -> None:
    message = ask(client, "[[tool]]", tools=[TOOL], tool_choice={"type": "none"})
    assert message.stop_reason == "end_turn"


def test_a_tool_conversation_goes_on(client: anthropic.Anthropic) -> None:
    first = ask(client, "[[tool]]", tools=[TOOL])
    call = first.content[0]
    assert call.type == "tool_use"
    result = {"type": "tool_result", "tool_use_id": call.id, "content": "rain"}
    history: Any = [
        *say("[[tool]]"),
        {"role": "assistant", "content": first.content},
        {"role": "user", "content": [result]},
    ]
    second = ask(client, "", tools=[TOOL], messages=history)
    assert second.stop_reason == "end_turn"
    with pytest.raises(anthropic.BadRequestError, match="without `tool_result` blocks"):
        ask(client, "", tools=[TOOL], messages=[*history[:2], *say("well?")])


def test_thinking_comes_signed_and_its_signature_is_checked(client: anthropic.Anthropic) -> None:
    first = ask(client, "why?", thinking={"type": "adaptive"})
    thought = first.content[0]
    assert thought.type == "thinking"
    assert thought.thinking
    assert first.usage.output_tokens_details
    assert 0 < first.usage.output_tokens_details.thinking_tokens < first.usage.output_tokens
    history: Any = [
        *say("why?"),
        {"role": "assistant", "content": [b.model_dump() for b in first.content]},
        *say("and?"),
    ]
    assert ask(client, "", messages=history).stop_reason == "end_turn"
    history[1]["content"][0]["thinking"] += "!"
    with pytest.raises(anthropic.BadRequestError, match="Invalid `signature`"):
        ask(client, "", messages=history)


def test_streamed_thinking_is_the_same(client: anthropic.Anthropic) -> None:
    whole = ask(client, "why?", thinking={"type": "adaptive"})
    with client.messages.stream(
        model=MODEL, max_tokens=400, messages=say("why?"), thinking={"type": "adaptive"}
    ) as stream:
        final = stream.get_final_message()
    streamed = [block.model_dump(exclude={"parsed_output"}) for block in final.content]
    assert streamed == [block.model_dump() for block in whole.content]


def test_omitted_thinking_keeps_its_signature(client: anthropic.Anthropic) -> None:
    message = ask(client, "why?", thinking={"type": "adaptive", "display": "omitted"})
    assert message.content[0].type == "thinking"
    assert (message.content[0].thinking, bool(message.content[0].signature)) == ("", True)


def test_structured_output_fits_its_schema(client: anthropic.Anthropic) -> None:
    wanted = {"type": "json_schema", "schema": TOOL["input_schema"]}
    message = ask(client, "fill it in", output_config={"format": wanted})
    assert message.content[0].type == "text"
    assert message.content[0].text == '{"city":"Hamburg","days":3,"notes":["example"]}'


def test_max_tokens_cuts_the_answer(client: anthropic.Anthropic) -> None:
    message = ask(client, "[[words:200]]", max_tokens=5)
    assert message.stop_reason == "max_tokens"
    assert message.usage.output_tokens == 5


def test_a_stamped_answer_carries_its_own_id(client: anthropic.Anthropic) -> None:
    first, second = (ask(client, "[[stamp:mine]]") for _ in range(2))
    for message in (first, second):
        block = message.content[0]
        assert isinstance(block, TextBlock)
        words = block.text.split()
        assert words == [f"mine.{message.id}.{n}" for n in range(len(words))]
    assert first.id != second.id


def test_stop_sequences_stop(client: anthropic.Anthropic) -> None:
    message = ask(client, "[[say:one two three]]", stop_sequences=["three", "two"])
    assert (message.stop_reason, message.stop_sequence) == ("stop_sequence", "two")
    assert message.content[0].type == "text"
    assert message.content[0].text == "one "


def test_a_refusal_says_nothing_and_costs_no_output(client: anthropic.Anthropic) -> None:
    message = ask(client, "[[refusal]]")
    assert message.stop_reason == "refusal"
    assert message.content == []
    assert message.usage.output_tokens == 0
    assert message.stop_details
    with client.messages.stream(model=MODEL, max_tokens=400, messages=say("[[refusal]]")) as stream:
        final = stream.get_final_message()
    assert final.stop_reason == "refusal"
    assert final.usage == message.usage


def test_a_refusal_may_come_in_the_middle(client: anthropic.Anthropic) -> None:
    message = ask(client, "[[refusal:mid]]")
    assert message.stop_reason == "refusal"
    assert message.content[0].type == "text"
    assert message.usage.output_tokens > 0


def test_tokens_are_counted_as_they_are_billed(client: anthropic.Anthropic) -> None:
    marked: Any = [{"type": "text", "text": "be kind", "cache_control": {"type": "ephemeral"}}]
    count = client.messages.count_tokens(
        model=MODEL, messages=say("hello"), tools=[TOOL], system=marked
    )
    message = ask(client, "hello", tools=[TOOL], system=marked)
    assert count.input_tokens == message.usage.input_tokens


def test_models_are_listed_in_pages(client: anthropic.Anthropic) -> None:
    page = client.models.list(limit=5)
    assert len(page.data) == 5
    ids = [model.id for model in page]  # follows the pages
    assert len(ids) == len(set(ids)) > 15
    assert client.models.retrieve("claude-haiku-4-5").id == "claude-haiku-4-5-20251001"
    assert client.models.retrieve(MODEL).max_tokens == 128_000


def answered(texts: tuple[str, ...], **settings: Any) -> list[Any]:
    """Return what an emulator of its own answers."""
    with (
        Emulator(**settings) as emulator,
        anthropic.Anthropic(base_url=emulator.direct.base_url, api_key=emulator.api_key) as client,
    ):
        return [ask(client, text) for text in texts]


def test_the_same_input_gets_the_same_answer_anywhere() -> None:
    answers = [answered(("one", "one", "two"), ids_from="a text") for _ in range(2)]
    assert answers[0] == answers[1]
    assert answers[0][0].content == answers[0][1].content != answers[0][2].content
    assert answers[0][0].id != answers[0][1].id


def test_no_id_comes_again_in_another_emulator() -> None:
    made = [each for _ in range(2) for each in answered(("one", "one"))]
    ids = {each.id for each in made} | {each._request_id for each in made}
    assert len(ids) == 2 * len(made)


def test_both_credentials_are_taken_and_wrong_ones_refused(emulator: Emulator) -> None:
    url = emulator.direct.base_url
    with anthropic.Anthropic(base_url=url, api_key="wrong", max_retries=0) as client:
        with pytest.raises(anthropic.AuthenticationError) as caught:
            ask(client, "hello")
        assert caught.value.type == "authentication_error"
        assert caught.value.request_id
        assert caught.value.body == {
            "type": "error",
            "error": {"type": "authentication_error", "message": "Invalid bearer token"},
            "request_id": caught.value.request_id,
        }
        good = ask(client, "hello", extra_headers={"x-api-key": emulator.api_key})
        assert good.stop_reason == "end_turn"
        with pytest.raises(anthropic.AuthenticationError, match="invalid x-api-key"):
            ask(client.with_options(api_key=emulator.api_key), "", extra_headers={"x-api-key": "x"})


def test_unknown_models_and_paths_are_not_found(client: anthropic.Anthropic) -> None:
    with pytest.raises(anthropic.NotFoundError, match="model: claude-none"):
        ask(client, "hello", model="claude-none")
    with pytest.raises(anthropic.NotFoundError):
        client.get("/v1/nothing", cast_to=object)


def test_hello_needs_no_credential(emulator: Emulator) -> None:
    with anthropic.Anthropic(base_url=emulator.direct.base_url, api_key="none") as client:
        http = client._client
        assert http.head("/api/hello").status_code == 200


def test_bare_messages_need_a_version(emulator: Emulator, client: anthropic.Anthropic) -> None:
    url = emulator.direct.base_url + "/v1/messages?beta=true"
    body = {"model": "claude-opus-4-6", "max_tokens": 9, "messages": say("x"), "temperature": 0.5}
    key = {"x-api-key": emulator.api_key}

    def post(version: str | None) -> tuple[int, str]:
        headers = key | ({"anthropic-version": version} if version else {})
        answer = client._client.post(url, json=body, headers=headers)
        return answer.status_code, str(answer.json().get("error", {}).get("message", ""))

    assert post("2023-06-01") == (200, "")
    assert post("2026-10-21") == (400, "temperature: Extra inputs are not permitted")
    assert post(None) == (400, "anthropic-version: header is required")
    assert post("2020-01-01")[0] == 400
    body["model"] = MODEL
    assert post("2023-06-01") == (400, "`temperature` is deprecated for this model.")


def test_messages_carry_the_organizations_limits(client: anthropic.Anthropic, clock: Any) -> None:
    clock.now_s = 61.0
    messages: Any = say("hello")
    raw = client.messages.with_raw_response.create(model=MODEL, max_tokens=9, messages=messages)
    assert raw.headers["anthropic-ratelimit-requests-limit"] == "4000"
    assert raw.headers["anthropic-ratelimit-output-tokens-reset"] == "1970-01-01T00:02:00Z"
    assert raw.headers["anthropic-organization-id"]


def test_serve_runs_until_it_is_terminated() -> None:
    code = (
        "from gateway.emulator import serve\n"
        "serve(port=0, ready=lambda e: print(e.direct.base_url, flush=True))"
    )
    with subprocess.Popen(  # noqa: S603 - our own interpreter and our own words
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout
            url = process.stdout.readline().strip()
            with anthropic.Anthropic(base_url=url, api_key=API_KEY, max_retries=0) as client:
                assert ask(client, "hello").stop_reason == "end_turn"
        finally:
            process.terminate()
        assert process.wait(30) == 0


def test_a_taken_port_is_an_error(emulator: Emulator) -> None:
    port = int(emulator.direct.base_url.rpartition(":")[2])
    with (
        pytest.raises(OSError, match="address already in use"),
        Emulator(ports={"anthropic": port}),
    ):
        pass


def test_the_emulator_comes_without_the_server_and_without_the_sdk() -> None:
    code = (
        "import sys, gateway.emulator\n"
        "print([m for m in ('uvicorn', 'starlette', 'anthropic', 'pydantic', 'botocore') "
        "if m in sys.modules])"
    )
    done = subprocess.run(  # noqa: S603 - our own interpreter and our own words
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_a_geography_is_taken_by_the_models_that_have_one(client: anthropic.Anthropic) -> None:
    assert ask(client, "hi", inference_geo="us").usage.inference_geo == "us"
    old = "claude-haiku-4-5"
    assert ask(client, "hi", model=old).usage.inference_geo == "not_available"
    with pytest.raises(anthropic.BadRequestError, match="inference_geo: not supported"):
        ask(client, "hi", model=old, inference_geo="us")
    with pytest.raises(anthropic.BadRequestError, match="inference_geo: Input should be"):
        ask(client, "hi", inference_geo="eu")


def test_the_answer_names_the_workspace_that_was_chosen(client: anthropic.Anthropic) -> None:
    def headers(**more: Any) -> Any:
        options: Any = {"model": MODEL, "max_tokens": 9, "messages": say("hi")} | more
        return client.messages.with_raw_response.create(**options).headers

    assert headers(workspace_id="wrkspc_1")["anthropic-workspace-id"] == "wrkspc_1"
    assert "anthropic-workspace-id" not in headers()
    with pytest.raises(anthropic.BadRequestError, match="there is no workspace"):
        headers(workspace_id="ours")


def test_an_answer_can_say_that_it_came_from_elsewhere(client: anthropic.Anthropic) -> None:
    message = ask(client, "hi [[geo:eu]] [[model:claude-opus-5]]", inference_geo="us")
    assert (message.usage.inference_geo, message.model) == ("eu", "claude-opus-5")
