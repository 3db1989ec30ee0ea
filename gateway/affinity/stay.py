"""From a call to where it should stay, and from its answer to where the next turn should go."""

from __future__ import annotations

import secrets

from gateway.affinity import signatures
from gateway.affinity.key import Keys, keys
from gateway.affinity.pins import MemoryPins, PinStore
from gateway.call import Call


class Affinity:
    """The pins of one engine.

    Args:
        store: Where they are kept; None: in memory.
        platforms: How many platforms there are; with one it is no question which one made a
            signature.
    """

    def __init__(self, store: PinStore | None = None, *, platforms: int = 2) -> None:
        self._store = MemoryPins() if store is None else store
        self.watches = platforms > 1
        """Whether it matters who signs thinking."""
        self._seal = secrets.token_bytes(32)

    async def of(self, call: Call, now_s: float) -> Stay:
        """Return where a call should stay."""
        known = keys(call, self._seal)
        made = signatures.newest(call.fields.raw, self._seal) if self.watches else None
        stay = Stay(self, known)
        if known is not None:
            stay.warm = await self._pinned(known, now_s)
        if made is not None:
            stay.minted_by = await self._store.get(made, now_s)
        return stay

    async def keep(self, known: Keys, upstream: str, now_s: float) -> None:
        """Pin a conversation, and others with the same prefix, to the upstream that answered."""
        await self._store.put(known.conversation, upstream, known.ttl_s, now_s)
        if known.prefix is not None:
            await self._store.put(known.prefix, upstream, known.ttl_s, now_s)

    async def minted(self, platform: str, data: bytes, now_s: float) -> None:
        """Remember which platform made the last signature in a body or in events."""
        made = signatures.newest(data, self._seal) if self.watches else None
        if made is not None:
            await self._store.put(made, platform, signatures.REMEMBERED_S, now_s)

    async def _pinned(self, known: Keys, now_s: float) -> str | None:
        """A conversation's own pin comes first: another one's failover does not move it."""
        own = await self._store.get(known.conversation, now_s)
        if own is not None or known.prefix is None:
            return own
        return await self._store.get(known.prefix, now_s)


class Stay:
    """Where one call should stay."""

    __slots__ = ("_affinity", "_keys", "minted_by", "warm")

    def __init__(self, affinity: Affinity | None = None, known: Keys | None = None) -> None:
        self._affinity = affinity
        self._keys = known
        self.warm: str | None = None
        """The upstream where its prompt cache is warm."""
        self.minted_by: str | None = None
        """The platform that signed its newest thinking block."""

    @property
    def watches(self) -> bool:
        """Whether it matters who signs the answer's thinking."""
        return self._affinity is not None and self._affinity.watches

    async def answered(self, upstream: str, now_s: float) -> None:
        """Take note of the upstream that answered: there the cache is warm from now on."""
        if self._affinity is not None and self._keys is not None:
            await self._affinity.keep(self._keys, upstream, now_s)

    async def minted(self, platform: str, data: bytes, now_s: float) -> None:
        """Take note of an answer's body, or of events, that a platform may have signed."""
        if self._affinity is not None:
            await self._affinity.minted(platform, data, now_s)


NOWHERE = Stay()
"""Where a call stays that nobody holds."""
