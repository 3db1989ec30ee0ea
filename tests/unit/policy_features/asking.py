"""A request from its parts, and what it asks for."""

from __future__ import annotations

import json
from typing import Any

from gateway.call import read_call
from gateway.policy.features import Asked, features
from providers.contract import Kind

VERSION = (("anthropic-version", "2023-06-01"),)
LEAST: dict[str, Any] = {
    "model": "claude-opus-5-5",
    "max_tokens": 16,
    "messages": [{"role": "user", "content": "hi"}],
}


def asked_by(text: bytes | str, *headers: tuple[str, str]) -> Asked:
    """Return what a body asks for, as it is written."""
    raw = text.encode() if isinstance(text, str) else text
    call = read_call(Kind.MESSAGES, VERSION + headers, raw, own_account=True)
    return features(call.fields)


def asked(*headers: tuple[str, str], **fields: Any) -> Asked:
    """Return what the least request asks for with these fields."""
    return asked_by(json.dumps(LEAST | fields, separators=(",", ":")), *headers)


def with_block(block: dict[str, Any], role: str = "user") -> Asked:
    """Return what a request with one more block asks for."""
    return asked(messages=[{"role": role, "content": [{"type": "text", "text": "x"}, block]}])
