"""Messages, and the events of their streams, as the Messages API has them."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable
from typing import Any

from gateway.formats.contract import Reply
from tests.openai_format.telling import ARRIVED_S, read

TEXTS = ("", "a", "the tide", 'quote " and \\', "line\nbreak", "é\u2028😀", "{}[]", " ")
HEADERS = (("content-type", "application/json"), ("request-id", "req_1"))


def event(name: str, **fields: Any) -> bytes:
    data = json.dumps({"type": name, **fields}, separators=(",", ":"))
    return f"event: {name}\ndata: {data}\n\n".encode()


def message(content: Iterable[dict[str, Any]], **fields: Any) -> dict[str, Any]:
    return {
        "id": "msg_01abc",
        "type": "message",
        "role": "assistant",
        "model": "claude-opus-5-5",
        "content": list(content),
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 11, "output_tokens": 7},
        **fields,
    }


def whole(told: dict[str, Any]) -> dict[str, Any]:
    """Return a message as the completion that its caller gets."""
    reply = read().replies.whole(Reply(200, HEADERS, json.dumps(told).encode()))
    assert reply.status == 200
    completion: dict[str, Any] = json.loads(reply.body)
    assert completion["created"] == int(ARRIVED_S)
    return completion


def streamed(told: dict[str, Any], rng: random.Random) -> list[bytes]:
    """Return a message as events, its texts split somewhere."""
    start = {**told, "content": [], "stop_reason": None}
    made = [event("message_start", message=start)]
    for index, block in enumerate(told["content"]):
        made += _block(index, block, rng)
        if rng.random() < 0.2:
            made.append(event("ping"))
    delta = {key: told[key] for key in ("stop_reason", "stop_details") if key in told}
    usage = {"output_tokens": told["usage"].get("output_tokens")}
    made.append(event("message_delta", delta=delta, usage=usage))
    return [*made, event("message_stop")]


def _block(index: int, block: dict[str, Any], rng: random.Random) -> list[bytes]:
    deltas: list[dict[str, Any]] = []
    opened = dict(block)
    if block["type"] == "text":
        opened["text"] = ""
        deltas = [{"type": "text_delta", "text": each} for each in _pieces(block["text"], rng)]
    elif block["type"] == "thinking":
        opened |= {"thinking": "", "signature": ""}
        thought = _pieces(block["thinking"], rng)
        deltas = [{"type": "thinking_delta", "thinking": each} for each in thought]
        deltas.append({"type": "signature_delta", "signature": block["signature"]})
    elif block["type"] == "tool_use" and rng.random() < 0.8:
        opened["input"] = {}
        written = json.dumps(block["input"]) if block["input"] else ""
        parts = ["", *_pieces(written, rng)]
        deltas = [{"type": "input_json_delta", "partial_json": each} for each in parts]
    return [
        event("content_block_start", index=index, content_block=opened),
        *(event("content_block_delta", index=index, delta=each) for each in deltas),
        event("content_block_stop", index=index),
    ]


def _pieces(text: str, rng: random.Random) -> list[str]:
    pieces = []
    while text:
        size = rng.randint(1, len(text))
        pieces.append(text[:size])
        text = text[size:]
    return pieces


def a_message(rng: random.Random) -> dict[str, Any]:
    """Return some message."""
    content = [_some_block(rng, number) for number in range(rng.randint(0, 5))]
    reasons = ("end_turn", "max_tokens", "stop_sequence", "tool_use", "refusal", "pause_turn")
    told = message(content, stop_reason=rng.choice(reasons))
    if told["stop_reason"] == "refusal":
        told["stop_details"] = {"type": "refusal", "explanation": rng.choice((None, "no"))}
    for name in ("cache_read_input_tokens", "cache_creation_input_tokens"):
        if rng.random() < 0.5:
            told["usage"][name] = rng.randint(0, 9)
    return told


def _some_block(rng: random.Random, number: int) -> dict[str, Any]:
    text = "".join(rng.choices(TEXTS, k=rng.randint(0, 4)))
    kind = rng.choice(("text", "text", "tool_use", "thinking", "redacted_thinking", "new_kind"))
    if kind == "text":
        return {"type": "text", "text": text}
    if kind == "thinking":
        return {"type": "thinking", "thinking": text, "signature": f"s{number}=="}
    if kind == "tool_use":
        given = rng.choice(({}, {"a": text}, {"a": {"b": [1, 2.5, None, text]}}))
        return {"type": "tool_use", "id": f"toolu_{number}", "name": "f", "input": given}
    return {"type": kind, "data": text}
