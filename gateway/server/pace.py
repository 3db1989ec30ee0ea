"""Whether what a caller sends or takes moves fast enough. Pure: time is passed in."""

from __future__ import annotations


class Pace:
    """Bears a standstill for a while; at `rate_bytes` a second or faster, anything for ever.

    What moves earns time, but never more than there was at the beginning: nobody can stand
    still for long because of much that came before.
    """

    __slots__ = ("_left_s", "_patience_s", "_rate_bytes", "_seen_s")

    def __init__(self, rate_bytes: int) -> None:
        self._rate_bytes = rate_bytes
        self._patience_s = self._left_s = self._seen_s = 0.0

    def begin(self, patience_s: float, now_s: float) -> None:
        """Wait for something new."""
        self._patience_s = self._left_s = patience_s
        self._seen_s = now_s

    def is_slow(self, moved_bytes: int, now_s: float) -> bool:
        """Say whether patience is at its end; so many bytes moved since this was asked before."""
        left_s = self._left_s - (now_s - self._seen_s) + moved_bytes / self._rate_bytes
        self._left_s = min(left_s, self._patience_s)
        self._seen_s = now_s
        return left_s < 0


class Outflow:
    """The pace at which a caller takes what waits to be written on its connection."""

    __slots__ = ("_pace", "_patience_s", "_waiting_bytes")

    def __init__(self, patience_s: float, rate_bytes: int) -> None:
        self._pace = Pace(rate_bytes)
        self._patience_s = patience_s
        self._waiting_bytes = 0

    def is_slow(self, waiting_bytes: int, now_s: float) -> bool:
        """Say whether what waits is taken too slowly."""
        taken_bytes = self._waiting_bytes - waiting_bytes
        self._waiting_bytes = waiting_bytes
        if taken_bytes < 0 or not waiting_bytes:
            # More is only written when what was there is taken, but for the last of it.
            self._pace.begin(self._patience_s, now_s)
        return self._pace.is_slow(max(0, taken_bytes), now_s)
