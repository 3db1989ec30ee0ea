"""Requests as a caller writes them, and what becomes of them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.errors import Malformed
from gateway.formats import Asked, Way, ways
from providers.contract import Headers

MODEL = "claude-opus-5-5"
HELLO = [{"role": "user", "content": "hello"}]
ARRIVED_S = 1_700_000_000.25
MARK = {"type": "ephemeral"}
TOOL = {
    "type": "function",
    "function": {"name": "look_up", "parameters": {"type": "object", "properties": {"a": {}}}},
}


def way() -> Way:
    found = ways.find("/v1/chat/completions", (), ARRIVED_S)
    assert found is not None
    return found


def read(headers: Headers = (), **fields: Any) -> Asked:
    """Return what becomes of a request with these fields beside a model and a greeting."""
    body = {"model": MODEL, "messages": HELLO, **fields}
    return way().read(headers, json.dumps(body).encode())


def told(**fields: Any) -> dict[str, Any]:
    """Return the body that a request becomes, without what every one has."""
    asked = read(**fields)
    body: dict[str, Any] = json.loads(asked.raw)
    assert {name: json.loads(bytes(raw)) for name, raw in asked.fields.items()} == body
    if "model" not in fields:
        del body["model"]
    if "messages" not in fields:
        assert body.pop("messages") == HELLO
    if "max_tokens" not in fields and "max_completion_tokens" not in fields:
        assert body.pop("max_tokens") == 128_000
    return body


def turns(*messages: dict[str, Any]) -> Any:
    """Return the turns that messages become."""
    return told(messages=list(messages))["messages"]


def refusal(**fields: Any) -> tuple[str, str]:
    """Return the path and the words of what is refused."""
    with pytest.raises(Malformed) as caught:
        read(**fields)
    path, _, words = caught.value.message.partition(": ")
    return path, words


def header_of(headers: Headers, name: str) -> str | None:
    return dict(headers).get(name)
