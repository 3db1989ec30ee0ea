"""A price book with one model, whose prices can be added up in one's head, and things to bill."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from gateway.prices.cost import Bounds, Context, Cost, Sizes
from gateway.usage import Usage

MODEL = "claude-opus-5-5"
INPUT, WRITE, READ, OUTPUT = 4_000_000, 5_000_000, 200_000, 20_000_000
"""Picodollars a token."""
MOST = 1000
"""Output tokens, at most."""


class HandPriced:
    """Prices one model, on any platform; half of it in batches."""

    digest = "by hand"

    def __init__(self) -> None:
        self.asked: list[Context] = []

    def told(self, digest: str) -> str | None:
        return None

    def cost(self, usage: Usage, context: Context) -> Cost:
        self.asked.append(context)
        if context.served != MODEL:
            return Cost(list_pico=None, net_pico=None, unpriced=(f"no price: {context.served}",))
        tokens = usage.iterations or (usage,)
        written = sum(run.cache_creation_input_tokens or 0 for run in tokens)
        read = sum(run.cache_read_input_tokens or 0 for run in tokens)
        rest = INPUT * sum(run.input_tokens or 0 for run in tokens)
        rest += OUTPUT * sum(run.output_tokens or 0 for run in tokens)
        share = 2 if context.processing == "batch" else 1
        return Cost(
            list_pico=(rest + WRITE * written + READ * read) // share,
            net_pico=(rest + WRITE * written + READ * read) // share,
            uncached_pico=(rest + INPUT * (written + read)) // share,
        )

    def bounds(self, sizes: Sizes, usage: Usage | None, context: Context) -> Bounds | None:
        if usage is None or context.served != MODEL:
            return None
        low = self.cost(usage, context).net_pico or 0
        high = low + OUTPUT * (MOST - (usage.output_tokens or 0))
        most = None if sizes.server_tools else high
        return Bounds(low_pico=low, estimate_pico=low, high_pico=most)


def usage(input: int = 10, output: int = 2, write: int = 0, read: int = 0) -> dict[str, int]:  # noqa: A002
    return {
        "input_tokens": input,
        "output_tokens": output,
        "cache_creation_input_tokens": write,
        "cache_read_input_tokens": read,
    }


def message(message_id: str, counts: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """Return a message as the Messages API has it."""
    return {
        "id": message_id,
        "type": "message",
        "role": "assistant",
        "model": MODEL,
        "content": [{"type": "text", "text": "hello"}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": usage() if counts is None else counts,
        **more,
    }


def stream(message_id: str, counts: dict[str, Any], *, ended: bool = True) -> list[dict[str, Any]]:
    """Return the events of a stream; the start has a placeholder for the output."""
    begun = message(message_id, {**counts, "output_tokens": 3}, stop_reason=None, content=[])
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": begun},
        {"type": "ping"},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "a"}},
    ]
    if ended:
        delta = {"stop_reason": "end_turn", "stop_sequence": None}
        told = {"output_tokens": counts["output_tokens"]}
        events.append({"type": "message_delta", "delta": delta, "usage": told})
        events.append({"type": "message_stop"})
    return events


# The shapes of claude-agent-sdk, which is no dependency: fields by name, and no `type`.


@dataclass
class ToolUseBlock:
    id: str
    name: str
    input: dict[str, Any]


@dataclass
class AssistantMessage:
    content: list[Any]
    model: str
    parent_tool_use_id: str | None = None
    error: str | None = None
    usage: dict[str, Any] | None = None
    message_id: str | None = None
    stop_reason: str | None = None
    session_id: str | None = None
    uuid: str | None = None


@dataclass
class UserMessage:
    content: str | list[Any]
    uuid: str | None = None
    parent_tool_use_id: str | None = None


@dataclass
class SystemMessage:
    subtype: str
    data: dict[str, Any] = field(default_factory=dict)


@dataclass
class RateLimitEvent:
    rate_limit_info: object
    uuid: str
    session_id: str


@dataclass
class StreamEvent:
    uuid: str
    session_id: str
    event: dict[str, Any]
    parent_tool_use_id: str | None = None


@dataclass
class ResultMessage:
    subtype: str
    duration_ms: int
    is_error: bool
    num_turns: int
    session_id: str
    total_cost_usd: float | None = None
    usage: dict[str, Any] | None = None
    model_usage: dict[str, Any] | None = None
