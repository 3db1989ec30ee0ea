"""The pins as the flow of a request sees them: looked up and kept without holding up an event loop.

Where a store is lost, what this process has pinned is still known to it; what else there may be
is not, and then nothing is sent.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import TypeVar

from msgspec.structs import replace

from gateway.errors import NotReady
from gateway.stateful.memory import MemoryPins
from gateway.stateful.pins import Pin, Pins, PinsLost
from gateway.wire.contract import Wire, WireError

T = TypeVar("T")

STORE_S = 10.0
"""How long the store is waited for."""
NEAR = 10_000
"""How many pins are remembered beside a store."""
_LOG = logging.getLogger("gateway.stateful")


class Held:
    """The pins of one engine.

    Args:
        store: What keeps them over restarts; None: nothing does.
    """

    def __init__(self, store: Pins | None = None) -> None:
        self._store = store
        self._near = MemoryPins() if store is None else MemoryPins(NEAR)
        self.lost = False
        """The last that was to be kept was not."""

    @property
    def durable(self) -> bool:
        """Whether a pin outlives the process."""
        return self._store is not None and self._store.durable

    async def find(self, wanted: Iterable[tuple[str, str]], wire: Wire) -> tuple[Pin, ...]:
        """Return the pins of states, each named by kind and id; raises NotReady."""
        keys = list(dict.fromkeys(wanted))
        near = self._near.find(keys)
        store = self._store
        known = {(pin.state, pin.id) for pin in near}
        missing = [key for key in keys if key not in known]
        if store is None or not missing:
            return near
        try:
            found = await self._away(lambda: store.find(missing), wire)
        except (PinsLost, WireError) as error:
            _LOG.error("the pins cannot be read: %s", error)
            raise NotReady("It cannot be looked up which upstream has this; try again.") from None
        for pin in found:
            self._near.put(pin)
        return (*near, *found)

    async def put(self, pin: Pin, wire: Wire) -> bool:
        """Keep a pin; return whether it outlives the process, where pins are to."""
        self._near.put(pin)
        store = self._store
        if store is None:
            return True
        try:
            await self._away(lambda: store.put(pin), wire)
        except (PinsLost, WireError) as error:
            self.lost = True
            _LOG.error("%s %s is not pinned durably: %s", pin.state, pin.id, error)
            return False
        self.lost = False
        return True

    async def charged(self, pin: Pin, wire: Wire) -> None:
        """Take note that all that a batch used is on record."""
        told = replace(pin, charged=True)
        self._near.replace(told)
        store = self._store
        if store is not None:
            try:
                await self._away(lambda: store.replace(told), wire)
            except (PinsLost, WireError) as error:
                _LOG.warning("a batch will be recorded once more: %s", error)

    async def deleted(self, pin: Pin, wire: Wire) -> None:
        """Take note that a state was deleted; its id means that upstream as before."""
        store = self._store
        if store is not None:
            try:
                await self._away(lambda: store.deleted(pin.state, pin.id, pin.upstream), wire)
            except (PinsLost, WireError) as error:
                _LOG.warning("the pin of a deleted %s is kept for good: %s", pin.state, error)

    async def _away(self, work: Callable[[], T], wire: Wire) -> T:
        return await wire.blocking(work, wire.now_s() + STORE_S)
