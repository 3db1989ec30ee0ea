from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import replace
from typing import Any

import anthropic
import boto3
import httpx2
import pytest
from anthropic import AnthropicBedrock
from anthropic.types import MessageParam
from botocore.config import Config
from botocore.exceptions import ClientError, EventStreamError

from gateway.emulator import Emulator
from gateway.emulator.bedrock import METRICS, Bedrock

MODEL = "eu.anthropic.claude-opus-5-5"
OLD = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
ARN = "arn:aws:bedrock:eu-central-1:123456789012:"
APP = "tidegate0eu1"
TOOL: dict[str, Any] = {
    "name": "tide",
    "input_schema": {
        "type": "object",
        "properties": {"harbour": {"type": "string"}, "hour": {"type": "integer"}},
        "required": ["harbour", "hour"],
    },
}
NO_RETRIES = Config(
    retries={"total_max_attempts": 1, "mode": "standard"}, parameter_validation=True
)


@pytest.fixture(scope="module")
def running() -> Iterator[Emulator]:
    with Emulator() as emulator:
        yield emulator


@pytest.fixture
def emulator(running: Emulator) -> Emulator:
    running.reset()
    running.bedrock.region = None
    return running


@pytest.fixture
def bedrock(emulator: Emulator) -> Bedrock:
    return emulator.bedrock


@pytest.fixture(scope="module")
def aws(running: Emulator) -> Iterator[Any]:
    with closing(aws_client(running.bedrock, region="eu-central-1")) as client:
        yield client


def aws_client(bedrock: Bedrock, *, region: str, session: bool = False) -> Any:
    identity = bedrock.session_identity if session else bedrock.identity
    return boto3.client(
        "bedrock-runtime",
        region_name=region,
        endpoint_url=bedrock.base_url,
        aws_access_key_id=identity.access_key,
        aws_secret_access_key=identity.secret_key,
        aws_session_token=identity.session_token,
        config=NO_RETRIES,
    )


def sdk(bedrock: Bedrock, **options: Any) -> AnthropicBedrock:
    identity = bedrock.identity
    defaults: dict[str, Any] = {
        "aws_region": "eu-central-1",
        "aws_access_key": identity.access_key,
        "aws_secret_key": identity.secret_key,
        "base_url": bedrock.base_url,
        "max_retries": 0,
    }
    return AnthropicBedrock(**(defaults | options))


def body(prompt: str = "Hello", **more: Any) -> dict[str, Any]:
    return {
        "anthropic_version": "2026-10-21",
        "max_tokens": 500,
        "messages": [{"role": "user", "content": prompt}],
        **more,
    }


def ask(client: AnthropicBedrock, prompt: str = "Hello", **more: Any) -> Any:
    options: dict[str, Any] = {"model": MODEL, "max_tokens": 500} | more
    messages: list[MessageParam] = [{"role": "user", "content": prompt}]
    return client.messages.create(messages=messages, **options)


def by_key(emulator: Emulator, path: str, sent: bytes, **headers: str) -> httpx2.Response:
    auth = {"authorization": f"Bearer {emulator.api_key}", **headers}
    return httpx2.post(emulator.bedrock.base_url + path, content=sent, headers=auth)


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
    identity = emulator.bedrock.session_identity
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


@pytest.mark.parametrize(
    ("region", "model", "error", "words"),
    [
        ("eu-central-1", "anthropic.claude-opus-5-5", "ValidationException", "isn't supported. Re"),
        ("eu-central-1", "us.anthropic.claude-opus-5-5", "ValidationException", "is invalid"),
        ("us-gov-west-1", "global.anthropic.claude-opus-5-5", "ValidationException", "is invalid"),
        ("eu-central-1", "eu.anthropic.claude-mythos-5", "ResourceNotFoundException", "resolve"),
        ("eu-central-1", "anthropic.claude-nine", "ResourceNotFoundException", "resolve"),
        (
            "us-east-1",
            f"{ARN}inference-profile/{MODEL}",
            "ValidationException",
            "is invalid",
        ),
        (
            "us-east-1",
            f"{ARN}inference-profile/global.anthropic.claude-opus-5-5",
            "ValidationException",
            "is invalid",
        ),
        (
            "eu-central-1",
            f"arn:aws:bedrock:eu-central-1:999999999999:inference-profile/{MODEL}",
            "AccessDeniedException",
            "access",
        ),
    ],
)
def test_models_that_cannot_be_invoked_there(
    bedrock: Bedrock, region: str, model: str, error: str, words: str
) -> None:
    with (
        sdk(bedrock, aws_region=region) as client,
        pytest.raises(anthropic.APIStatusError, match=words) as caught,
    ):
        ask(client, model=model)
    assert caught.value.response.headers["x-amzn-errortype"] == error


def test_a_base_id_runs_where_it_is_served_in_region(bedrock: Bedrock) -> None:
    with sdk(bedrock, aws_region="us-gov-west-1") as client:
        assert ask(client, model="anthropic.claude-opus-5-5").stop_reason == "end_turn"


