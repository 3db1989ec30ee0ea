"""Who speaks OpenAI's chat completions, with OpenAI's own client."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import openai

from tests.matrix.house import KEY
from tests.matrix.scenes import MODEL, Scene
from tests.matrix.told import TIMEOUT_S, Told

STOPS = {"stop": "end_turn", "tool_calls": "tool_use", "length": "max_tokens"}
"""What a reason is called in the Messages API."""


class Chat:
    """A client of the openai SDK."""

    def __init__(self, url: str) -> None:
        http = openai.DefaultHttpxClient(trust_env=False, timeout=TIMEOUT_S)
        self._client = openai.OpenAI(
            base_url=f"{url}/v1", api_key=KEY, http_client=http, max_retries=0
        )

    def ask(self, scene: Scene, upstream: str, *, stream: bool) -> Told:
        """Ask once; a client's error is told too."""
        told = Told()
        given = dict(scene.openai)
        system = given.pop("system", None)
        first = [] if system is None else [{"role": "system", "content": system}]
        streams = {"stream": True, "stream_options": {"include_usage": True}} if stream else {}
        request: dict[str, Any] = {
            "model": MODEL,
            "max_completion_tokens": 2048,
            "messages": [*first, {"role": "user", "content": scene.says}],
            **given,
            **streams,
            "extra_headers": {"x-gateway-only": upstream},
        }
        try:
            raw = self._client.chat.completions.with_raw_response.create(**request)
            told.upstream = raw.headers["x-gateway-upstream"]
            found = raw.parse()
            if stream:
                _gather(told, found)
            else:
                _whole(told, found.to_dict())
        except openai.APIStatusError as error:
            told.error, told.status = error.message, error.status_code
        except openai.APIError as error:
            told.error = error.message
        return told

    def close(self) -> None:
        """Close the client."""
        self._client.close()


def _whole(told: Told, completion: dict[str, Any]) -> None:
    (choice,) = completion["choices"]
    told.text = choice["message"]["content"] or ""
    for call in choice["message"].get("tool_calls") or ():
        function = call["function"]
        told.tools.append((function["name"], json.loads(function["arguments"])))
    told.stop = STOPS[choice["finish_reason"]]
    _count(told, completion["usage"])


def _count(told: Told, usage: dict[str, Any]) -> None:
    told.input_tokens, told.output_tokens = usage["prompt_tokens"], usage["completion_tokens"]
    told.read_tokens = usage.get("cache_read_input_tokens") or 0
    told.written_tokens = usage.get("cache_creation_input_tokens") or 0
    details = usage.get("prompt_tokens_details") or {}
    assert (details.get("cached_tokens") or 0) == told.read_tokens
    assert (details.get("cache_write_tokens") or 0) == told.written_tokens


def _gather(told: Told, chunks: Iterable[Any]) -> None:
    pieces: dict[int, tuple[str, list[str]]] = {}
    for each in chunks:
        chunk = each.to_dict()
        if chunk.get("usage"):
            _count(told, chunk["usage"])
        for choice in chunk["choices"]:
            told.text += choice["delta"].get("content") or ""
            for call in choice["delta"].get("tool_calls") or ():
                function = call["function"]
                if call["index"] not in pieces:
                    pieces[call["index"]] = (function["name"], [])
                pieces[call["index"]][1].append(function.get("arguments") or "")
            if choice.get("finish_reason"):
                told.stop = STOPS[choice["finish_reason"]]
    told.tools = [(name, json.loads("".join(parts))) for name, parts in pieces.values()]
