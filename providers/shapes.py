"""Struct shapes that any thread may be the first to use."""

from __future__ import annotations

from typing import TypeVar

import msgspec

Shape = TypeVar("Shape", bound=type[msgspec.Struct])


def ready(shape: Shape) -> Shape:
    """Have msgspec look through a shape now, while only one thread can know of it.

    It does so when a shape is first used, and msgspec 0.22 crashes the process where two threads
    do that at once.
    """
    msgspec.json.Decoder(shape)
    return shape
