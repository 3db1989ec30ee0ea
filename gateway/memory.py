"""How much memory this process holds."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

STATM = Path("/proc/self/statm")
"""Linux's word on it: sizes in pages, the resident one second (proc(5))."""
EVERY_S = 1.0
MIB_BYTES = 1 << 20


class Resident:
    """The resident size of this process, read at most once a second.

    Over the bound, free memory is first given back to the system: the C library keeps what many
    large bodies have used, and would go on counting for a load that is long gone.
    """

    def __init__(
        self, bound_bytes: int, statm: Path = STATM, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._bound_bytes = bound_bytes
        self._statm = statm
        self._now = now
        self._bytes: int | None = None
        self._again_s = float("-inf")

    def __call__(self) -> int | None:
        """Return it; None: it cannot be read here."""
        now_s = self._now()
        if now_s >= self._again_s:
            self._again_s = now_s + EVERY_S
            self._bytes = resident_bytes(self._statm)
            if self._bytes is not None and self._bytes > self._bound_bytes:
                give_back()
                self._bytes = resident_bytes(self._statm)
        return self._bytes


def resident_bytes(statm: Path = STATM) -> int | None:
    """Return the resident size of this process now; None: it cannot be read here."""
    try:
        return int(statm.read_bytes().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return None


def give_back() -> None:
    """Have the C library give free memory back to the system, where it knows how (glibc)."""
    import ctypes  # noqa: PLC0415 - most processes never need it

    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def unread_note(memory_mb: int, statm: Path = STATM) -> list[str]:
    """Return what an operator should know of a bound that nothing can be held against."""
    if not memory_mb or resident_bytes(statm) is not None:
        return []
    why = "this system does not say how much memory a process holds"
    return [f"server.memory_mb = {memory_mb} has no effect: {why}"]


def resting_note(memory_mb: int, resting_bytes: int | None) -> list[str]:
    """Return what an operator should know of a bound below what an idle server holds."""
    if not memory_mb or resting_bytes is None or resting_bytes < memory_mb * MIB_BYTES:
        return []
    resting_mb = resting_bytes // MIB_BYTES
    why = f"this process holds {resting_mb} MiB at rest, so it serves one call at a time"
    return [f"server.memory_mb = {memory_mb} is too low: {why}"]
