"""The SDK's clients, bare, in front of emulated platforms: no retries, no gateway."""

from __future__ import annotations

import ssl
from functools import cache
from typing import Any

import httpx2
from anthropic import Anthropic, AnthropicBedrock, AnthropicVertex
from google.auth.transport.requests import Request as _Request  # noqa: F401 - warns as it loads, so not in a thread
from google.oauth2 import service_account

from gateway.emulator import Emulator
from gateway.emulator.google_tokens import SCOPE

Client = Anthropic | AnthropicBedrock | AnthropicVertex
MODELS = {
    "anthropic": "claude-opus-5-5",
    "bedrock": "eu.anthropic.claude-opus-5-5",
    "vertex": "claude-opus-5-5",
    "google-tokens": "claude-opus-5-5",
}
TOOL = {
    "name": "tide",
    "input_schema": {
        "type": "object",
        "properties": {"harbour": {"type": "string"}, "hour": {"type": "integer"}},
        "required": ["harbour", "hour"],
    },
}


@cache
def _context() -> ssl.SSLContext:
    # Made once: reading the certificates takes longer than a case.
    return httpx2.create_ssl_context()


def client(emulator: Emulator, platform: str, timeout_s: float) -> Client:
    """Return a client with a connection pool of its own, else as the SDK makes it."""
    shared: dict[str, Any] = {
        "max_retries": 0,
        "timeout": timeout_s,
        # Without a look at the environment, which the test runner changes under many threads.
        "http_client": httpx2.Client(
            verify=_context(), timeout=timeout_s, follow_redirects=True, trust_env=False
        ),
    }
    match platform:
        case "anthropic":
            return Anthropic(**shared, base_url=emulator.direct.base_url, api_key=emulator.api_key)
        case "bedrock":
            identity = emulator.bedrock.door.identity
            return AnthropicBedrock(
                **shared,
                base_url=emulator.bedrock.base_url,
                aws_region="eu-central-1",
                aws_access_key=identity.access_key,
                aws_secret_key=identity.secret_key,
            )
    return AnthropicVertex(
        **shared,
        base_url=f"{emulator.vertex.base_url}/v1",
        region="europe-west1",
        project_id=emulator.vertex.account.project,
        **_credential(emulator, by_token=platform == "vertex"),
    )


def _credential(emulator: Emulator, *, by_token: bool) -> dict[str, Any]:
    """Return an access token, or a service account that fetches one."""
    if by_token:
        return {"access_token": emulator.api_key}
    account = emulator.vertex.account.info(emulator.vertex.token_uri)
    made = service_account.Credentials.from_service_account_info(account, scopes=[SCOPE])  # type: ignore[no-untyped-call]
    return {"credentials": made}
