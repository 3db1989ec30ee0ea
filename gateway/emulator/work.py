"""What a model does for one request, whatever becomes of the answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

_SAID: Final = ("text", "thinking", "partial_json")


@dataclass(frozen=True, slots=True)
class Work:
    """One answer, from its beginning to its end."""

    message: Mapping[str, Any] = field(repr=False)
    """The answer with its true counts."""
    model: str
    """The canonical id of the model that answers."""
    scope: str
    """How far the request may travel there; see `billing.Bill`."""
    events: Sequence[Mapping[str, Any]] = field(default=(), repr=False)
    """The answer as a stream; none: it is not streamed, and is whole before a byte of it goes."""

    def generated(self, sent: int) -> int:
        """Return how many output tokens there are once so many events have gone out.

        They are in proportion to the text, and no fewer than the events themselves tell.
        """
        total: int = self.message["usage"]["output_tokens"]
        gone = self.events[:sent]
        if any(event["type"] == "message_delta" for event in gone):
            return total
        all_bytes = _said_bytes(self.events)
        told = gone[0]["message"]["usage"]["output_tokens"] if gone else 0
        share = -(-total * _said_bytes(gone) // all_bytes) if all_bytes else 0
        return max(told, share)


def _said_bytes(events: Sequence[Mapping[str, Any]]) -> int:
    deltas = (event["delta"] for event in events if event["type"] == "content_block_delta")
    return sum(len(str(delta.get(name, "")).encode()) for delta in deltas for name in _SAID)
