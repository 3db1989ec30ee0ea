"""The emulated Foundry, held against the SDK's unmodified client and azure-identity."""

from __future__ import annotations

import time
from typing import Any

import anthropic
import httpx2
import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import ClientSecretCredential

from gateway.credentials.entra_transport import EntraTransport
from gateway.credentials.token_fetch import TokenFetch
from gateway.emulator import Emulator
from gateway.emulator.entra import SCOPE
from tests.server.serving import BODY
from tests.unit.credentials.loopback_token_server import WAIT_S


def sdk(emulator: Emulator, **options: Any) -> anthropic.AnthropicFoundry:
    usual: dict[str, Any] = {
        "base_url": f"{emulator.foundry.base_url}/anthropic",
        "api_key": emulator.api_key,
        "max_retries": 0,
    }
    return anthropic.AnthropicFoundry(**(usual | options))


def entra(emulator: Emulator, secret: str) -> str:
    """Return a token that azure-identity itself fetches."""
    own = emulator.foundry.application
    host = emulator.foundry.base_url.removeprefix("http://")
    known = frozenset({host})
    fetch = TokenFetch(time.monotonic() + WAIT_S, further=known, known=frozenset())
    credential = ClientSecretCredential(
        own.tenant_id,
        own.client_id,
        secret,
        authority=f"https://{host}",
        disable_instance_discovery=True,
        transport=EntraTransport(fetch, known),
        retry_total=0,
    )
    return credential.get_token(SCOPE).token


def test_a_key_is_good_in_either_header(emulator: Emulator) -> None:
    url = f"{emulator.foundry.base_url}/anthropic/v1/messages"
    for name in ("x-api-key", "api-key"):
        headers = {"anthropic-version": "2026-10-21", name: emulator.api_key}
        assert httpx2.post(url, json=BODY, headers=headers).status_code == 200
        headers[name] = "another"
        assert httpx2.post(url, json=BODY, headers=headers).status_code == 401


def test_the_sdks_client_streams_and_counts(emulator: Emulator) -> None:
    with sdk(emulator) as client:
        message = client.messages.create(**BODY)
        with client.messages.stream(**BODY) as stream:
            assert stream.get_final_message().usage == message.usage
        count = client.messages.count_tokens(model=BODY["model"], messages=BODY["messages"])
    assert count.input_tokens == message.usage.input_tokens


def test_entra_gives_a_token_that_is_let_in(emulator: Emulator) -> None:
    token = entra(emulator, emulator.foundry.application.client_secret)
    with sdk(emulator, api_key=None, azure_ad_token_provider=lambda: token) as client:
        assert client.messages.create(**BODY).model == BODY["model"]
    wrong = sdk(emulator, api_key=None, azure_ad_token_provider=lambda: f"{token}0")
    with wrong as client, pytest.raises(anthropic.AuthenticationError):
        client.messages.create(**BODY)
    with pytest.raises(ClientAuthenticationError, match="AADSTS7000215"):
        entra(emulator, "another")


def test_its_door_has_azures_envelope_and_no_rate_limits(emulator: Emulator) -> None:
    wrong = sdk(emulator, api_key="another")
    with wrong as client, pytest.raises(anthropic.AuthenticationError) as caught:
        client.messages.create(**BODY)
    assert caught.value.body == {
        "error": {
            "code": "401",
            "message": "Access denied due to invalid subscription key or wrong API endpoint.",
        }
    }
    with sdk(emulator) as client:
        raw = client.messages.with_raw_response.create(**BODY)
        with pytest.raises(anthropic.BadRequestError) as refused:
            client.messages.create(**BODY | {"max_tokens": 0})
    assert "apim-request-id" in raw.headers
    assert not [name for name in raw.headers if name.startswith("anthropic-ratelimit")]
    assert refused.value.type == "invalid_request_error"


@pytest.mark.parametrize("path", ["/anthropic/v1/models", "/anthropic/v1/messages/batches", "/x"])
def test_what_foundry_has_not_is_not_found(emulator: Emulator, path: str) -> None:
    headers = {"anthropic-version": "2026-10-21", "x-api-key": emulator.api_key}
    answer = httpx2.get(emulator.foundry.base_url + path, headers=headers)
    assert answer.status_code == 404
    assert "code" in answer.json()["error"]


@pytest.mark.parametrize("more", [{"speed": "fast"}, {"inference_geo": "us"}])
def test_what_only_the_claude_api_has_is_refused(emulator: Emulator, more: dict[str, Any]) -> None:
    with sdk(emulator) as client, pytest.raises(anthropic.BadRequestError):
        client.messages.create(**BODY, extra_body=more)
