"""Usage as the OpenAI format counts it, with the cache counters that relay users read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.usage import Usage

_REQUIRED = ("prompt_tokens", "completion_tokens", "total_tokens")
_RELAYS = ("cache_creation_input_tokens", "cache_read_input_tokens")
"""Counters that relays for Claude put beside OpenAI's own."""


def completion_usage(reported: object) -> dict[str, Any] | None:
    """Return the usage of a completion; None where what it must have was not reported."""
    if not isinstance(reported, Mapping):
        return None
    usage = Usage.of({"usage": reported})
    told = usage.to_openai()
    if any(name not in told for name in _REQUIRED):
        return None
    beside = {name: getattr(usage, name) for name in _RELAYS}
    return told | {name: count for name, count in beside.items() if count is not None}


def later(before: dict[str, Any], reported: object) -> None:
    """Take a later report of a stream: its counts are of the whole answer, and none is added."""
    if isinstance(reported, Mapping):
        before |= {name: count for name, count in reported.items() if count is not None}
