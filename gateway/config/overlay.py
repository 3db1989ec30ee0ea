"""One configuration laid over another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def overlay(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return `base` with `over` on top: tables merge by key, all else replaces.

    Neither argument is changed. The order of keys is that of `base`, then what is new.
    """
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        if isinstance(value, Mapping):
            merged[key] = overlay(below if isinstance(below, Mapping) else {}, value)
        else:
            merged[key] = value
    return merged
