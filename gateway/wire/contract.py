"""What a driver asks of a wire: asyncio, blocking, or virtual time in the tests.

Every method that may wait is a coroutine. The blocking wire's coroutines never suspend, so one
driver serves all three: `run_blocking` steps such a coroutine to its end.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn, Protocol, TypeVar

from providers.contract import FailureKind, Headers

if TYPE_CHECKING:
    from gateway.wire.passage import Passage

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Route:
    """The one address a socket may be opened to for an upstream, and how."""

    upstream: str
    scheme: str
    host: str
    port: int
    proxy: str | None = field(default=None, repr=False)
    """`http://[user:password@]host:port`; never taken from the environment."""
    ca_file: str | None = None
    client_cert: str | None = None
    """A PEM file with the certificate and its key."""
    allow_private_network: bool = False
    """Loopback, private and link-local addresses are refused without it."""

    def __reduce__(self) -> NoReturn:
        raise TypeError("a route may hold a proxy's password and is not pickled")


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A signed request, complete but for host and content-length."""

    method: str
    target: str
    headers: Headers = field(repr=False)
    body: bytes = field(repr=False)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a signed request is not pickled")


class WireError(Exception):
    """An exchange that did not work; `kind` says what the platform may have seen."""

    def __init__(self, kind: FailureKind, detail: str, *, timed_out: bool = False) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.timed_out = timed_out


class EgressRefused(WireError):
    """The guard let no byte of a request out."""

    def __init__(self, detail: str) -> None:
        super().__init__(FailureKind.NOT_SENT, detail)


class Exchange(Protocol):
    """One request's answer, as it arrives."""

    status: int
    headers: Headers

    async def read(self, until_s: float) -> bytes | None:
        """Return the next body bytes, b"" at the clean end, None when `until_s` passed first.

        Raises WireError (CUT, BAD200) when the transport broke the framing.
        """
        ...

    def close(self) -> None:
        """Let go: back to the pool after a clean end, else the connection is dropped."""
        ...


class Wire(Protocol):
    """What a driver does its I/O with. Times are seconds of the wire's own monotonic clock."""

    def now_s(self) -> float:
        """Return the time."""
        ...

    async def sleep(self, until_s: float) -> None:
        """Wait until `until_s`."""
        ...

    async def send(
        self,
        route: Route,
        outgoing: Outgoing,
        *,
        passage: Passage,
        connect_until_s: float,
        until_s: float,
    ) -> Exchange:
        """Send a request and return once the answer's head is here.

        `passage` is asked before a socket is opened, and again right before the first byte of
        the request, whether the connection is new or was idle.

        Raises EgressRefused when the passage or the guard says no, and WireError: NOT_SENT
        while no byte of the request can have been seen, AMBIGUOUS after that, BAD200 for a
        head that is not HTTP.
        """
        ...

    async def blocking(self, work: Callable[[], T], until_s: float) -> T:
        """Run blocking `work` (a token fetch) without holding up others, until `until_s`.

        Raises WireError(NOT_SENT, timed_out=True) when it takes longer.
        """
        ...


def run_blocking(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine over a blocking wire, which never suspends, to its result."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        result: T = stop.value
        return result
    coroutine.close()
    raise RuntimeError("a blocking wire suspended")
