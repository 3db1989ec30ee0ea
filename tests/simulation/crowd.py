"""Many calls at once in virtual time: one clock, one engine, callers who may leave."""

from __future__ import annotations

import asyncio
import heapq
import types
from collections.abc import Callable, Coroutine, Generator
from dataclasses import dataclass, field
from typing import Any

from gateway.answers import Answer
from gateway.call import Call
from gateway.engine import Engine
from tests.simulation.virtual import Script, Served, VirtualWire

Behaviour = Callable[[str, float], Script]
"""Upstream and time -> what it does with a request that comes then."""


@dataclass
class Visit:
    """One call of the crowd, and what became of it."""

    number: int
    began_s: float
    ended_s: float | None = None
    left: bool = False
    """Its caller went away."""
    answer: Answer | None = None
    parts: list[bytes] = field(default_factory=list)
    attempts_s: list[float] = field(default_factory=list)
    """When each attempt was made."""

    @property
    def stream(self) -> bytes:
        return b"".join(self.parts)


class CrowdWire(VirtualWire):
    """The wire of one call: its waits let the others go on."""

    def __init__(self, crowd: Crowd, visit: Visit) -> None:
        super().__init__({})
        self._crowd = crowd
        self._visit = visit

    @property
    def clock_s(self) -> float:
        return self._crowd.clock_s

    @clock_s.setter
    def clock_s(self, to_s: float) -> None:
        """The clock is the crowd's."""

    def script(self, upstream: str) -> Script:
        self._visit.attempts_s.append(self.clock_s)
        return self._crowd.behave(upstream, self.clock_s)

    async def reach(self, to_s: float) -> None:
        assert to_s < float("inf"), "an unbounded wait"
        await _until(to_s)


class Crowd:
    """Calls that begin at their times, and run until all have ended."""

    def __init__(self, engine: Engine, behave: Behaviour) -> None:
        self.clock_s = 1000.0
        self.behave = behave
        self.visits: list[Visit] = []
        self.served: list[Served] = []
        self._engine = engine
        self._due: list[tuple[float, int, int]] = []
        self._running: dict[int, Coroutine[Any, Any, None]] = {}
        self._turn: dict[int, int] = {}
        self._order = 0

    def call(self, request: Call, at_s: float, leaves_s: float | None = None) -> Visit:
        """Let a call begin at a time; its caller may leave some time later."""
        visit = Visit(len(self.visits), at_s)
        self.visits.append(visit)
        self._running[visit.number] = self._visit(visit, request)
        self._wake(visit.number, at_s)
        if leaves_s is not None:
            self._order += 1
            heapq.heappush(self._due, (at_s + leaves_s, self._order, -visit.number - 1))
        return visit

    def run(self) -> None:
        """Run to the end of the last call."""
        turns: dict[int, int] = self._turn
        while self._due:
            at_s, order, number = heapq.heappop(self._due)
            leaves = number < 0
            number = -number - 1 if leaves else number
            task = self._running.get(number)
            if task is None or (not leaves and turns[number] != order):
                continue
            self.clock_s = max(self.clock_s, at_s)
            self._step(number, task, leaves=leaves)

    def _step(self, number: int, task: Coroutine[Any, Any, None], *, leaves: bool) -> None:
        visit = self.visits[number]
        try:
            if leaves:
                visit.left = True
                self._wake(number, task.throw(asyncio.CancelledError()))
            else:
                self._wake(number, task.send(None))
        except (StopIteration, asyncio.CancelledError):
            visit.ended_s = self.clock_s
            del self._running[number]

    def _wake(self, number: int, at_s: float) -> None:
        self._order += 1
        self._turn[number] = self._order
        heapq.heappush(self._due, (max(at_s, self.clock_s), self._order, number))

    async def _visit(self, visit: Visit, request: Call) -> None:
        wire = CrowdWire(self, visit)
        wire.served = self.served
        visit.answer = await self._engine.answer(request, wire)
        stream = visit.answer.stream
        if stream is not None:
            try:
                while part := await stream.read():
                    visit.parts.append(part)
            finally:
                stream.close()


@types.coroutine
def _until(to_s: float) -> Generator[float, None, None]:
    yield to_s
