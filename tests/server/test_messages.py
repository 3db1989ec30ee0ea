from __future__ import annotations

import asyncio
import json

import anthropic
import pytest

from gateway.emulator import Emulator
from tests.server.serving import BODY, HEADERS, Running

HELLO: list[anthropic.types.MessageParam] = [{"role": "user", "content": "hello"}]
MODEL = "claude-opus-5-5"


@pytest.fixture
def sdk(gateway: Running) -> anthropic.Anthropic:
    return anthropic.Anthropic(base_url=gateway.url, api_key="any", max_retries=0)


def test_a_message_is_the_upstreams_byte_for_byte(gateway: Running, emulator: Emulator) -> None:
    reply = gateway.call(BODY)
    assert reply.status == 200
    assert reply.json["content"][0]["text"].startswith("You said: hello.")
    assert reply.headers["x-gateway-upstream"] == "direct"
    assert emulator.records[-1].body == json.dumps(BODY).encode()


def test_the_sdk_creates_and_streams(sdk: anthropic.Anthropic) -> None:
    whole = sdk.messages.create(model=MODEL, max_tokens=64, messages=HELLO)
    with sdk.messages.stream(model=MODEL, max_tokens=64, messages=HELLO) as stream:
        text = "".join(stream.text_stream)
        final = stream.get_final_message()
    assert whole.content[0].type == "text"
    assert text == whole.content[0].text
    assert final.usage.output_tokens == whole.usage.output_tokens
    assert final.stop_reason == "end_turn"


def test_the_async_sdk_creates_and_streams(gateway: Running) -> None:
    async def ask() -> tuple[str, str]:
        async with anthropic.AsyncAnthropic(base_url=gateway.url, api_key="any") as sdk:
            whole = await sdk.messages.create(model=MODEL, max_tokens=64, messages=HELLO)
            async with sdk.messages.stream(model=MODEL, max_tokens=64, messages=HELLO) as stream:
                text = "".join([part async for part in stream.text_stream])
            assert whole.content[0].type == "text"
            return whole.content[0].text, text

    whole, streamed = asyncio.run(ask())
    assert whole == streamed


def test_beta_is_asked_with_a_query(sdk: anthropic.Anthropic) -> None:
    hello: list[anthropic.types.beta.BetaMessageParam] = [{"role": "user", "content": "hello"}]
    answer = sdk.beta.messages.create(model=MODEL, max_tokens=64, messages=hello)
    assert answer.stop_reason == "end_turn"


def test_events_arrive_as_they_are_written(sdk: anthropic.Anthropic, emulator: Emulator) -> None:
    # The upstream falls silent after some events: what it has written is here nevertheless.
    emulator.faults.add("stall", at=5)
    events = []
    with sdk.messages.create(model=MODEL, max_tokens=64, messages=HELLO, stream=True) as stream:
        for event in stream:
            events.append(event.type)
            if events.count("content_block_delta") == 2:
                break
    assert events[0] == "message_start"


def test_tokens_are_counted(sdk: anthropic.Anthropic, emulator: Emulator) -> None:
    counted = sdk.messages.count_tokens(model=MODEL, messages=HELLO)
    assert counted.input_tokens == 8
    assert emulator.records[-1].path == "/v1/messages/count_tokens"


def test_what_speaks_to_the_gateway_stays_here(gateway: Running, emulator: Emulator) -> None:
    labels = {
        "x-gateway-tag-team": "x",
        "x-gateway-only": "direct",
        "cookie": "a=b",
        "x-api-key": "mine",
        "x-forwarded-for": "10.1.2.3",
        "x-app": "cli",
    }
    assert gateway.call(BODY, HEADERS | labels).status == 200
    record = emulator.records[-1]
    names = {name.lower() for name, _ in record.headers}
    assert not [name for name in names if name.startswith("x-gateway-")]
    assert not names & {"cookie", "x-forwarded-for"}
    assert record.header("x-app") == "cli"
    assert "mine" not in str(record.headers)


def test_an_unknown_upstream_is_named(gateway: Running, emulator: Emulator) -> None:
    reply = gateway.call(BODY, HEADERS | {"x-gateway-only": "direkt"})
    status, kind, message = reply.error
    assert (status, kind) == (400, "invalid_request_error")
    assert "Did you mean direct?" in message
    assert len(emulator.records) == 0


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, anthropic.BadRequestError),
        (429, anthropic.RateLimitError),
        (529, anthropic.OverloadedError),
        (500, anthropic.InternalServerError),
    ],
)
def test_upstream_errors_are_typed(
    sdk: anthropic.Anthropic,
    emulator: Emulator,
    status: int,
    expected: type[anthropic.APIStatusError],
) -> None:
    emulator.faults.add("status", status=status, times=-1)
    with pytest.raises(expected) as caught:
        sdk.messages.create(model=MODEL, max_tokens=64, messages=HELLO)
    assert caught.value.status_code == status
    assert caught.value.request_id


def test_a_failure_before_content_is_retried_for_the_caller(
    sdk: anthropic.Anthropic, emulator: Emulator
) -> None:
    emulator.faults.add("status", status=529)
    answer = sdk.messages.with_raw_response.create(model=MODEL, max_tokens=64, messages=HELLO)
    assert answer.headers["x-gateway-attempts"] == "2"


def test_a_cut_after_content_ends_in_an_error_event(gateway: Running, emulator: Emulator) -> None:
    emulator.faults.add("cut", at=5)
    reply = gateway.call({**BODY, "stream": True})
    assert reply.status == 200
    assert reply.body.endswith(b"\n\n")
    last = reply.body.rstrip().split(b"\n\n")[-1]
    assert last.startswith(b"event: error\ndata: ")
    error = json.loads(last.partition(b"data: ")[2])
    assert error["error"]["type"] == "api_error"
    assert error["request_id"] == reply.headers["request-id"]
    assert b"message_stop" not in reply.body


def test_an_unknown_model_is_a_404(gateway: Running) -> None:
    status, kind, message = gateway.call({**BODY, "model": "gpt-5"}).error
    assert (status, kind) == (404, "not_found_error")
    assert "gpt-5" in message