def test_an_endpoint_pinned_to_a_region_refuses_other_scopes(bedrock: Bedrock) -> None:
    bedrock.region = "eu-central-1"
    with sdk(bedrock) as client:
        assert ask(client).stop_reason == "end_turn"
    with (
        sdk(bedrock, aws_region="eu-west-1") as client,
        pytest.raises(anthropic.PermissionDeniedError, match="valid region"),
    ):
        ask(client)


REFUSED = [
    ({"model": MODEL}, "model: Extra inputs are not permitted"),
    ({"stream": True}, "stream: Extra inputs are not permitted"),
    ({"inference_geo": "us"}, "inference_geo: Extra inputs are not permitted"),
    ({"service_tier": "auto"}, "service_tier: Extra inputs are not permitted"),
    ({"temperature": 0.1}, "temperature: Extra inputs are not permitted"),
    ({"anthropic_beta": ["files-api-2025-04-14"]}, "invalid beta flag"),
    ({"anthropic_beta": [{}]}, "invalid beta flag"),
    ({"anthropic_beta": "x"}, "anthropic_beta: Input should be a valid list"),
    ({"anthropic_version": None}, "anthropic_version: Field required"),
    ({"anthropic_version": "2023-06-01"}, "anthropic_version: Input should be 'bedrock-2023"),
    ({"max_tokens": 0}, "max_tokens: Input should be greater than or equal to 1"),
    ({"context_management": {"edits": []}}, "context_management: Extra inputs"),
    (
        {"tools": [TOOL | {"eager_input_streaming": True}]},
        "tools.0.eager_input_streaming: Extra inputs are not permitted",
    ),
    (
        {"tools": [{"type": "web_search_20250305", "name": "web_search"}]},
        "tools.0: Input tag 'web_search_20250305'",
    ),
    (
        {
            "system": [
                {
                    "type": "text",
                    "text": "x",
                    "cache_control": {"type": "ephemeral", "scope": "global"},
                }
            ]
        },
        "system.0.cache_control.ephemeral.scope: Extra inputs are not permitted",
    ),
    (
        {
            "anthropic_beta": ["context-management-2025-06-27"],
            "context_management": {"edits": [{"type": "clear_thinking_20251015"}]},
        },
        "context_management.edits.0: Input tag 'clear_thinking_20251015'",
    ),
]


@pytest.mark.parametrize(("more", "words"), REFUSED)
def test_what_bedrock_does_not_take(aws: Any, more: dict[str, Any], words: str) -> None:
    with pytest.raises(aws.exceptions.ValidationException) as caught:
        aws.invoke_model(modelId=MODEL, body=json.dumps(body(**more)))
    assert caught.value.response["Error"]["Message"].startswith(words)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_a_known_beta_unlocks_its_field(aws: Any) -> None:
    more: dict[str, Any] = {
        "anthropic_beta": ["context-management-2025-06-27"],
        "context_management": {"edits": [{"type": "clear_tool_uses_20250919"}]},
    }
    aws.invoke_model(modelId=MODEL, body=json.dumps(body(**more)))


def test_legacy_models_refuse_the_new_version(bedrock: Bedrock) -> None:
    with (
        sdk(bedrock, aws_region="us-east-1") as client,
        pytest.raises(anthropic.BadRequestError, match="anthropic_version"),
    ):
        ask(client, model=OLD)


def test_a_body_beyond_the_limit_is_refused(emulator: Emulator) -> None:
    path = f"/model/{MODEL}/invoke"
    room = 25_000_000 - len(json.dumps(body("")))
    fits, over = (
        by_key(emulator, path, json.dumps(body("x" * size)).encode()) for size in (room, room + 1)
    )
    assert "prompt is too long" in fits.json()["message"]
    assert over.status_code == 400
    assert "less than or equal to 25000000" in over.json()["message"]


def test_what_is_no_invocation_at_all(emulator: Emulator) -> None:
    unknown = by_key(emulator, f"/model/{MODEL}/converse", b"{}")
    assert (unknown.status_code, unknown.headers["x-amzn-errortype"]) == (
        404,
        "UnknownOperationException",
    )
    assert by_key(emulator, f"/model/{MODEL}/invoke", b"[").status_code == 400
    assert by_key(emulator, f"/model/{MODEL}/invoke", b"[]").status_code == 400
    tier = {"x-amzn-bedrock-service-tier": "gold"}
    sent = json.dumps(body()).encode()
    assert "serviceTier" in by_key(emulator, f"/model/{MODEL}/invoke", sent, **tier).text
    for wrong in (b"{}", b'{"input":{"invokeModel":{"body":"*"}}}', b'{"input":[]}'):
        refused = by_key(emulator, f"/model/{OLD.removeprefix('us.')}/count-tokens", wrong)
        assert refused.status_code == 400
        assert "invokeModel" in refused.json()["message"]
    bare = httpx2.post(f"{emulator.bedrock.base_url}/model/{MODEL}/invoke", content=sent)
    assert bare.headers["x-amzn-errortype"] == "MissingAuthenticationTokenException"


def test_the_clock_is_the_emulators() -> None:
    with (
        Emulator(clock_s=lambda: 1_700_000_000.0) as emulator,
        sdk(emulator.bedrock) as client,
        pytest.raises(anthropic.PermissionDeniedError, match="Signature not yet current"),
    ):
        ask(client)


