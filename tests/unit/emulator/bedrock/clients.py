"""Clients of the emulated Bedrock, and what they ask."""

from __future__ import annotations

from typing import Any

import boto3
import httpx2
from anthropic import AnthropicBedrock
from anthropic.types import MessageParam
from botocore.config import Config

from gateway.emulator import Emulator
from gateway.emulator.bedrock import Bedrock

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


def aws_client(bedrock: Bedrock, *, region: str, session: bool = False) -> Any:
    identity = bedrock.door.session_identity if session else bedrock.door.identity
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
    identity = bedrock.door.identity
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
