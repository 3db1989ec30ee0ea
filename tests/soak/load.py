"""The load: so many callers, each asking again as soon as it is answered.

`python -m tests.soak.load PORT SECONDS SEED FIRST` prints one JSON object at its end; FIRST is the
number of its first call.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
from collections import Counter
from dataclasses import dataclass, field
from itertools import count
from statistics import quantiles
from typing import Any

from tests.soak.asking import Ask, asks
from tests.soak.judging import Seen, judged
from tests.soak.line import Line

CALLERS = 380
"""So many hold more than 300 streams open, for each is for a moment between two."""
RAMP_S = 3.0
SLOW_BYTES = 4096
MOST_TOLD = 40


@dataclass
class Load:
    """All callers of a run."""

    port: int
    key: str
    seed: int
    until_s: float
    numbers: count[int]
    running: dict[int, Line] = field(default_factory=dict)
    outcomes: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)
    waits_s: list[float] = field(default_factory=list)
    attempts: dict[str, int] = field(default_factory=dict)
    """Mark -> how many attempts the answer says it took; 0: the caller left."""
    left: list[str] = field(default_factory=list)
    """Marks of streams that were on their way, and well, when their caller left."""
    streaming: list[int] = field(default_factory=list)
    """How many streams were open, second by second, while all callers were there."""
    wrong: int = 0

    async def caller(self, number: int) -> None:
        """Ask again and again."""
        await asyncio.sleep(RAMP_S * number / CALLERS)
        line = None
        while asyncio.get_running_loop().time() < self.until_s:
            ask = asks(self.seed, next(self.numbers))
            if line is None or not line.open or ask.slow:
                if line is not None:
                    line.drop()
                line = await self._line(ask)
            self.running[number] = line
            await self._asked(ask, line)
            if ask.slow:
                line.drop()
        if line is not None:
            line.drop()
        self.running.pop(number, None)

    async def watch(self) -> None:
        """Count the open streams while all callers are there."""
        await asyncio.sleep(2 * RAMP_S)
        while asyncio.get_running_loop().time() < self.until_s:
            self.streaming.append(sum(each.streaming for each in self.running.values()))
            await asyncio.sleep(1)

    async def _line(self, ask: Ask) -> Line:
        sock = socket.socket()
        if ask.slow:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SLOW_BYTES)
        sock.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(sock, ("127.0.0.1", self.port))
        line: Line
        _, line = await loop.create_connection(lambda: Line(slow=ask.slow), sock=sock)
        return line

    async def _asked(self, ask: Ask, line: Line) -> None:
        seen = Seen()
        wait_s = await line.ask(ask, self.key, seen)
        kind, wrong = judged(ask, seen)
        self.outcomes[kind] += 1
        self.faults.update(each.partition("@")[0] for each in ask.faults)
        self.attempts[ask.mark] = seen.attempts if seen.whole else 0
        if kind == "left" and not ask.slow and not ask.faults:
            self.left.append(ask.mark)
        if wait_s and ask.harmless:
            self.waits_s.append(wait_s)
        self.wrong += len(wrong)
        for each in wrong:
            if len(self.violations) < MOST_TOLD:
                self.violations.append(f"{ask.mark} {ask.faults} {kind}: {each}")

    def report(self) -> dict[str, Any]:
        cut = quantiles(self.waits_s, n=100) if len(self.waits_s) > 1 else [0.0] * 99
        return {
            "outcomes": dict(self.outcomes),
            "faults": dict(self.faults),
            "wrong": self.wrong,
            "violations": self.violations,
            "attempts": self.attempts,
            "left": self.left,
            "streaming": self.streaming,
            "first_content_ms": {"p50": cut[49] * 1000, "p99": cut[98] * 1000},
        }


async def main(port: int, seconds: float, seed: int, first: int) -> None:
    until_s = asyncio.get_running_loop().time() + seconds
    load = Load(port, os.environ["SOAK_KEY"], seed, until_s, count(first))
    async with asyncio.TaskGroup() as group:
        group.create_task(load.watch())
        for number in range(CALLERS):
            group.create_task(load.caller(number))
    sys.stdout.write(json.dumps(load.report()))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), float(sys.argv[2]), *map(int, sys.argv[3:])))
