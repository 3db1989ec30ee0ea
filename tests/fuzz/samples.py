"""What the emulated platforms answer, as the fuzzer's good samples; and what callers send."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import msgspec

from gateway.call import read_call
from gateway.emulator import Emulator
from gateway.emulator.aws_events import chunk, error, exception
from gateway.emulator.http import Manner, Request, Response, head_bytes
from providers.contract import ChatDialect, Endpoint, Kind, Operation, Place, Provider, Relay
from providers.registry import PROVIDERS

MODEL = "claude-opus-5-5"
COUNTED = "claude-sonnet-4-6"
"""A model that every platform counts tokens for."""
TOOL: Mapping[str, Any] = {
    "name": "tide",
    "input_schema": {"type": "object", "properties": {"harbour": {"type": "string"}}},
}
PLACES = {
    "anthropic": Place(base_url="http://127.0.0.1"),
    "aws": Place(base_url="http://127.0.0.1", region="eu-central-1", workspace="wrkspc_1"),
    "bedrock": Place(base_url="http://127.0.0.1", region="eu-central-1", profile="eu"),
    "bedrock_mantle": Place(base_url="http://127.0.0.1/anthropic", region="eu-central-1"),
    "foundry": Place(base_url="http://127.0.0.1/anthropic"),
    "google_cloud": Place(
        base_url="http://127.0.0.1/v1/projects/p/locations/global/workspaces/w/invoke",
        project="p",
        workspace="w",
    ),
    "openai_relay": Place(
        base_url="http://127.0.0.1/v1",
        models={model: f"anthropic/{model}" for model in ("claude-opus-5-5", "claude-sonnet-4-6")},
        chat=ChatDialect(cache_markers=True),
    ),
    "relay": Place(
        base_url="http://127.0.0.1",
        models={MODEL: f"vendor/{MODEL}", COUNTED: f"vendor/{COUNTED}"},
        relay=Relay(count_tokens=True, stream=True, cache_control=True),
    ),
    "vertex": Place(base_url="http://127.0.0.1", region="europe-west1", project="tidegate"),
}
HEADERS = (
    ("anthropic-version", "2026-10-21"),
    ("content-type", "application/json"),
    ("x-stainless-retry-count", "0"),
)
CHUNKS = (
    b'data: {"id":"c","choices":[{"index":0,"delta":{"content":"x"},"finish_reason":"stop"}]}\n\n',
    b'data: {"choices":[{"delta":{"tool_calls":[{"id":"a","function":{"name":"f"}}]}}]}\n\n',
    b'data: {"choices":[{"delta":{"tool_calls":[{"index":1,"function":{"arguments":"{"}}]}}]}\n\n',
    b'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":-1}}\n\n',
    b'data: {"error":{"message":"x","code":"rate_limit_exceeded"}}\n\n',
    b"data: [DONE]\n\n",
)
"""What a relay's stream may have in it."""
WRONG = (
    b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}',
    b'{"type":"error","error":{"type":"invalid_request_error","message":"no"},"request_id":"r"}',
    b'{"type":"error","error":{"type":"x_error","details":{"error_code":"ramp_limit_exceeded"}}}',
    b'[{"error":{"code":429,"status":"RESOURCE_EXHAUSTED","message":"Quota exceeded"}}]',
    b'{"message":"arn:aws:bedrock:eu-central-1:123456789012:x is not authorized"}',
    b'{"originalStatusCode":429,"originalMessage":"x","message":"y"}',
    b'{"error":{"message":"at https://x.internal","type":"x","code":"context_length_exceeded"}}',
    b'{"id":"c","choices":[{"message":{"content":null},"finish_reason":"length"}],"usage":{}}',
    b"<html><body>502</body></html>",
)


