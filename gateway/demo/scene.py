"""What a step hands to the report: a table to read and claims that hold or do not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gateway.demo.stage import Stage


@dataclass(frozen=True, slots=True)
class Claim:
    """One statement, checked against the emulated platforms' request log."""

    text: str
    held: bool
    detail: str
    """What was found; shown when the claim does not hold."""


@dataclass(frozen=True, slots=True)
class Table:
    """Words in rows, for people."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Scene:
    """What one step showed."""

    table: Table
    claims: tuple[Claim, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """One thing the demo shows. `play(stage, broken)` does it; broken, its claims must fail."""

    name: str
    title: str
    sentence: str
    play: Callable[[Stage, bool], Scene]
