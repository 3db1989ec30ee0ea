"""What is asked in every format: the same, in the words of the Messages API and of OpenAI's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

MODEL = "claude-opus-5-5"
SCHEMA = {
    "type": "object",
    "properties": {"path": {"type": "string"}},
    "required": ["path"],
    "additionalProperties": False,
}
LONG = "a prefix that is worth caching " * 2000
MARK = {"type": "ephemeral"}
TOO_LONG = "prompt is too long: 1000001 tokens > 1000000 maximum"


@dataclass(frozen=True)
class Scene:
    """One kind of request."""

    claude: Mapping[str, Any] = field(default_factory=dict)
    """Over what every request has."""
    openai: Mapping[str, Any] = field(default_factory=dict)
    says: str = "[[say:all is well]] go on"
    fault: Mapping[str, Any] | None = None
    """What the platform does instead of answering well."""
    asks: int = 1
    """How often it is asked, each time the same."""
    streams: tuple[bool, ...] = (False, True)


SCENES = {
    "text": Scene(),
    "tools": Scene(
        claude={
            "tools": [{"name": "write", "description": "Writes.", "input_schema": SCHEMA}],
            "tool_choice": {"type": "any"},
        },
        openai={
            "tools": [
                {
                    "type": "function",
                    "function": {"name": "write", "description": "Writes.", "parameters": SCHEMA},
                }
            ],
            "tool_choice": "required",
        },
    ),
    "thinking": Scene(
        claude={"thinking": {"type": "adaptive"}, "output_config": {"effort": "medium"}},
        openai={
            "reasoning_effort": "medium",
            "extra_body": {"thinking": {"type": "adaptive"}},
        },
    ),
    "cache": Scene(
        claude={"system": [{"type": "text", "text": LONG, "cache_control": MARK}]},
        openai={"system": [{"type": "text", "text": LONG, "cache_control": MARK}]},
        asks=2,
    ),
    "error": Scene(
        fault={"action": "status", "status": 400, "message": TOO_LONG, "times": 1},
    ),
    "cut": Scene(fault={"action": "cut", "at": 4, "times": 1}, streams=(True,)),
}
