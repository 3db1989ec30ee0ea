"""Stopping without cutting anyone off. Pure: time is passed in."""

from __future__ import annotations


class Drain:
    """How many calls are running, and whether a stop was asked for."""

    __slots__ = ("_drain_s", "_until_s", "asked", "running")

    def __init__(self, drain_s: float) -> None:
        self.running = 0
        self.asked = False
        self._drain_s = drain_s
        self._until_s: float | None = None

    def over(self, now_s: float) -> bool:
        """Say whether the server may stop: asked to, and nothing runs or time is up."""
        if not self.asked:
            return False
        if self._until_s is None:
            self._until_s = now_s + self._drain_s
        return self.running == 0 or now_s >= self._until_s
