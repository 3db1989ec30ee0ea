"""What the server needs to know, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NoReturn, Self

from gateway.call import Caller
from gateway.config import Config
from gateway.memory import MIB_BYTES
from gateway.server.shedding import Bounds

DOOR = "server"
BODIES_OF_LIMIT = 32
"""Without a bound on memory, the bodies in it may amount to so many of the largest."""
BODIES_OF_MEMORY = 4
"""With one, to the so-manieth part of it: a body is there up to three times while it is sent."""
DRAINING_OF_IN_FLIGHT = 10
"""Of so many calls in flight one may be read on for nobody."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Where the server listens, whom it answers, and what it bears."""

    host: str = "127.0.0.1"
    port: int = 8787
    """0: any free port."""
    keys: tuple[str, ...] = field(default=(), repr=False)
    """Keys that callers may show; they may assert no class."""
    callers: Mapping[str, Caller] = field(default_factory=dict, repr=False)
    """Key -> caller, for keys that may do more."""
    admin_keys: tuple[str, ...] = field(default=(), repr=False)
    """Keys that operators show who ask for usage and cost."""
    public_url: str | None = None
    """Where callers reach it, for URLs in answers; None: as they called it."""
    body_limit_bytes: int = 32 << 20
    """The largest body, as sent and inflated."""
    drain_s: float = 600.0
    """How long running answers may take after a stop was asked for."""
    head_s: float = 10.0
    """How long a request's head may take to arrive."""
    head_limit_bytes: int = 64 << 10
    """How large a head may grow, and what frames a body between two pieces of it."""
    header_limit: int = 100
    """How many fields a head may have."""
    body_s: float = 30.0
    """How long a body may take that does not come at `rate_bytes` or faster."""
    write_s: float = 120.0
    """How long what is written may wait for a caller who takes less than `rate_bytes`."""
    rate_bytes: int = 1024
    """Bytes a second."""
    keep_alive_s: int = 75
    """How long an idle connection stays open: longer than clients keep theirs."""
    in_flight: int = 2000
    """How many calls are served at a time."""
    in_flight_per_key: int = 0
    """The same for each caller; 0: there is no bound."""
    memory_bytes: int = 0
    """The resident size over which calls are turned away; 0: there is no bound."""
    drains: bool = False
    """An answer whose caller left is read on."""
    disconnect_drain_s: float = 60.0
    """For so long."""

    @classmethod
    def of(cls, config: Config) -> Self:
        """Return what a configuration says of the server and its callers."""
        return cls(
            host=config.server.host,
            port=config.server.port,
            keys=tuple(key.reveal() for key in config.server.keys),
            callers={
                each.key.reveal(): Caller(
                    name, frozenset(each.classes), frozenset(each.layers), DOOR
                )
                for name, each in config.callers.items()
            },
            admin_keys=tuple(key.reveal() for key in config.server.admin_keys),
            public_url=config.server.public_url,
            body_limit_bytes=config.server.body_limit_bytes,
            in_flight=config.server.in_flight,
            in_flight_per_key=config.server.in_flight_per_key,
            memory_bytes=config.server.memory_mb * MIB_BYTES,
            drains=config.server.on_disconnect == "drain",
            disconnect_drain_s=config.server.disconnect_drain_s,
        )

    @property
    def by_key(self) -> Mapping[str, Caller]:
        """Every key -> its caller; empty: whoever reaches the loopback address is answered."""
        plain = {
            key: Caller(f"key-{number}", frozenset(), door=DOOR)
            for number, key in enumerate(self.keys, start=1)
        }
        return {**plain, **self.callers}

    @property
    def bounds(self) -> Bounds:
        """What the server bears at a time."""
        bodies_bytes = self.memory_bytes // BODIES_OF_MEMORY
        return Bounds(
            in_flight=self.in_flight,
            in_flight_per_key=self.in_flight_per_key or None,
            memory_bytes=self.memory_bytes or None,
            bodies_bytes=max(bodies_bytes, self.body_limit_bytes)
            if self.memory_bytes
            else BODIES_OF_LIMIT * self.body_limit_bytes,
            draining=max(1, self.in_flight // DRAINING_OF_IN_FLIGHT) if self.drains else 0,
            drain_s=self.disconnect_drain_s,
        )

    def __reduce__(self) -> NoReturn:
        raise TypeError("the server's settings hold keys and are not pickled")