def test_a_session_can_expire(emulator: Emulator) -> None:
    bedrock = emulator.bedrock
    identity = bedrock.session_identity
    bedrock.identities[identity.access_key] = replace(identity, expires_at_s=1.0)
    try:
        with (
            closing(aws_client(bedrock, region="eu-central-1", session=True)) as client,
            pytest.raises(ClientError, match="expired") as caught,
        ):
            client.invoke_model(modelId=MODEL, body=json.dumps(body()))
    finally:
        bedrock.identities[identity.access_key] = identity
    assert caught.value.response["Error"]["Code"] == "ExpiredTokenException"


def test_the_prompt_cache_shows_in_the_metrics(aws: Any) -> None:
    system = [{"type": "text", "text": "tide " * 2000, "cache_control": {"type": "ephemeral"}}]
    sent = json.dumps(body(system=system))
    first, second = (
        [
            json.loads(event["chunk"]["bytes"])
            for event in aws.invoke_model_with_response_stream(modelId=MODEL, body=sent)["body"]
        ][-1][METRICS]
        for _ in range(2)
    )
    assert first["cacheWriteInputTokenCount"] == second["cacheReadInputTokenCount"] > 2000
    assert first["cacheReadInputTokenCount"] == second["cacheWriteInputTokenCount"] == 0


# Faults.


@pytest.mark.parametrize(
    ("script", "name", "status"),
    [
        ({"status": 429}, "ThrottlingException", 429),
        ({"status": 503}, "ServiceUnavailableException", 503),
        ({"status": 529}, "ServiceUnavailableException", 529),
        ({"status": 408}, "ModelTimeoutException", 408),
        ({"status": 424}, "ModelErrorException", 424),
        ({"status": 429, "type": "ModelNotReadyException"}, "ModelNotReadyException", 429),
        ({"type": "ServiceQuotaExceededException"}, "ServiceQuotaExceededException", 400),
        ({"type": "InternalServerException"}, "InternalServerException", 500),
    ],
)
def test_boto3_raises_its_own_class_for_a_scripted_status(
    aws: Any, emulator: Emulator, script: dict[str, Any], name: str, status: int
) -> None:
    emulator.faults.add({"action": "status", **script})
    with pytest.raises(getattr(aws.exceptions, name)) as caught:
        aws.invoke_model(modelId=MODEL, body=json.dumps(body()))
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == status


@pytest.mark.parametrize(
    ("script", "name"),
    [
        ({"status": 429}, "throttlingException"),
        ({"status": 424}, "modelStreamErrorException"),
        ({"status": 500}, "internalServerException"),
        ({"status": 529}, "serviceUnavailableException"),
        ({"status": 408}, "modelTimeoutException"),
        ({"type": "rate_limit_error"}, "throttlingException"),
        ({"type": "ValidationException"}, "validationException"),
    ],
)
def test_an_exception_frame_ends_the_stream(
    aws: Any, emulator: Emulator, script: dict[str, Any], name: str
) -> None:
    emulator.faults.add({"action": "error_event", "at": 3, **script})
    answer = aws.invoke_model_with_response_stream(modelId=MODEL, body=json.dumps(body()))
    seen = []
    with closing(answer["body"]) as stream, pytest.raises(EventStreamError) as caught:
        seen.extend(stream)
    assert len(seen) == 3
    assert caught.value.response["Error"]["Code"] == name


def test_a_cut_inside_a_frame_leaves_half_a_frame(emulator: Emulator) -> None:
    path = f"/model/{MODEL}/invoke-with-response-stream"
    sent = json.dumps(body()).encode()
    emulator.faults.add("cut", at=2, extra_bytes=20, platform="bedrock", model=MODEL)
    got = received(emulator, path, sent)
    lengths = [int.from_bytes(got[:4])]
    lengths.append(int.from_bytes(got[lengths[0] : lengths[0] + 4]))
    assert len(got) == sum(lengths) + 20
    assert emulator.records[-1].outcome == "cut"


def received(emulator: Emulator, path: str, sent: bytes) -> bytes:
    """Return what came before the connection broke."""
    got = b""
    auth = {"authorization": f"Bearer {emulator.api_key}"}
    url = emulator.bedrock.base_url + path
    with httpx2.stream("POST", url, content=sent, headers=auth) as response:
        chunks = response.iter_raw()
        with suppress(httpx2.RemoteProtocolError):
            for chunk in chunks:
                got += chunk
    return got


def test_the_same_request_is_the_same_frames_but_for_its_id(emulator: Emulator) -> None:
    path = f"/model/{MODEL}/invoke-with-response-stream"
    sent = json.dumps(body()).encode()
    first, second = (frames(by_key(emulator, path, sent).content) for _ in range(2))
    assert first[1:] == second[1:]
    assert first[0] != second[0]


def frames(data: bytes) -> list[bytes]:
    found = []
    while data:
        size = int.from_bytes(data[:4])
        found.append(base64.b64encode(data[:size]))
        data = data[size:]
    return found
