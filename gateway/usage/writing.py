"""Writes fields in the shape of a platform: the reader's way back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.usage.shapes import Shape


def written(source: object, unknown: Mapping[str, Any], shape: Shape) -> dict[str, Any]:
    """Return an object's fields in a shape; what is not known is left out.

    Args:
        source: Has the fields as attributes.
        unknown: What the shape does not know, by path.
        shape: The keys to write.
    """
    told = {key: getattr(source, name) for key, name in (shape.counts | shape.words).items()}
    told = {key: value for key, value in told.items() if value is not None}
    inside, beside = _parted(unknown, shape)
    # A word that a group says too is written there, where there is room for all of it.
    for key, group in shape.groups.items():
        within = written(source, inside.get(key, {}), group)
        if within:
            told[key] = within
    return {**told, **beside}


def _parted(
    unknown: Mapping[str, Any], shape: Shape
) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
    """Part what is unknown within the groups from what is unknown beside them."""
    inside: dict[str, dict[str, Any]] = {}
    beside: dict[str, Any] = {}
    for path, value in unknown.items():
        key, dot, rest = path.partition(".")
        group = shape.groups.get(key) if dot else None
        if group is None or group.knows(rest):
            beside[path] = value
        else:
            inside.setdefault(key, {})[rest] = value
    return inside, beside
