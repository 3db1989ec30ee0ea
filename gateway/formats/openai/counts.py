"""Usage as the OpenAI format counts it, with the cache counters that relay users read."""

from __future__ import annotations

from typing import Any

from msgspec import Struct


class Details(Struct, gc=False):
    """What the output was."""

    thinking_tokens: int | None = None


class Usage(Struct, gc=False):
    """Usage of the Messages API; None was not reported."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    output_tokens_details: Details | None = None

    def update(self, later: Usage) -> None:
        """Take a later report: its counts are of the whole answer, and none is added."""
        for name in self.__struct_fields__:
            value = getattr(later, name)
            if value is not None:
                setattr(self, name, value)


def completion_usage(usage: Usage | None) -> dict[str, Any] | None:
    """Return the usage of a completion; None where what it must have was not reported."""
    if usage is None or usage.input_tokens is None or usage.output_tokens is None:
        return None
    read, written = usage.cache_read_input_tokens, usage.cache_creation_input_tokens
    prompt = usage.input_tokens + (read or 0) + (written or 0)
    told: dict[str, Any] = {
        "prompt_tokens": prompt,
        "completion_tokens": usage.output_tokens,
        "total_tokens": prompt + usage.output_tokens,
    }
    details = _known(cached_tokens=read, cache_write_tokens=written)
    if details:
        told["prompt_tokens_details"] = details
    output = usage.output_tokens_details
    if output is not None and output.thinking_tokens is not None:
        told["completion_tokens_details"] = {"reasoning_tokens": output.thinking_tokens}
    return told | _known(cache_creation_input_tokens=written, cache_read_input_tokens=read)


def _known(**counts: int | None) -> dict[str, int]:
    return {name: count for name, count in counts.items() if count is not None}
