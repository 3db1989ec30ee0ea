"""Waiting in a test for what must come."""

from __future__ import annotations

import time
from collections.abc import Callable

WAIT_S = 10.0


def until(holds: Callable[[], object]) -> None:
    """Return once something holds; fails when it does not come to hold."""
    deadline_s = time.monotonic() + WAIT_S
    while not holds():
        assert time.monotonic() < deadline_s, "this never came to hold"
        time.sleep(0.002)
