"""Pins of one process, for as long as it lives."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable

from gateway.stateful.pins import Pin

MAX_PINS = 100_000

_Key = tuple[str, str]


class MemoryPins:
    """The pins of one process, for all its threads; beyond the limit the oldest go first."""

    durable = False

    def __init__(self, limit: int = MAX_PINS) -> None:
        self._limit = limit
        self._pins: OrderedDict[_Key, dict[str, Pin]] = OrderedDict()
        self._lock = threading.Lock()

    def put(self, pin: Pin) -> None:
        """Keep a pin; one that is there already stays as it is."""
        with self._lock:
            self._pins.setdefault((pin.state, pin.id), {}).setdefault(pin.upstream, pin)
            while len(self._pins) > self._limit:
                self._pins.popitem(last=False)

    def find(self, wanted: Iterable[tuple[str, str]]) -> tuple[Pin, ...]:
        """Return the pins of states, each named by kind and id."""
        with self._lock:
            return tuple(
                pin for key in dict.fromkeys(wanted) for pin in self._pins.get(key, {}).values()
            )

    def replace(self, pin: Pin) -> None:
        """Keep what is known now of what is pinned already."""
        with self._lock:
            held = self._pins.get((pin.state, pin.id), {})
            if pin.upstream in held:
                held[pin.upstream] = pin

    def deleted(self, state: str, name: str, upstream: str) -> None:
        """Do nothing: the id of what was deleted stays pinned, and the oldest go first."""
