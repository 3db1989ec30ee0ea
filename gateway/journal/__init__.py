"""Stub."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal


class JournalBroken(Exception):
    """x."""


class Journal:
    """x."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def open(
        cls,
        directory: Path,
        *,
        fsync: Literal["always", "interval", "never"],
        now: Callable[[], float],
    ) -> Journal:
        """X."""
        directory.mkdir(parents=True, exist_ok=True)
        return cls(directory / "journal-x.jsonl")

    def append(self, kind: str, data: Mapping[str, Any]) -> None:
        """X."""
        import msgspec

        with self.path.open("ab") as f:
            f.write(msgspec.json.encode({"kind": kind, "data": data}) + b"\n")

    def close(self) -> None:
        """X."""
