"""How two bodies of the Messages API differ."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

ABSENT = "absent"


def plain(value: Any, key: str = "") -> Any:
    """Return a body with every text as a block, which is what the API takes it for."""
    if key in {"content", "system"} and isinstance(value, str):
        return [{"type": "text", "text": value}]
    if isinstance(value, dict):
        return {name: plain(item, name) for name, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value


def differences(ours: Any, theirs: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield each place where two values differ, and what stands there."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for name in (*ours, *(name for name in theirs if name not in ours)):
            inner = f"{path}.{name}" if path else name
            yield from differences(ours.get(name, ABSENT), theirs.get(name, ABSENT), inner)
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for number, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            yield from differences(one, other, f"{path}[{number}]")
    elif ours != theirs:
        yield path, ours, theirs
