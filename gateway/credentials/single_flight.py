"""One piece of blocking work at a time, shared by all who wait for it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

T = TypeVar("T")


class SingleFlight(Generic[T]):
    """Runs `work` in a daemon thread of its own, never twice at once.

    A waiter that gives up leaves the work running; whoever comes next joins it. So work that
    hangs holds one thread, not one for each caller, and does not keep the process alive.
    """

    __slots__ = ("_flight", "_lock", "_name", "_pid", "_work")

    def __init__(self, work: Callable[[], T], name: str) -> None:
        self._work = work
        self._name = name
        self._lock = threading.Lock()
        self._flight: Future[T] | None = None
        self._pid = os.getpid()

    def join(self, needed: Callable[[], bool]) -> Future[T] | None:
        """Return the work in progress, else start it if `needed()`, else return None.

        `needed` is asked only while nothing runs, so it sees what the last run has left: a
        caller that comes late does not start work that was just done.
        """
        if self._pid != os.getpid():
            # The thread stayed in the parent, and so may whoever held the lock.
            self._lock, self._flight, self._pid = threading.Lock(), None, os.getpid()
        with self._lock:
            if self._flight is None and needed():
                flight: Future[T] = Future()
                threading.Thread(
                    target=self._fly, args=(flight,), name=self._name, daemon=True
                ).start()
                self._flight = flight
            return self._flight

    def _fly(self, flight: Future[T]) -> None:
        try:
            result = self._work()
        except BaseException as error:  # noqa: BLE001 - it belongs to those who wait
            self._land()
            flight.set_exception(error)
        else:
            self._land()
            flight.set_result(result)

    def _land(self) -> None:
        with self._lock:
            self._flight = None
