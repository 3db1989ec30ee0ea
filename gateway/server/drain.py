"""Stopping without cutting anyone off. Pure: time is passed in."""

from __future__ import annotations

from typing import Protocol


class Runs(Protocol):
    """The part of `gateway.server.shedding.Load` that is needed here."""

    @property
    def running(self) -> int:
        """How many calls are not over."""
        ...


class Drain:
    """Whether a stop was asked for, and whether what runs has ended."""

    __slots__ = ("_drain_s", "_load", "_until_s", "asked")

    def __init__(self, load: Runs, drain_s: float) -> None:
        self.asked = False
        self._load = load
        self._drain_s = drain_s
        self._until_s: float | None = None

    @property
    def running(self) -> int:
        """How many calls are not over, those included that are read on for nobody."""
        return self._load.running

    def over(self, now_s: float) -> bool:
        """Say whether the server may stop: asked to, and nothing runs or time is up."""
        if not self.asked:
            return False
        if self._until_s is None:
            self._until_s = now_s + self._drain_s
        return self.running == 0 or now_s >= self._until_s
