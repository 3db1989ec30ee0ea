"""What a value of a report may be: a count, text, or JSON of some depth. Never raises."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any, TypeGuard

from gateway.usage.tokens import COUNTER_MAX

DEPTH_MAX = 32
"""How deep what is unknown may be nested to be kept."""
_NAME_MAX = 64


def not_a_count(value: object) -> str | None:
    """Say why a value is no count; None: it is one."""
    if type(value) is not int:
        return "not an integer"
    if value < 0:
        return "negative"
    return "too large" if value > COUNTER_MAX else None


def is_text(value: object) -> TypeGuard[str]:
    """Say whether a value is text that can be written down (a lone surrogate cannot)."""
    if not isinstance(value, str):
        return False
    if value.isascii():
        return True
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def as_mapping(value: object) -> Mapping[Any, Any] | None:
    """Return a mapping, or an object of an SDK as one; None for anything else."""
    if type(value) is dict or isinstance(value, Mapping):
        return value
    dump = getattr(value, "model_dump", None)
    if dump is None:
        return None
    try:
        plain = dump(mode="python", exclude_unset=True, warnings=False)
    except (ValueError, TypeError, RecursionError):
        return None
    return plain if isinstance(plain, Mapping) else None


def named(path: str) -> str:
    """Return a path as flags show it: keys of strangers are bounded."""
    return path if len(path) <= _NAME_MAX and path.isprintable() else "unknown"


def plain(value: Any, depth: int = DEPTH_MAX) -> tuple[Any, str | None]:
    """Return a copy of a JSON value and None, or None and why it is no JSON value.

    SDKs' objects become mappings.
    """
    if value is None or isinstance(value, bool):
        return value, None
    if isinstance(value, int):
        return (int(value), None) if abs(value) <= COUNTER_MAX else (None, "too large")
    if isinstance(value, float):
        return (float(value), None) if isfinite(value) else (None, "not a number")
    if isinstance(value, str):
        return (str.__str__(value), None) if is_text(value) else (None, "not text")
    if depth == 0:
        return None, "nested too deep"
    if isinstance(value, (list, tuple)):
        return _list(value, depth - 1)
    mapping = as_mapping(value)
    return (None, "not JSON") if mapping is None else _object(mapping, depth - 1)


def _list(values: list[Any] | tuple[Any, ...], depth: int) -> tuple[Any, str | None]:
    read = [plain(value, depth) for value in values]
    why = next((why for _, why in read if why is not None), None)
    return ([value for value, _ in read], None) if why is None else (None, why)


def _object(values: Mapping[Any, Any], depth: int) -> tuple[Any, str | None]:
    if not all(is_text(key) for key in values):
        return None, "a key that is not text"
    read = {str.__str__(key): plain(value, depth) for key, value in values.items()}
    why = next((why for _, why in read.values() if why is not None), None)
    return ({key: value for key, (value, _) in read.items()}, None) if why is None else (None, why)
