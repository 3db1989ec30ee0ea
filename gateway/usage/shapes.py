"""Where each platform's report has which count: data for the one reader and the one writer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Shape:
    """One JSON object: its keys, and the field that each of them is."""

    counts: dict[str, str] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)
    groups: Mapping[str, Shape] = field(default_factory=dict)
    """The objects within it."""
    lists: Mapping[str, Shape] = field(default_factory=dict)
    """The lists within it, and what each of their entries is."""

    def knows(self, key: str) -> bool:
        """Say whether a key stands for something."""
        known = (self.counts, self.words, self.groups, self.lists)
        return any(key in keys for keys in known)


def _same(*names: str) -> dict[str, str]:
    return {name: name for name in names}


_COUNTS = _same(
    "input_tokens",
    "output_tokens",
    "cache_creation_input_tokens",
    "cache_read_input_tokens",
)
_CACHE_CREATION = Shape(
    counts={
        "ephemeral_5m_input_tokens": "cache_creation_5m_input_tokens",
        "ephemeral_1h_input_tokens": "cache_creation_1h_input_tokens",
    }
)
_CREDIT_STATUS = Shape(words={"type": "fallback_credit", "reason": "fallback_credit_reason"})

ITERATION = Shape(
    counts=_COUNTS, words=_same("type", "model"), groups={"cache_creation": _CACHE_CREATION}
)
"""One entry of `usage.iterations`."""

USAGE = Shape(
    counts=_COUNTS,
    words=_same("service_tier", "inference_geo", "speed"),
    groups={
        "cache_creation": _CACHE_CREATION,
        "output_tokens_details": Shape(counts=_same("thinking_tokens")),
        "server_tool_use": Shape(counts=_same("web_search_requests", "web_fetch_requests")),
        # A status without more to say may be a bare word.
        "fallback_credit": Shape(
            words={"status": "fallback_credit"}, groups={"status": _CREDIT_STATUS}
        ),
    },
    lists={"iterations": ITERATION},
)
"""`usage` of the Messages API."""

BEDROCK_METRICS = Shape(
    counts={
        "inputTokenCount": "input_tokens",
        "outputTokenCount": "output_tokens",
        "cacheWriteInputTokenCount": "cache_creation_input_tokens",
        "cacheReadInputTokenCount": "cache_read_input_tokens",
    }
)
"""What Bedrock adds to the last event of a stream; its input leaves out the cache."""

CONVERSE = Shape(
    counts={
        "inputTokens": "input_tokens",
        "outputTokens": "output_tokens",
        "cacheWriteInputTokens": "cache_creation_input_tokens",
        "cacheReadInputTokens": "cache_read_input_tokens",
        "totalTokens": "total_tokens",
    },
    lists={
        "cacheDetails": Shape(counts={"inputTokens": "input_tokens"}, words={"ttl": "ttl"}),
    },
)
"""Bedrock's `TokenUsage`; its input leaves out the cache."""

OPENAI = Shape(
    counts=_same("prompt_tokens", "completion_tokens", "total_tokens"),
    groups={
        "prompt_tokens_details": Shape(
            counts={
                "cached_tokens": "cache_read_input_tokens",
                "cache_write_tokens": "cache_creation_input_tokens",
            }
        ),
        "completion_tokens_details": Shape(counts={"reasoning_tokens": "thinking_tokens"}),
    },
)
"""OpenAI's `CompletionUsage`, whose `prompt_tokens` are all of the prompt, cached or not."""
