"""A wire in virtual time: scripted upstreams, a clock that jumps, no socket and no sleep."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from gateway.wire.contract import Outgoing, Route, WireError
from gateway.wire.passage import Passage
from providers.contract import FailureKind, Headers

T = TypeVar("T")

SSE: Headers = (("content-type", "text/event-stream"), ("request-id", "req_up"))
JSON: Headers = (("content-type", "application/json"), ("request-id", "req_up"))


@dataclass(frozen=True)
class Script:
    """What an upstream does with one request."""

    before: str = "head"
    """`refuse`, `connect_hang`, `die`, `hang` or `head`."""
    delay_s: float = 0.0
    connect_s: float = 0.0
    status: int = 200
    headers: Headers = SSE
    chunks: tuple[tuple[float, bytes], ...] = ()
    """(seconds to wait, bytes)"""
    end: str = "clean"
    """`clean`, `reset` or `stall`."""


@dataclass
class Served:
    """One request an upstream got, and what became of its exchange."""

    upstream: str
    script: Script
    at_s: float
    outgoing: Outgoing
    closed: bool = False


class VirtualWire:
    """The tests' wire; `scripts` gives each upstream what it does, request by request."""

    def __init__(self, scripts: Mapping[str, Sequence[Script]]) -> None:
        self.clock_s = 1000.0
        self.served: list[Served] = []
        self._scripts = {name: list(each) for name, each in scripts.items()}

    def now_s(self) -> float:
        return self.clock_s

    async def sleep(self, until_s: float) -> None:
        await self.reach(until_s)

    async def reach(self, to_s: float) -> None:
        """Let time pass."""
        self._jump(to_s)

    def script(self, upstream: str) -> Script:
        """Return what an upstream does with its next request."""
        left = self._scripts[upstream]
        return left.pop(0) if len(left) > 1 else left[0]

    async def send(
        self,
        route: Route,
        outgoing: Outgoing,
        *,
        passage: Passage,
        connect_until_s: float,
        until_s: float,
    ) -> VirtualExchange:
        passage.check(route)
        script = self.script(route.upstream)
        if script.before == "refuse":
            await self.reach(self.clock_s + script.delay_s)
            raise WireError(FailureKind.NOT_SENT, "refused")
        if script.before == "connect_hang":
            await self.reach(connect_until_s)
            raise WireError(FailureKind.NOT_SENT, "no connection", timed_out=True)
        await self.reach(self.clock_s + script.connect_s)
        passage.check(route)
        served = Served(route.upstream, script, self.clock_s, outgoing)
        self.served.append(served)
        try:
            await self._head(script, until_s)
        except BaseException:
            served.closed = True
            raise
        return VirtualExchange(self, served)

    async def _head(self, script: Script, until_s: float) -> None:
        if script.before == "hang" or self.clock_s + script.delay_s > until_s:
            await self.reach(until_s)
            raise WireError(FailureKind.AMBIGUOUS, "no head", timed_out=True)
        await self.reach(self.clock_s + script.delay_s)
        if script.before == "die":
            raise WireError(FailureKind.AMBIGUOUS, "reset")

    async def blocking(self, work: Callable[[], T], until_s: float) -> T:
        return work()

    def _jump(self, to_s: float) -> None:
        assert to_s < float("inf"), "an unbounded wait"
        self.clock_s = max(self.clock_s, to_s)


@dataclass
class VirtualExchange:
    """One scripted answer."""

    wire: VirtualWire
    served: Served
    _left: list[tuple[float, bytes]] = field(init=False)

    def __post_init__(self) -> None:
        self.status = self.served.script.status
        self.headers = self.served.script.headers
        self._left = list(self.served.script.chunks)

    async def read(self, until_s: float) -> bytes | None:
        assert not self.served.closed, "read after close"
        if not self._left:
            if self.served.script.end == "reset":
                raise WireError(FailureKind.CUT, "reset")
            if self.served.script.end == "stall":
                await self.wire.reach(until_s)
                return None
            return b""
        delay_s, data = self._left[0]
        if self.wire.clock_s + delay_s > until_s:
            passed_s = max(0.0, until_s - self.wire.clock_s)
            self._left[0] = (delay_s - passed_s, data)
            await self.wire.reach(until_s)
            return None
        await self.wire.reach(self.wire.clock_s + delay_s)
        del self._left[0]
        return data

    def close(self) -> None:
        self.served.closed = True
