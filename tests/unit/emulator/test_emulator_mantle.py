"""Bedrock's Messages API, emulated, as the SDK's own client finds it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import anthropic
import pytest

from gateway.emulator import Emulator
from tests.server.serving import BODY

MODEL = "anthropic.claude-opus-5-5"
ASKED = {**BODY, "model": MODEL}


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        yield running


def sdk(emulator: Emulator, **options: Any) -> anthropic.AnthropicBedrockMantle:
    identity = emulator.mantle.door.identity
    usual: dict[str, Any] = {
        "aws_region": "eu-central-1",
        "aws_access_key": identity.access_key,
        "aws_secret_key": identity.secret_key,
        "base_url": f"{emulator.mantle.base_url}/anthropic",
        "max_retries": 0,
    }
    return anthropic.AnthropicBedrockMantle(**(usual | options))


def test_the_sdks_client_is_answered(emulator: Emulator) -> None:
    with sdk(emulator) as client:
        message = client.messages.create(**ASKED, user_profile_id="profile_1")
        count = client.messages.count_tokens(model=MODEL, messages=BODY["messages"])
        with client.messages.stream(**ASKED) as stream:
            assert stream.get_final_text()
    assert message.usage.input_tokens == count.input_tokens
    assert message.model == BODY["model"]


def test_an_api_key_is_a_bearer_token(emulator: Emulator) -> None:
    keyed: dict[str, Any] = {"aws_access_key": None, "aws_secret_key": None}
    with sdk(emulator, **keyed, api_key=emulator.api_key) as client:
        assert client.messages.create(**ASKED).content


@pytest.mark.parametrize("more", [{"inference_geo": "us"}, {"speed": "fast"}, {"container": "c"}])
def test_what_bedrock_does_not_have_is_refused(emulator: Emulator, more: dict[str, Any]) -> None:
    with sdk(emulator) as client, pytest.raises(anthropic.BadRequestError):
        client.messages.create(**ASKED, extra_body=more)


@pytest.mark.parametrize("model", ["claude-opus-5-5", "eu.anthropic.claude-opus-5-5"])
def test_an_id_of_elsewhere_is_none_here(emulator: Emulator, model: str) -> None:
    with sdk(emulator) as client, pytest.raises(anthropic.NotFoundError):
        client.messages.create(**{**BODY, "model": model})


def test_a_signature_for_another_service_is_refused(emulator: Emulator) -> None:
    identity = emulator.mantle.door.identity
    client = anthropic.AnthropicAWS(
        aws_region="eu-central-1",
        aws_access_key=identity.access_key,
        aws_secret_key=identity.secret_key,
        workspace_id="wrkspc_1",
        base_url=f"{emulator.mantle.base_url}/anthropic",
        max_retries=0,
    )
    with client, pytest.raises(anthropic.PermissionDeniedError, match="bedrock-mantle"):
        client.messages.create(**ASKED)
