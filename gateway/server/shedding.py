"""What the server bears: calls in flight, in all and for each caller, and memory. Pure.

It is asked before a body is read. Whoever comes over a bound is told so at once, and when to try
again: what is refused early costs next to nothing, what is accepted and not served costs all.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from gateway.server.refusals import Overloaded, TooManyCalls

RETRY_AFTER_S = (1, 4)
"""Between these, at random: clients wait exactly as long as they are told, and whoever was
refused in one moment should not return in one."""


class Shed(StrEnum):
    """Why a call is turned away."""

    IN_FLIGHT = "in_flight"
    KEY = "in_flight_per_key"
    MEMORY = "memory"
    BODIES = "bodies"
    """The bodies of the calls that are read or tried fill the memory that is theirs."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much the server bears; None: there is no bound."""

    in_flight: int
    bodies_bytes: int
    """At least the largest body, or some call would never find room."""
    in_flight_per_key: int | None = None
    memory_bytes: int | None = None
    draining: int = 0
    """How many answers are read on at a time though their callers left."""
    drain_s: float = 0.0


class Load:
    """What the server bears now, and what it has turned away."""

    def __init__(
        self,
        bounds: Bounds,
        resident_bytes: Callable[[], int | None] = lambda: None,
        rng: random.Random | None = None,
    ) -> None:
        self.in_flight = 0
        """Calls that are read or served, and whose callers wait for them."""
        self.draining = 0
        """Answers that are read on though their callers left."""
        self.bodies_bytes = 0
        """The bodies of calls that are read or tried."""
        self.shed: dict[str, int] = dict.fromkeys(Shed, 0)
        """How many calls were turned away, and why."""
        self.cut = 0
        """How many answers were not read on because enough others were."""
        self._bounds = bounds
        self._by_key: dict[str | None, int] = {}
        self._resident_bytes = resident_bytes
        self._rng = rng or random.Random()  # noqa: S311 - jitter is no secret

    @property
    def running(self) -> int:
        """How many calls are not over, whether or not somebody waits for them."""
        return self.in_flight + self.draining

    def admit(self, key: str | None, announced_bytes: int) -> Place:
        """Return a place for a call.

        Args:
            key: The name of its caller's key.
            announced_bytes: How large it says its body is; 0: it does not say.

        Raises:
            Overloaded: The server bears no more.
            TooManyCalls: The caller has as many calls in flight as it may.
        """
        bounds = self._bounds
        if self.in_flight >= bounds.in_flight:
            raise self._overloaded(Shed.IN_FLIGHT)
        of_key = self._by_key.get(key, 0)
        if bounds.in_flight_per_key is not None and of_key >= bounds.in_flight_per_key:
            self.shed[Shed.KEY] += 1
            raise TooManyCalls(Shed.KEY, bounds.in_flight_per_key, self._retry_after_s())
        if self._is_memory_short():
            raise self._overloaded(Shed.MEMORY)
        self.bear(announced_bytes)
        self.in_flight += 1
        self._by_key[key] = of_key + 1
        return Place(self, key)

    def bear(self, more_bytes: int) -> None:
        """Check that so much more of bodies finds room; raises Overloaded."""
        if self.bodies_bytes + more_bytes > self._bounds.bodies_bytes:
            raise self._overloaded(Shed.BODIES)

    def drain(self, key: str | None) -> float | None:
        """Count a call among those that drain; return for how long it may, None: it may not."""
        bounds = self._bounds
        if self.draining >= bounds.draining:
            self.cut += bool(bounds.draining)
            return None
        self.leave(key)
        self.draining += 1
        return bounds.drain_s

    def leave(self, key: str | None) -> None:
        """Count a call no more among those in flight."""
        self.in_flight -= 1
        left = self._by_key[key] - 1
        if left:
            self._by_key[key] = left
        else:
            del self._by_key[key]

    def _is_memory_short(self) -> bool:
        """Say whether memory is short; with no call in flight, turning one away frees none."""
        bound_bytes = self._bounds.memory_bytes
        if bound_bytes is None or not self.in_flight:
            return False
        resident_bytes = self._resident_bytes()
        return resident_bytes is not None and resident_bytes > bound_bytes

    def _overloaded(self, why: Shed) -> Overloaded:
        self.shed[why] += 1
        return Overloaded(why, self._retry_after_s())

    def _retry_after_s(self) -> int:
        return self._rng.randint(*RETRY_AFTER_S)


class Place:
    """One call's place among those in flight; `leave` gives it back."""

    __slots__ = ("_body_bytes", "_draining", "_key", "_load")

    def __init__(self, load: Load, key: str | None) -> None:
        self._load = load
        self._key = key
        self._body_bytes = 0
        self._draining = False

    def hold(self, size_bytes: int) -> None:
        """Count so much more of its body in memory; raises Overloaded when there is no room."""
        self._load.bear(size_bytes)
        self._load.bodies_bytes += size_bytes
        self._body_bytes += size_bytes

    def let_go(self) -> None:
        """Count its body no more: it has been sent for the last time."""
        self._load.bodies_bytes -= self._body_bytes
        self._body_bytes = 0

    def drain(self) -> float | None:
        """Read its answer on for nobody, where there is room; return how long it may take."""
        drain_s = self._load.drain(self._key)
        self._draining = drain_s is not None
        return drain_s

    def leave(self) -> None:
        """Give the place back."""
        self.let_go()
        if self._draining:
            self._load.draining -= 1
        else:
            self._load.leave(self._key)
