"""Threads for what blocks: name look-ups, and token fetches that others must not wait behind."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from gateway.wire.contract import WireError
from providers.contract import FailureKind

T = TypeVar("T")


class Threads:
    """A thread pool that is made on first use, and anew in a forked child."""

    def __init__(self, name: str, size: int) -> None:
        self._name = name
        self._size = size
        self._made: tuple[int, ThreadPoolExecutor] | None = None

    def submit(self, work: Callable[[], T]) -> Future[T]:
        """Start `work` as soon as a thread is free."""
        pid = os.getpid()
        made = self._made
        if made is None or made[0] != pid:
            # Two threads may both get here; the pool that loses ends with its one piece of work.
            made = self._made = (pid, ThreadPoolExecutor(self._size, self._name))
        return made[1].submit(work)


def begin(work: Callable[[], T], name: str) -> Future[T]:
    """Start `work` in a thread of its own; the end of the process does not wait for that one."""
    told: Future[T] = Future()
    told.set_running_or_notify_cancel()

    def run() -> None:
        try:
            told.set_result(work())
        except BaseException as error:  # noqa: BLE001 - whoever waits is told
            told.set_exception(error)

    threading.Thread(target=run, name=name, daemon=True).start()
    return told


LOOKUPS = Threads("gateway-lookup", 8)
FETCHES = Threads("gateway-fetch", 256)
"""Many, for each waits: one upstream's token endpoint that hangs must not hold up another's."""


def out_of_time() -> WireError:
    """Return the error for time that was up before a byte of the request was written."""
    return WireError(
        FailureKind.NOT_SENT, "the time was up before the request was sent", timed_out=True
    )
