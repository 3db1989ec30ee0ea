"""Claude Platform on AWS, emulated, as the SDK's own client finds it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import anthropic
import httpx2
import pytest

from gateway.emulator import Emulator
from tests.server.serving import BODY

WORKSPACE = "wrkspc_011CZkZaBF1tNoB5"


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        yield running


def sdk(emulator: Emulator, **options: Any) -> anthropic.AnthropicAWS:
    identity = emulator.aws.door.identity
    usual: dict[str, Any] = {
        "aws_region": "eu-central-1",
        "aws_access_key": identity.access_key,
        "aws_secret_key": identity.secret_key,
        "workspace_id": WORKSPACE,
        "base_url": emulator.aws.base_url,
        "max_retries": 0,
    }
    return anthropic.AnthropicAWS(**(usual | options))


def test_the_sdks_client_is_answered(emulator: Emulator) -> None:
    with sdk(emulator) as client:
        answer = client.messages.with_raw_response.create(**BODY)
        count = client.messages.count_tokens(model=BODY["model"], messages=BODY["messages"])
        with client.messages.stream(**BODY) as stream:
            text = stream.get_final_text()
    assert answer.headers["anthropic-workspace-id"] == WORKSPACE
    message = answer.parse()
    assert message.usage.input_tokens == count.input_tokens
    assert text
    assert emulator.records[-1].platform == "aws"


def test_an_api_key_is_a_bearer_token(emulator: Emulator) -> None:
    url = f"{emulator.aws.base_url}/v1/messages"
    headers = {"anthropic-version": "2026-10-21", "anthropic-workspace-id": WORKSPACE}
    bearer = {"authorization": f"Bearer {emulator.api_key}"}
    assert httpx2.post(url, json=BODY, headers=headers | bearer).status_code == 200


@pytest.mark.parametrize(
    "options",
    [
        {"aws_secret_key": "another"},
        {"aws_access_key": None, "aws_secret_key": None, "api_key": "another"},
    ],
)
def test_who_is_not_known_is_refused(emulator: Emulator, options: dict[str, Any]) -> None:
    with sdk(emulator, **options) as client, pytest.raises(anthropic.PermissionDeniedError):
        client.messages.create(**BODY)


def test_a_signature_for_another_service_is_refused(emulator: Emulator) -> None:
    identity = emulator.aws.door.identity
    client = anthropic.AnthropicBedrock(
        aws_region="eu-central-1",
        aws_access_key=identity.access_key,
        aws_secret_key=identity.secret_key,
        base_url=emulator.aws.base_url,
        max_retries=0,
    )
    with client, pytest.raises(anthropic.PermissionDeniedError, match="aws-external-anthropic"):
        client.messages.create(**BODY)


def test_a_request_without_a_workspace_is_refused(emulator: Emulator) -> None:
    with (
        sdk(emulator, workspace_id="") as client,
        pytest.raises(anthropic.BadRequestError, match="anthropic-workspace-id"),
    ):
        client.messages.create(**BODY)


@pytest.mark.parametrize("more", [{"speed": "fast"}, {"diagnostics": {"cache": True}}])
def test_what_only_the_claude_api_has_is_refused(emulator: Emulator, more: dict[str, Any]) -> None:
    with sdk(emulator) as client, pytest.raises(anthropic.BadRequestError):
        client.messages.create(**BODY, extra_body=more)
