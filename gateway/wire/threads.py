"""Threads for what blocks: name look-ups, and token fetches that others must not wait behind."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from gateway.wire.contract import WireError
from providers.contract import FailureKind

T = TypeVar("T")


class Threads:
    """A small thread pool that is made on first use, and anew in a forked child."""

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


class Unqueued:
    """A daemon thread for each piece of work, so that none waits behind one that hangs.

    Work here is waiting, bounded by its caller's time: there are as many threads as callers wait.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def submit(self, work: Callable[[], T]) -> Future[T]:
        """Start `work` now."""
        future: Future[T] = Future()
        run = partial(_run, future, work)
        threading.Thread(target=run, name=self._name, daemon=True).start()
        return future


def _run(future: Future[T], work: Callable[[], T]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = work()
    except BaseException as error:  # noqa: BLE001 - it belongs to who waits
        future.set_exception(error)
    else:
        future.set_result(result)


LOOKUPS = Threads("gateway-lookup", 8)
FETCHES = Unqueued("gateway-fetch")


def out_of_time() -> WireError:
    """Return the error for time that was up before a byte of the request was written."""
    return WireError(
        FailureKind.NOT_SENT, "the time was up before the request was sent", timed_out=True
    )
