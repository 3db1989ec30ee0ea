"""How fast a caller takes what is written for it. Pure: time is passed in."""

from __future__ import annotations


class Outflow:
    """Watches how much waits to be written on one connection."""

    __slots__ = ("_from_bytes", "_last_bytes", "_rate_bytes", "_since_s", "_wait_s")

    def __init__(self, wait_s: float, rate_bytes: int) -> None:
        self._wait_s = wait_s
        self._rate_bytes = rate_bytes
        self._from_bytes = self._last_bytes = 0
        self._since_s = 0.0

    def is_stuck(self, waiting_bytes: int, now_s: float) -> bool:
        """Say whether what waits is taken too slowly: longer than `wait_s`, below `rate_bytes`."""
        more = waiting_bytes > self._last_bytes
        self._last_bytes = waiting_bytes
        if more or not waiting_bytes:
            # More is only written when what was there is taken, but for the last of it.
            self._from_bytes, self._since_s = waiting_bytes, now_s
            return False
        taken_bytes = self._from_bytes - waiting_bytes
        return now_s - self._since_s > self._wait_s + taken_bytes / self._rate_bytes
