"""One caller for each format, with the client that people use for it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

import anthropic
import httpx2

from tests.matrix.chat import Chat
from tests.matrix.house import KEY
from tests.matrix.scenes import MODEL, Scene
from tests.matrix.told import TIMEOUT_S, Told


class Caller(Protocol):
    """Somebody who asks in one format."""

    def ask(self, scene: Scene, upstream: str, *, stream: bool) -> Told:
        """Ask once; a client's error is told too."""
        ...

    def close(self) -> None:
        """Close the client."""
        ...


class Claude:
    """A client of the anthropic SDK: its own, or the one for a cloud."""

    def __init__(self, client: Any, model: str = MODEL) -> None:
        self._client = client
        self._model = model

    def ask(self, scene: Scene, upstream: str, *, stream: bool) -> Told:
        """Ask once; a client's error is told too."""
        told = Told()
        try:
            with self._client.messages.with_streaming_response.create(
                model=self._model,
                max_tokens=2048,
                messages=[{"role": "user", "content": scene.says}],
                **scene.claude,
                **({"stream": True} if stream else {}),
                extra_headers={"x-gateway-only": upstream},
            ) as response:
                told.upstream = response.headers["x-gateway-upstream"]
                found = response.parse()
                if stream:
                    _gather(told, found)
                else:
                    _whole(told, found.to_dict())
        except anthropic.APIStatusError as error:
            told.error, told.status = error.message, error.status_code
        return told

    def close(self) -> None:
        """Close the client."""
        self._client.close()


def _whole(told: Told, message: Mapping[str, Any]) -> None:
    for block in message["content"]:
        if block["type"] == "text":
            told.text += block["text"]
        elif block["type"] == "tool_use":
            told.tools.append((block["name"], block["input"]))
    told.stop = message["stop_reason"]
    _count(told, message["usage"])


def _count(told: Told, usage: Mapping[str, Any]) -> None:
    read, written = usage.get("cache_read_input_tokens"), usage.get("cache_creation_input_tokens")
    told.read_tokens, told.written_tokens = read or 0, written or 0
    told.input_tokens = usage["input_tokens"] + told.read_tokens + told.written_tokens
    told.output_tokens = usage["output_tokens"]


def _gather(told: Told, events: Iterable[Any]) -> None:
    usage: dict[str, Any] = {}
    pieces: dict[int, tuple[str, list[str]]] = {}
    for each in events:
        event = each.to_dict()
        match event["type"]:
            case "message_start":
                usage |= event["message"]["usage"]
            case "content_block_start" if event["content_block"]["type"] == "tool_use":
                pieces[event["index"]] = (event["content_block"]["name"], [])
            case "content_block_delta" if event["delta"]["type"] == "text_delta":
                told.text += event["delta"]["text"]
            case "content_block_delta" if event["delta"]["type"] == "input_json_delta":
                pieces[event["index"]][1].append(event["delta"]["partial_json"])
            case "message_delta":
                told.stop = event["delta"]["stop_reason"]
                usage |= event["usage"]
    told.tools = [(name, json.loads("".join(parts))) for name, parts in pieces.values()]
    _count(told, usage)


def _http() -> httpx2.Client:
    return httpx2.Client(trust_env=False, timeout=TIMEOUT_S)


def claude(url: str) -> Caller:
    """Return who speaks the Messages API."""
    return Claude(
        anthropic.Anthropic(base_url=url, api_key=KEY, http_client=_http(), max_retries=0)
    )


def bedrock(url: str) -> Caller:
    """Return who speaks Bedrock's InvokeModel."""
    client = anthropic.AnthropicBedrock(
        base_url=url, api_key=KEY, aws_region="us-east-1", http_client=_http(), max_retries=0
    )
    return Claude(client, f"global.anthropic.{MODEL}")


def vertex(url: str) -> Caller:
    """Return who speaks Vertex AI's rawPredict."""
    client = anthropic.AnthropicVertex(
        base_url=f"{url}/v1",
        access_token=KEY,
        region="global",
        project_id="the-callers-own",
        http_client=_http(),
        max_retries=0,
    )
    return Claude(client)


CALLERS: Mapping[str, Callable[[str], Caller]] = {
    "anthropic": claude,
    "bedrock": bedrock,
    "openai": Chat,
    "vertex": vertex,
}
