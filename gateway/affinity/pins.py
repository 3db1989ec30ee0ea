"""Which upstream a conversation is pinned to, for as long as its cache lives there."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import NamedTuple, Protocol

MAX_PINS = 100_000


class PinStore(Protocol):
    """Where pins are kept.

    A store that cannot be reached finds nothing and keeps nothing: it never raises, for a call
    is served without pins as well.
    """

    async def get(self, key: bytes, now_s: float) -> str | None:
        """Return what a key is pinned to; None: to nothing, or no longer."""
        ...

    async def put(self, key: bytes, name: str, ttl_s: float, now_s: float) -> None:
        """Pin a key for a time, from now on. A pin to the same name never becomes shorter."""
        ...


class _Pin(NamedTuple):
    name: str
    until_s: float


class MemoryPins:
    """The pins of one process, for all its threads; the least recently used goes first.

    It never suspends, so the blocking wire may wait for it.
    """

    def __init__(self, limit: int = MAX_PINS) -> None:
        self._limit = limit
        self._pins: OrderedDict[bytes, _Pin] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._pins)

    async def get(self, key: bytes, now_s: float) -> str | None:
        """Return what a key is pinned to; None: to nothing, or no longer."""
        with self._lock:
            pin = self._live(key, now_s)
            if pin is None:
                return None
            self._pins.move_to_end(key)
            return pin.name

    async def put(self, key: bytes, name: str, ttl_s: float, now_s: float) -> None:
        """Pin a key for a time, from now on. A pin to the same name never becomes shorter."""
        with self._lock:
            held = self._live(key, now_s)
            until_s = now_s + ttl_s
            if held is not None and held.name == name:
                until_s = max(until_s, held.until_s)
            self._pins[key] = _Pin(name, until_s)
            self._pins.move_to_end(key)
            while len(self._pins) > self._limit:
                self._pins.popitem(last=False)

    def _live(self, key: bytes, now_s: float) -> _Pin | None:
        pin = self._pins.get(key)
        if pin is not None and now_s >= pin.until_s:
            del self._pins[key]
            return None
        return pin
