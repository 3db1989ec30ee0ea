"""What a stream has told so far: its start, its deltas, and what only its last event says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from gateway.usage.elsewhere import METRICS, bedrock_metrics
from gateway.usage.merging import later
from gateway.usage.reading import Fields, read
from gateway.usage.shapes import BEDROCK_METRICS


def told(events: Iterable[object]) -> Fields:
    """Return the fields that a stream's events have told."""
    start: Fields = {"flags": []}
    delta: Fields = {"flags": []}
    stop: object = None
    for event in events:
        match _get(event, "type"):
            case "message_start":
                start = later(start, read(_get(_get(event, "message"), "usage")))
            case "message_delta":
                delta = later(delta, read(_get(event, "usage")))
            case "message_stop":
                stop = event
            case _:
                pass
    known = later(start, delta)
    late, metrics = _get(stop, "usage"), _get(stop, METRICS)
    if late is None and metrics is None:
        return known
    # At the start, the count of output is a placeholder of a few tokens.
    placeholder = known.pop("output_tokens", 0) if "output_tokens" not in delta else None
    known = _completed(later(read(late), known), bedrock_metrics(metrics))
    if placeholder is not None:
        known.setdefault("output_tokens", placeholder)
    return known


def _completed(known: Fields, metrics: Fields) -> Fields:
    """Return `known` with what only the platform's metrics count; the answer's own counts win."""
    metrics.pop("unknown", None)
    differing = [
        f"{METRICS}.{key}: differs"
        for key, name in BEDROCK_METRICS.counts.items()
        if name in known and name in metrics and known[name] != metrics[name]
    ]
    full = later(metrics, known)
    full["flags"] += differing
    return full


def _get(event: object, name: str) -> Any:
    return event.get(name) if isinstance(event, Mapping) else getattr(event, name, None)
