"""Fields of things whose classes are not known here: SDKs' objects, or the same as mappings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_LONGEST = 512


def field_of(thing: object, name: str) -> Any:
    """Return a field of an object or a mapping; None where there is none."""
    return thing.get(name) if isinstance(thing, Mapping) else getattr(thing, name, None)


def has(thing: object, name: str) -> bool:
    """Say whether there is such a field, whatever stands in it."""
    return name in thing if isinstance(thing, Mapping) else hasattr(thing, name)


def text_of(thing: object, *names: str) -> str:
    """Return the first of these fields that is text and not empty; else an empty text."""
    values = (field_of(thing, name) for name in names)
    found = (value for value in values if isinstance(value, str) and 0 < len(value) <= _LONGEST)
    return next(found, "")
