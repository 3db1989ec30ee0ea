"""Clocks, the prompt cache, and what goes wrong on request."""

from __future__ import annotations

import base64
import json
from contextlib import closing, suppress
from dataclasses import replace
from typing import Any

import anthropic
import httpx2
import pytest
from botocore.exceptions import ClientError, EventStreamError

from gateway.emulator import Emulator
from gateway.emulator.bedrock import METRICS
from tests.unit.emulator.bedrock.clients import (
    MODEL,
    ask,
    aws_client,
    body,
    by_key,
    sdk,
)


def test_the_clock_is_the_emulators() -> None:
    with (
        Emulator(clock_s=lambda: 1_700_000_000.0) as emulator,
        sdk(emulator.bedrock) as client,
        pytest.raises(anthropic.PermissionDeniedError, match="Signature not yet current"),
    ):
        ask(client)


def test_a_session_can_expire(emulator: Emulator) -> None:
    bedrock = emulator.bedrock
    identity = bedrock.door.session_identity
    bedrock.door.identities[identity.access_key] = replace(identity, expires_at_s=1.0)
    try:
        with (
            closing(aws_client(bedrock, region="eu-central-1", session=True)) as client,
            pytest.raises(ClientError, match="expired") as caught,
        ):
            client.invoke_model(modelId=MODEL, body=json.dumps(body()))
    finally:
        bedrock.door.identities[identity.access_key] = identity
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
