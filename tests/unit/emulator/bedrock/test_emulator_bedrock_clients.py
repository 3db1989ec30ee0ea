"""The SDK's client and boto3 work against the emulated Bedrock."""

from __future__ import annotations

import json
from contextlib import closing
from typing import Any

import anthropic
import httpx2
import pytest
from anthropic.types import MessageParam

from gateway.emulator import Emulator
from gateway.emulator.bedrock import METRICS, Bedrock
from tests.unit.emulator.bedrock.clients import (
    APP,
    ARN,
    MODEL,
    OLD,
    TOOL,
    ask,
    aws_client,
    body,
    sdk,
)

# The anthropic client.


def test_the_sdk_gets_a_message_without_tier_or_geography(bedrock: Bedrock) -> None:
    with sdk(bedrock) as client:
        message = ask(client, "Say where you are. [[say:Frankfurt]]")
    assert message.content[0].text == "Frankfurt"
    assert message.model == "claude-opus-5-5"
    assert message.id.startswith("msg_bdrk_")
    assert message.usage.output_tokens > 0
    assert message.usage.inference_geo is None
    assert message.usage.service_tier is None


def test_the_sdk_streams_and_gets_the_same_words(bedrock: Bedrock) -> None:
    with sdk(bedrock) as client:
        whole = ask(client, "[[words:50]]")
        options: dict[str, Any] = {"model": MODEL, "max_tokens": 500}
        words: list[MessageParam] = [{"role": "user", "content": "[[words:50]]"}]
        with client.messages.stream(messages=words, **options) as stream:
            text = "".join(stream.text_stream)
            final = stream.get_final_message()
    assert text == whole.content[0].text
    assert final.stop_reason == "end_turn"
    assert final.usage.output_tokens == whole.usage.output_tokens
    assert final.usage.input_tokens == whole.usage.input_tokens


def test_the_sdk_gets_a_tool_call_whole_and_streamed(bedrock: Bedrock) -> None:
    with sdk(bedrock) as client:
        choice = {"type": "tool", "name": "tide"}
        whole = ask(client, tools=[TOOL], tool_choice=choice)
        events = list(ask(client, tools=[TOOL], tool_choice=choice, stream=True))
    assert whole.stop_reason == "tool_use"
    assert set(whole.content[0].input) == {"harbour", "hour"}
    parts = [e.delta.partial_json for e in events if e.type == "content_block_delta"]
    assert json.loads("".join(parts)) == whole.content[0].input


def test_the_sdk_is_let_in_with_a_session_and_with_an_api_key(emulator: Emulator) -> None:
    identity = emulator.bedrock.door.session_identity
    session = {
        "aws_access_key": identity.access_key,
        "aws_secret_key": identity.secret_key,
        "aws_session_token": identity.session_token,
    }
    with sdk(emulator.bedrock, **session) as client:
        assert ask(client).stop_reason == "end_turn"
    key: dict[str, Any] = {
        "api_key": emulator.api_key,
        "aws_access_key": None,
        "aws_secret_key": None,
    }
    with sdk(emulator.bedrock, **key) as client:
        assert ask(client).stop_reason == "end_turn"
    with (
        sdk(emulator.bedrock, **(key | {"api_key": "wrong"})) as client,
        pytest.raises(anthropic.PermissionDeniedError, match="API Key is valid"),
    ):
        ask(client)


def test_a_wrong_secret_is_refused(bedrock: Bedrock) -> None:
    with (
        sdk(bedrock, aws_secret_key="wrong") as client,
        pytest.raises(anthropic.PermissionDeniedError, match="does not match") as caught,
    ):
        ask(client)
    assert caught.value.response.headers["x-amzn-errortype"] == "InvalidSignatureException"
    assert caught.value.response.headers["x-amzn-requestid"]


def test_a_header_or_body_changed_on_the_way_is_refused(bedrock: Bedrock) -> None:
    def header(request: httpx2.Request) -> None:
        request.headers["x-stainless-lang"] = "cobol"

    def body_byte(request: httpx2.Request) -> None:
        changed = request.content.replace(b"Hello", b"Jello")
        request.stream = httpx2.ByteStream(changed)

    for tamper in (header, body_byte):
        with httpx2.Client(event_hooks={"request": [tamper]}) as http:
            client = sdk(bedrock, http_client=http)
            with pytest.raises(anthropic.PermissionDeniedError, match="does not match"):
                ask(client)


# boto3.


def test_boto3_invokes(aws: Any, emulator: Emulator) -> None:
    answer = aws.invoke_model(
        modelId=MODEL, body=json.dumps(body("[[say:Oslo]]")), serviceTier="priority"
    )
    message = json.loads(answer["body"].read())
    assert message["content"] == [{"type": "text", "text": "Oslo"}]
    assert answer["contentType"] == "application/json"
    assert answer["serviceTier"] == "priority"
    assert emulator.records[-1].path == "/model/eu.anthropic.claude-opus-5-5/invoke"
    headers = answer["ResponseMetadata"]["HTTPHeaders"]
    assert headers["x-amzn-bedrock-input-token-count"] == str(message["usage"]["input_tokens"])


def test_boto3_streams_and_the_last_chunk_has_the_metrics(aws: Any, emulator: Emulator) -> None:
    answer = aws.invoke_model_with_response_stream(modelId=MODEL, body=json.dumps(body()))
    assert answer["contentType"] == "application/json"
    events = [json.loads(event["chunk"]["bytes"]) for event in answer["body"]]
    assert [events[0]["type"], events[-1]["type"]] == ["message_start", "message_stop"]
    assert all(METRICS not in event for event in events[:-1])
    delta = events[-2]["usage"]
    assert events[-1][METRICS]["inputTokenCount"] == delta["input_tokens"]
    assert events[-1][METRICS]["outputTokenCount"] == delta["output_tokens"]


def test_boto3_with_a_session_and_another_profile(emulator: Emulator) -> None:
    old = body(anthropic_version="bedrock-2023-05-31", temperature=0.5)
    with closing(aws_client(emulator.bedrock, region="us-east-1", session=True)) as client:
        answer = client.invoke_model(modelId=OLD, body=json.dumps(old))
    assert json.loads(answer["body"].read())["model"] == "claude-haiku-4-5-20251001"
    # boto3 writes the colon of the id encoded; the signature holds all the same.
    assert "v1%3A0" in emulator.records[-1].path


def test_boto3_takes_the_arns_of_profiles(aws: Any) -> None:
    for model in (f"{ARN}inference-profile/{MODEL}", f"{ARN}application-inference-profile/{APP}"):
        answer = aws.invoke_model(modelId=model, body=json.dumps(body()))
        assert json.loads(answer["body"].read())["model"] == "claude-opus-5-5"


def test_boto3_counts(aws: Any) -> None:
    inner = body("Count me, please", anthropic_version="bedrock-2023-05-31")
    wrapped = {"invokeModel": {"body": json.dumps(inner).encode()}}
    base = OLD.removeprefix("us.")
    counted = aws.count_tokens(modelId=base, input=wrapped)["inputTokens"]
    used = json.loads(
        aws.invoke_model(modelId=f"eu.{base}", body=json.dumps(inner))["body"].read()
    )["usage"]["input_tokens"]
    assert counted == used > 0
    for model, words in (
        ("anthropic.claude-opus-5-5", "doesn't support counting"),
        (MODEL, "identifier is invalid"),
    ):
        with pytest.raises(aws.exceptions.ValidationException, match=words):
            aws.count_tokens(modelId=model, input=wrapped)
