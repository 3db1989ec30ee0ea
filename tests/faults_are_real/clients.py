"""The SDK's clients, bare, in front of emulated platforms: no retries, no gateway."""

from __future__ import annotations

import ssl
from functools import cache
from typing import Any

import httpx2
from anthropic import Anthropic, AnthropicBedrock, AnthropicVertex

from gateway.emulator import Emulator

Client = Anthropic | AnthropicBedrock | AnthropicVertex
MODELS = {
    "anthropic": "claude-opus-5-5",
    "bedrock": "eu.anthropic.claude-opus-5-5",
    "vertex": "claude-opus-5-5",
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


def client(emulator: Emulator, platform: str, timeout_s: float, **more: Any) -> Client:
    """Return a client with a connection pool of its own."""
    shared: dict[str, Any] = {
        "max_retries": 0,
        "timeout": timeout_s,
        "http_client": httpx2.Client(
            verify=_context(), follow_redirects=True, timeout=timeout_s
        ),
    }
    match platform:
        case "anthropic":
            where: dict[str, Any] = {"base_url": emulator.direct.base_url}
            return Anthropic(**(shared | where | {"api_key": emulator.api_key} | more))
        case "bedrock":
            identity = emulator.bedrock.identity
            return AnthropicBedrock(
                **shared,
                base_url=emulator.bedrock.base_url,
                aws_region="eu-central-1",
                aws_access_key=identity.access_key,
                aws_secret_key=identity.secret_key,
            )
    vertex = emulator.vertex
    where = {"base_url": f"{vertex.base_url}/v1", "region": "europe-west1"}
    given = {"project_id": vertex.account.project, "access_token": emulator.api_key}
    return AnthropicVertex(**(shared | where | given | more))
