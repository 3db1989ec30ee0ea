"""What a caller was told, whatever the format."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

TIMEOUT_S = 30.0


@dataclass
class Told:
    """What a caller was told, whatever the format."""

    upstream: str = ""
    text: str = ""
    tools: list[tuple[str, Any]] = field(default_factory=list)
    stop: str | None = None
    input_tokens: int | None = None
    """All of the prompt, what was cached too."""
    output_tokens: int | None = None
    read_tokens: int | None = None
    written_tokens: int | None = None
    error: str | None = None
    """What the client raised: its message."""
    status: int | None = None
