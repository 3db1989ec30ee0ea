"""Anthropic's events as a platform writes them, for scripts of every provider."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence

from gateway.emulator.aws_events import CONTENT_TYPE, chunk
from providers.contract import Headers
from tests.simulation.virtual import SSE

FRAMES: Headers = (("content-type", CONTENT_TYPE), ("x-amzn-requestid", "req_up"))
_DATA = re.compile(rb"^data: (.*)$", re.MULTILINE)


def _sse(events: Sequence[bytes]) -> bytes:
    return b"".join(events)


def _frames(events: Sequence[bytes]) -> bytes:
    return b"".join(chunk(data[1]) for each in events if (data := _DATA.search(each)))


def _chat(events: Sequence[bytes]) -> bytes:
    """Return chunks of chat completions; what has no word there is left out."""
    return b"".join(filter(None, map(_chat_chunk, events)))


def _chat_chunk(event: bytes) -> bytes | None:
    data = _DATA.search(event)
    try:
        told = json.loads(data[1]) if data else {}
    except ValueError:
        return event
    delta: dict[str, object] | None = None
    finish: str | None = None
    match told.get("type"):
        case "message_start":
            delta = {"role": "assistant", "content": ""}
        case "content_block_delta":
            delta = {"content": told["delta"]["text"]}
        case "message_delta":
            delta, finish = {}, "stop"
        case "message_stop":
            return b"data: [DONE]\n\n"
        case "error":
            return b"data: " + json.dumps({"error": told["error"]}).encode() + b"\n\n"
    if delta is None:
        return None
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    body = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "claude-opus-5-5",
        "choices": [choice],
    }
    return b"data: " + json.dumps(body).encode() + b"\n\n"


Speak = Callable[[Sequence[bytes]], bytes]
FORMATS: dict[str, tuple[Headers, Speak]] = {
    "bedrock": (FRAMES, _frames),
    "openai_relay": (SSE, _chat),
}
"""Provider -> the headers of its good answers, and how it writes events; others write SSE."""
USUAL: tuple[Headers, Speak] = (SSE, _sse)
