"""Token counts that Bedrock reports beside the answer, put where the Anthropic format has them.

Counts are only added or moved. A number that an answer reports is never changed, and one that
nobody reported stays absent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec
from msgspec import Raw

Fields = dict[str, Raw]

METRICS = "amazon-bedrock-invocationMetrics"
"""The key that Bedrock adds to the last event of a stream."""

COUNTS = (
    "input_tokens",
    "output_tokens",
    "cache_creation_input_tokens",
    "cache_read_input_tokens",
)
"""The counts that a whole usage has."""

_METRIC_OF = {
    "input_tokens": "inputTokenCount",
    "output_tokens": "outputTokenCount",
    "cache_creation_input_tokens": "cacheWriteInputTokenCount",
    "cache_read_input_tokens": "cacheReadInputTokenCount",
}
_NULL = b"null"
_METRICS_NEEDLE = METRICS.encode()
_fields = msgspec.json.Decoder(Fields)


def fields(raw: bytes | Raw | None) -> Fields:
    """Return an object's fields one level deep; empty when it is no object.

    Raises msgspec.DecodeError when it is not JSON.
    """
    if raw is None or not bytes(raw).lstrip().startswith(b"{"):
        return {}
    return _fields.decode(raw)


def encode(value: Mapping[str, Raw]) -> bytes:
    """Return an object's JSON; each value keeps its bytes."""
    return msgspec.json.encode(value)


def reported(usage: Mapping[str, Raw]) -> set[str]:
    """Return the names of the fields that hold something."""
    return {name for name, value in usage.items() if bytes(value) != _NULL}


def fill(usage: Mapping[str, Raw], more: Mapping[str, Raw], names: Iterable[str]) -> Fields:
    """Return `usage` with those of `names` that it lacks taken from `more`."""
    held = reported(usage)
    found = {name: more[name] for name in names if name in more and name not in held}
    return {**usage, **found}


class UsageKeeper:
    """One Bedrock stream's usage: waits for the metrics where an answer's own usage has gaps.

    Takes events as (name, JSON) and returns those to pass on. `message_delta` is held back until
    `message_stop`, and only when the counts so far are not whole.
    """

    __slots__ = ("_held", "_metrics", "_seen")

    def __init__(self) -> None:
        self._held: list[tuple[str, bytes]] = []
        self._metrics: Fields = {}
        self._seen: set[str] = set()

    @property
    def holding(self) -> bool:
        """Whether events wait for the end of the stream."""
        return bool(self._held)

    def take(self, name: str, data: bytes) -> list[tuple[str, bytes]]:
        """Return the events to pass on now that `data` is here."""
        if _METRICS_NEEDLE in data:
            data = self._without_metrics(data)
        if name == "message_start":
            usage = fields(fields(fields(data).get("message")).get("usage"))
            # The count of output there is a placeholder of a few tokens.
            self._seen |= reported(usage) - {"output_tokens"}
        elif name == "message_delta":
            return self._delta(name, data)
        elif name == "message_stop":
            return self._stop(name, data)
        if not self._held:
            return [(name, data)]
        self._held.append((name, data))
        return []

    def release(self) -> list[tuple[str, bytes]]:
        """Return what is held, as it came."""
        held, self._held = self._held, []
        return held

    def _without_metrics(self, data: bytes) -> bytes:
        event = fields(data)
        metrics = event.pop(METRICS, None)
        if metrics is None:
            # The words stood inside a string.
            return data
        self._metrics |= fields(metrics)
        return encode(event)

    def _delta(self, name: str, data: bytes) -> list[tuple[str, bytes]]:
        earlier = self.release()
        self._seen |= reported(fields(fields(data).get("usage")))
        if self._seen.issuperset(COUNTS):
            return [*earlier, (name, data)]
        self._held = [(name, data)]
        return earlier

    def _stop(self, name: str, data: bytes) -> list[tuple[str, bytes]]:
        held = self.release()
        if not held:
            return [(name, data)]
        event = fields(data)
        late = fields(event.get("usage"))
        moved = {key: value for key, value in late.items() if key not in self._seen}
        held[0] = ("message_delta", self._whole(held[0][1], moved))
        if not late:
            return [*held, (name, data)]
        left = {key: value for key, value in late.items() if key not in moved}
        event.pop("usage")
        if left:
            event["usage"] = Raw(encode(left))
        return [*held, (name, encode(event))]

    def _whole(self, delta: bytes, moved: Mapping[str, Raw]) -> bytes:
        """Return `message_delta` with what only the end of the stream told."""
        event = fields(delta)
        own = fields(event.get("usage"))
        usage = fill(own, moved, moved)
        missing = [count for count in COUNTS if count not in self._seen | reported(moved)]
        metrics = {
            count: self._metrics[_METRIC_OF[count]]
            for count in missing
            if bytes(self._metrics.get(_METRIC_OF[count], _NULL)) != _NULL
        }
        usage = fill(usage, metrics, missing)
        if usage == own:
            return delta
        return encode({**event, "usage": Raw(encode(usage))})
