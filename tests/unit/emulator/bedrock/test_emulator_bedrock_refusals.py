"""What the emulated Bedrock refuses, in its words."""

from __future__ import annotations

import json
from typing import Any

import anthropic
import httpx2
import pytest

from gateway.emulator import Emulator
from gateway.emulator.bedrock import Bedrock
from tests.unit.emulator.bedrock.clients import (
    ARN,
    MODEL,
    OLD,
    TOOL,
    ask,
    body,
    by_key,
    sdk,
)


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
    bedrock.door.region = "eu-central-1"
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


GOOD_METADATA = ['{"a":"b"}', json.dumps({"tidegate-attempt": "dec_ab.1", "x:y/z": ""})]
BAD_METADATA = [
    "a",
    "{}",
    '["a"]',
    '{"a":1}',
    '{"":"a"}',
    '{"a":"{}"}',
    json.dumps({str(n): "" for n in range(17)}),
    json.dumps({"a": "b" * 257}),
]


@pytest.mark.parametrize("metadata", [*GOOD_METADATA, *BAD_METADATA])
def test_metadata_is_a_few_pairs_of_plain_words(emulator: Emulator, metadata: str) -> None:
    own = {"x-amzn-bedrock-request-metadata": metadata}
    answer = by_key(emulator, f"/model/{MODEL}/invoke", json.dumps(body()).encode(), **own)
    assert answer.status_code == (200 if metadata in GOOD_METADATA else 400)
    assert ("requestMetadata" in answer.text) is (metadata in BAD_METADATA)
