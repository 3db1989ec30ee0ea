"""Token counts of chat completions in the words of the Messages API.

`prompt_tokens` hold what the cache took part in, `input_tokens` leave it out. What was not told
stays unknown: the two counts that every usage has are null then, and the others are not there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Raw

UNKNOWN: Mapping[str, Any] = {"input_tokens": None, "output_tokens": None}
"""The usage of an answer that told none."""
MOST = 2**53
"""Larger numbers are no counts."""

_decode = msgspec.json.Decoder(dict[str, Any]).decode


def read(raw: Raw) -> dict[str, Any] | None:
    """Return the usage of an answer or chunk; None where it tells nothing that can be read."""
    if not bytes(raw).startswith(b"{"):
        return None
    try:
        told = _decode(raw)
    except (msgspec.DecodeError, RecursionError):
        return None
    return converted(told) if told else None


def converted(told: Mapping[str, Any]) -> dict[str, Any]:
    """Return OpenAI's `CompletionUsage` as a usage of the Messages API."""
    prompt = _within(told, "prompt_tokens_details")
    read = _first(_count(prompt, "cached_tokens"), _count(told, "cache_read_input_tokens"))
    written = _first(
        _count(prompt, "cache_write_tokens"), _count(told, "cache_creation_input_tokens")
    )
    whole = _count(told, "prompt_tokens")
    usage: dict[str, Any] = {
        "input_tokens": None if whole is None else max(0, whole - (read or 0) - (written or 0)),
        "output_tokens": _count(told, "completion_tokens"),
    }
    if written is not None:
        usage["cache_creation_input_tokens"] = written
    if read is not None:
        usage["cache_read_input_tokens"] = read
    thought = _count(_within(told, "completion_tokens_details"), "reasoning_tokens")
    if thought is not None:
        usage["output_tokens_details"] = {"thinking_tokens": thought}
    return usage


def _within(told: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = told.get(name)
    return found if isinstance(found, dict) else {}


def _count(told: Mapping[str, Any], name: str) -> int | None:
    found = told.get(name)
    return found if type(found) is int and 0 <= found <= MOST else None


def _first(*counts: int | None) -> int | None:
    return next((count for count in counts if count is not None), None)
