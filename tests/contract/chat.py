"""The plain OpenAI client, held up as the oracle of chat completions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx2
import msgspec
import openai
from msgspec import Raw

from providers.contract import ChatDialect, Fields, Place

URL = "https://relay.example/v1"
MODEL, THERE = "claude-opus-5-5", "anthropic/claude-opus-5.5"
MODELS = {MODEL: THERE, "claude-haiku-4-5": "anthropic/claude-haiku-4.5"}
COMPLETION: dict[str, Any] = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": THERE,
    "choices": [
        {
            "index": 0,
            "finish_reason": "stop",
            "logprobs": None,
            "message": {"role": "assistant", "content": "hi", "refusal": None},
        }
    ],
    "usage": {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11},
}


def place(**dialect: Any) -> Place:
    return Place(base_url=URL, models=MODELS, chat=ChatDialect(**dialect))


def fields(body: Mapping[str, Any], version: str = "2026-10-21", **more: Any) -> Fields:
    """Return what the gateway knows of a request."""
    raw = msgspec.json.encode(body)
    return Fields(raw, msgspec.json.decode(raw, type=dict[str, Raw]), version, **more)


def client(answer: httpx2.Response, sent: list[httpx2.Request] | None = None) -> openai.OpenAI:
    """Return a client that gets one answer to whatever it asks."""

    def handle(request: httpx2.Request) -> httpx2.Response:
        if sent is not None:
            sent.append(request)
        return answer

    transport = httpx2.MockTransport(handle)
    return openai.OpenAI(
        base_url=URL, api_key="k", max_retries=0, http_client=httpx2.Client(transport=transport)
    )


def theirs(arguments: Mapping[str, Any]) -> httpx2.Request:
    """Return the request that the OpenAI client sends for these arguments."""
    sent: list[httpx2.Request] = []
    kind = {"content-type": "text/event-stream"}
    answer = (
        httpx2.Response(200, content=b"data: [DONE]\n\n", headers=kind)
        if arguments.get("stream")
        else httpx2.Response(200, json=COMPLETION)
    )
    with client(answer, sent) as one:
        one.chat.completions.create(**arguments)
    return sent[0]
