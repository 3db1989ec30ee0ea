"""Streams for the simulation: each attempt's text carries the mark of who wrote it."""

from __future__ import annotations

import json
import re
from typing import Any


def event(name: str, **data: Any) -> bytes:
    body = json.dumps({"type": name, **data})
    return f"event: {name}\ndata: {body}\n\n".encode()


PING = event("ping")


def message_start(mark: str) -> bytes:
    message: dict[str, object] = {
        "id": f"msg_{mark}",
        "type": "message",
        "role": "assistant",
        "model": "claude-opus-5-5",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": 7, "output_tokens": 1},
    }
    return event("message_start", message=message)


def whole(mark: str, deltas: int = 3) -> list[bytes]:
    """Return the events of one complete answer."""
    return [
        message_start(mark),
        event("content_block_start", index=0, content_block={"type": "text", "text": ""}),
        *(
            event("content_block_delta", index=0, delta={"type": "text_delta", "text": f"<{mark}>"})
            for _ in range(deltas)
        ),
        event("content_block_stop", index=0),
        event(
            "message_delta",
            delta={"stop_reason": "end_turn", "stop_sequence": None},
            usage={"output_tokens": deltas},
        ),
        event("message_stop"),
    ]


def parse(stream: bytes) -> list[tuple[str, dict[str, Any]]]:
    """Parse what a caller got, strictly: whole events, each with a name and JSON data."""
    assert stream.endswith(b"\n\n"), stream[-80:]
    parsed = []
    for block in stream.removesuffix(b"\n\n").split(b"\n\n"):
        if block.startswith(b":"):
            continue
        head, data = block.split(b"\n", 1)
        assert head.startswith(b"event: "), block
        assert data.startswith(b"data: "), block
        parsed.append((head[7:].decode(), json.loads(data[6:])))
    return parsed


def marks(stream: bytes) -> set[str]:
    """Return who wrote the text of a stream."""
    return {found.decode() for found in re.findall(rb"<([\w-]+)>", stream)}


def without_pings(stream: bytes) -> bytes:
    return re.sub(rb"event: ping\ndata: [^\n]*\n\n", b"", stream)
