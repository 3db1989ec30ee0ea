"""What the server needs to know, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NoReturn, Self

from gateway.call import Caller
from gateway.config import Config

DOOR = "server"


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
    body_limit_bytes: int = 32 << 20
    """The largest body, as sent and inflated."""
    drain_s: float = 600.0
    """How long running answers may take after a stop was asked for."""
    head_s: float = 10.0
    """How long a request's head may take to arrive."""
    head_limit_bytes: int = 64 << 10
    """How large a head may grow; one read of the socket more is borne."""
    body_s: float = 30.0
    """How long a body may take before it must come at `body_rate_bytes` or faster."""
    body_rate_bytes: int = 1024
    """Bytes a second, as a mean over the body."""
    write_s: float = 120.0
    """How long a caller may take no byte of what waits for it."""
    keep_alive_s: int = 75
    """How long an idle connection stays open: longer than clients keep theirs."""

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
            body_limit_bytes=config.server.body_limit_bytes,
        )

    @property
    def by_key(self) -> Mapping[str, Caller]:
        """Every key -> its caller; empty: whoever reaches the loopback address is answered."""
        plain = {
            key: Caller(f"key-{number}", frozenset(), door=DOOR)
            for number, key in enumerate(self.keys, start=1)
        }
        return {**plain, **self.callers}

    def __reduce__(self) -> NoReturn:
        raise TypeError("the server's settings hold keys and are not pickled")
