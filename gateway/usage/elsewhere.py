"""Reports of other shapes than the Messages API's, in and out.

Anthropic's input leaves out what the cache took part in, OpenAI's and OpenTelemetry's hold it:
this is the one place where one becomes the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.usage.reading import Fields, read
from gateway.usage.shapes import BEDROCK_METRICS, CONVERSE, OPENAI
from gateway.usage.tokens import Tokens

METRICS = "amazon-bedrock-invocationMetrics"
"""The key that Bedrock adds to the last event of a stream."""

_TTLS = {"5m": "cache_creation_5m_input_tokens", "1h": "cache_creation_1h_input_tokens"}
_OFF = "differs from its parts"

OTEL = {
    "gen_ai.usage.output_tokens": "output_tokens",
    "gen_ai.usage.cache_read.input_tokens": "cache_read_input_tokens",
    "gen_ai.usage.cache_write.input_tokens": "cache_creation_input_tokens",
    "gen_ai.usage.reasoning.output_tokens": "thinking_tokens",
    "anthropic.usage.cache_creation.ephemeral_5m_input_tokens": "cache_creation_5m_input_tokens",
    "anthropic.usage.cache_creation.ephemeral_1h_input_tokens": "cache_creation_1h_input_tokens",
    "anthropic.response.service_tier": "service_tier",
}
"""Attribute -> field. The names are OpenTelemetry's (`semantic-conventions-genai`, 2026-11), and
where it has none, those of the SDK's own spans; `gen_ai.usage.input_tokens` stands beside them."""


def bedrock_metrics(block: object) -> Fields:
    """Return the fields of a metrics block, or of the event that has it."""
    return read(_within(block, METRICS), BEDROCK_METRICS)


def converse(report: object) -> Fields:
    """Return the fields of Converse's `TokenUsage`, or of the answer that has it."""
    fields = read(_within(report, "usage"), CONVERSE)
    _split_writes(fields, fields.pop("cacheDetails", ()))
    total = fields.pop("total_tokens", None)
    uncached, output = fields.get("input_tokens"), fields.get("output_tokens")
    cached = fields.get("cache_creation_input_tokens", 0) + fields.get("cache_read_input_tokens", 0)
    # What is documented does not say whether the total holds the cache.
    if _off(total, uncached, output) and _off(total, uncached, output, cached):
        fields["flags"].append(f"totalTokens: {_OFF}")
    return fields


def _split_writes(fields: Fields, details: list[Fields]) -> None:
    """Put writes by time to live where they belong; two entries for one are added."""
    for at, detail in enumerate(details):
        ttl, count = detail.get("ttl"), detail.get("input_tokens")
        if ttl not in _TTLS:
            fields["flags"].append(f"cacheDetails.{at}.ttl: not known")
        elif count is not None:
            fields[_TTLS[ttl]] = fields.get(_TTLS[ttl], 0) + count


def openai(report: object) -> Fields:
    """Return the fields of an OpenAI usage, or of the answer that has it."""
    fields = read(_within(report, "usage"), OPENAI)
    prompt, total = fields.pop("prompt_tokens", None), fields.pop("total_tokens", None)
    output = fields.pop("completion_tokens", None)
    if output is not None:
        fields["output_tokens"] = output
    if prompt is not None:
        cached = fields.get("cache_read_input_tokens", 0)
        uncached = prompt - cached - fields.get("cache_creation_input_tokens", 0)
        if uncached < 0:
            fields["flags"].append("prompt_tokens: less than what it holds of the cache")
        else:
            fields["input_tokens"] = uncached
    if _off(total, prompt, output):
        fields["flags"].append(f"total_tokens: {_OFF}")
    return fields


def to_openai(usage: Tokens, thinking_tokens: int | None) -> dict[str, Any]:
    """Return the counts as OpenAI's `CompletionUsage`; what is not known is left out."""
    prompt, output = prompt_tokens(usage), usage.output_tokens
    told = {
        "prompt_tokens": prompt,
        "completion_tokens": output,
        "total_tokens": None if prompt is None or output is None else prompt + output,
        "prompt_tokens_details": _told(
            cached_tokens=usage.cache_read_input_tokens,
            cache_write_tokens=usage.cache_creation_input_tokens,
        ),
        "completion_tokens_details": _told(reasoning_tokens=thinking_tokens),
    }
    return {name: value for name, value in told.items() if value not in (None, {})}


def to_otel(usage: Tokens) -> dict[str, int | str]:
    """Return the counts as attributes of a span; what is not known is left out."""
    told = {"gen_ai.usage.input_tokens": prompt_tokens(usage)}
    told |= {attribute: getattr(usage, name) for attribute, name in OTEL.items()}
    return {name: value for name, value in told.items() if value is not None}


def prompt_tokens(usage: Tokens) -> int | None:
    """Return the size of the prompt, as far as it was told; None: nothing was.

    An answer that says nothing of the cache has not used it, for whoever wants one number.
    """
    if usage.input_tokens is None:
        return None
    cached = (usage.cache_creation_input_tokens, usage.cache_read_input_tokens)
    return usage.input_tokens + sum(count or 0 for count in cached)


def _within(report: object, key: str) -> object:
    """Return what a report has under a key; the report itself where it has no such key."""
    if isinstance(report, Mapping):
        return report.get(key, report)
    return getattr(report, key, report)


def _off(total: int | None, *parts: int | None) -> bool:
    """Say whether a total is not that of its parts; where one is missing nobody can tell."""
    known = [part for part in parts if part is not None]
    return total is not None and len(known) == len(parts) and sum(known) != total


def _told(**counts: int | None) -> dict[str, int]:
    return {name: count for name, count in counts.items() if count is not None}
