"""The counts that an answer has, and each run within it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

COUNTER_MAX = 2**53
"""The largest integer that every JSON reader keeps exact."""
EXECUTORS = frozenset({"message", "fallback_message"})
"""The types of runs whose output is the answer's, and is in its totals."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """The counts that an answer and each of its iterations have."""

    input_tokens: int | None = None
    """Without what was read from or written to the cache."""
    output_tokens: int | None = None
    """All output, thinking included."""
    cache_creation_input_tokens: int | None = None
    """Written to the cache, for any time to live."""
    cache_creation_5m_input_tokens: int | None = None
    cache_creation_1h_input_tokens: int | None = None
    cache_read_input_tokens: int | None = None

    @property
    def total_input(self) -> int | None:
        """Return the size of the prompt: uncached, written and read; None if any is unknown."""
        parts = (
            self.input_tokens,
            self.cache_creation_input_tokens,
            self.cache_read_input_tokens,
        )
        known = [part for part in parts if part is not None]
        return sum(known) if len(known) == len(parts) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Iteration(Tokens):
    """One entry of `usage.iterations`: a sampling run within one answer."""

    type: str | None = None
    """`message`, `compaction`, `advisor_message`, `fallback_message`, or one yet unknown."""
    model: str | None = None
    """None on a compaction, and where the served model is meant."""
    unknown: Mapping[str, Any] = field(default_factory=dict, hash=False)
