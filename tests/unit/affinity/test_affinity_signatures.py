from __future__ import annotations

import json
from typing import Any

from gateway.affinity.signatures import MAX_LOOKED_AT, NEWEST_BYTES, newest
from tests.unit.affinity.conversations import SEAL

OLD, NEW = "EqQBCkYIBxgCKkA" * 8, "EuIBCkYIBxgCKkD" * 8


def thought(signature: str) -> dict[str, Any]:
    content = [{"type": "thinking", "thinking": "hm", "signature": signature}]
    return {"role": "assistant", "content": content}


def of(*messages: Any, **fields: Any) -> bytes | None:
    return newest(json.dumps({"messages": messages, **fields}).encode(), SEAL)


def streamed(signature: str) -> bytes:
    delta = {"type": "signature_delta", "signature": signature}
    event = {"type": "content_block_delta", "index": 0, "delta": delta}
    return f"event: content_block_delta\ndata: {json.dumps(event)}\n\n".encode()


def test_the_newest_one_counts_and_is_the_same_streamed_and_not() -> None:
    found = of(thought(OLD), thought(NEW))
    assert found is not None
    assert found == of(thought(NEW)) == newest(streamed(NEW), SEAL) != of(thought(OLD))
    assert found == newest(streamed(OLD) + streamed(NEW) + streamed(""), SEAL)


def test_nothing_of_it_is_kept() -> None:
    found = of(thought(NEW))
    assert found is not None
    assert len(found) == 16
    assert found != newest(streamed(NEW), b"t" * 32), "without the secret nobody makes it"


def test_a_tools_own_field_is_none() -> None:
    schema = {"properties": {"signature": {"type": "string"}}}
    tool = {"name": "sign", "input_schema": schema}
    assert of(thought(NEW), tools=[tool] * (MAX_LOOKED_AT - 1)) == of(thought(NEW))
    assert of({"role": "user", "content": f'"signature":"{NEW}"'}) is None
    assert of({"role": "user", "content": "hello"}, tools=[tool]) is None
    assert of(thought("short")) is None


def test_it_is_looked_for_near_the_end() -> None:
    far = {"role": "user", "content": "x" * NEWEST_BYTES}
    assert of(thought(NEW), far) is None
    assert of(far, thought(NEW)) is not None