@dataclass(frozen=True)
class Sample:
    """One request's answer, streamed or whole, of one platform."""

    platform: str
    operation: Operation
    response: Response = field(repr=False)

    @property
    def provider(self) -> Provider:
        return PROVIDERS[self.platform]

    @property
    def wire(self) -> bytes:
        """The bytes of the whole HTTP answer."""
        response, body = self.response, self.response.frames
        head = head_bytes(response, Manner(keep_alive=True, chunks=True))
        if response.length is not None:
            return head + b"".join(body)
        chunks = b"".join(b"%x\r\n%b\r\n" % (len(each), each) for each in body)
        return head + chunks + b"0\r\n\r\n"

    @property
    def body(self) -> bytes:
        return b"".join(self.response.frames)

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        return tuple((name.lower(), value) for name, value in self.response.headers)


@cache
def endpoint(platform: str) -> Endpoint:
    return PROVIDERS[platform].endpoint(PLACES[platform])


@cache
def bodies() -> tuple[bytes, ...]:
    """Return request bodies of callers."""
    return tuple(
        json.dumps({"model": MODEL, "max_tokens": 64, **more}).encode()
        for more in (
            _asking("hello"),
            _asking("[[words:40]] again", stream=True),
            _asking("[[tool]]", tools=[TOOL], stream=True),
            _asking("[[refusal:mid]]", stream=True),
            _asking("think", thinking={"type": "adaptive"}, max_tokens=400, stream=True),
            _asking(
                [{"type": "text", "text": "cached " * 3000, "cache_control": {"type": "ephemeral"}}]
            ),
        )
    )


@cache
def samples() -> tuple[Sample, ...]:
    """Return the answers of every platform to what callers send, and to token counts."""
    emulator = Emulator()
    served = {each.name: each.serve for each in emulator.platforms}
    found = []
    for platform, provider in PROVIDERS.items():
        for kind, body in _asked():
            call = read_call(kind, HEADERS, body)
            operation = Operation(kind, call.asked, call.stream)
            there = endpoint(platform)
            losses = provider.losses(operation, call.fields, there)
            if not all(loss.droppable for loss in losses):
                continue
            sent = provider.encode(operation, call.fields, there, losses)
            headers = (*sent.headers, ("authorization", f"Bearer {emulator.api_key}"))
            target = sent.target if platform != "vertex" else f"/v1{sent.target}"
            response, _ = served[platform](Request(sent.method, target, headers, sent.body))
            assert response.status == 200, (platform, response)
            found.append(Sample(platform, operation, response))
    return tuple(found)


def _asking(said: object, **more: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": said}], **more}


def _asked() -> Iterable[tuple[Kind, bytes]]:
    for body in bodies():
        yield Kind.MESSAGES, body
    count = {"model": COUNTED, **_asking("hello")}
    yield Kind.COUNT_TOKENS, json.dumps(count).encode()


@cache
def streams(platform: str) -> tuple[Sample, ...]:
    return tuple(each for each in samples() if each.platform == platform and each.operation.stream)


@cache
def whole() -> tuple[Sample, ...]:
    return tuple(each for each in samples() if not each.operation.stream)


@cache
def events() -> tuple[tuple[bytes, ...], ...]:
    """Return each streamed answer of the Claude API as the JSON of its events."""
    found = []
    for sample in streams("anthropic"):
        datas = [frame.partition(b"\ndata: ")[2].strip() for frame in sample.response.frames]
        found.append(tuple(datas))
    return tuple(found)


ENDS = (
    exception("throttlingException", "Too many tokens."),
    exception("modelStreamErrorException", "x", originalStatusCode=429),
    exception("validationException", "arn:aws:iam::123456789012:role/x"),
    error("InternalError", "x"),
    chunk(b'{"type":"error","error":{"type":"overloaded_error","message":"x"}}'),
)
"""Frames that end a stream."""


def named(data: bytes) -> bytes:
    """Return the name of an event, as its JSON says."""
    try:
        found = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return b"content_block_delta"
    kind = found.get("type", "") if isinstance(found, dict) else ""
    return str(kind).encode(errors="replace")
