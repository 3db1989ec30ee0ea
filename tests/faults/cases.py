"""The table of cases: every fault x platform x streamed or not x mode x door."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Any

from gateway.emulator import NAMED, Action
from gateway.emulator.faults import Moment
from tests.faults.asking import Ask
from tests.faults.stage import DOORS

PLATFORMS = ("anthropic", "bedrock", "vertex")
MODES = ("over", "alone", "once")
"""`over`: it strikes every request at the first upstream, and a second one is healthy;
`alone`: only that upstream is allowed, and it strikes for ever;
`once`: only that upstream is allowed, and it strikes once."""
SECOND = {"anthropic": "bedrock", "bedrock": "vertex", "vertex": "anthropic-last"}
"""The upstream that comes after a platform's own in the order of routing."""
WHOLE = os.environ.get("TIDEGATE_FAULTS") == "all"
"""Whether every case is run; else a sample of them."""
TOKENS = "google-tokens"
LONG_S = 3.0
"""How long a token endpoint is slow: longer than the gateway waits for a first content."""
REFUSED = "connection-refused"
"""The one fault that is no doing of the emulator: a port on which nobody listens."""


@dataclass(frozen=True)
class Case:
    """One fault, struck in one way, seen through one door."""

    number: int
    fault: str
    platform: str
    streamed: bool
    mode: str
    door: str

    @property
    def mark(self) -> str:
        """Return what tells its requests from all others."""
        return f"case-{self.number:05d}"

    @property
    def first(self) -> str:
        """Return the upstream that is struck."""
        return f"refusing-{self.platform}" if self.fault == REFUSED else self.platform

    @property
    def only(self) -> tuple[str, ...]:
        """Return the upstreams that the case allows."""
        return (self.first, SECOND[self.platform]) if self.mode == "over" else (self.first,)

    @property
    def tool(self) -> bool:
        """Whether the answer is to be a tool call."""
        return "tool" in self.fault

    @property
    def ask(self) -> Ask:
        """Return the call that meets the fault."""
        return Ask(self.mark, self.streamed, self.only, self.tool)

    @property
    def after(self) -> Ask:
        """Return the healthy call that follows it."""
        return Ask(f"next-{self.number:05d}", self.streamed, (self.platform,))

    @property
    def token(self) -> bool:
        """Whether it strikes where Google's access tokens come from."""
        return self.fault != REFUSED and TOKENS in NAMED[self.fault].platforms

    @property
    def apart(self) -> bool:
        """Whether it strikes before a mark can be seen, so that it strikes whoever comes."""
        return self.fault != REFUSED and (
            self.token or NAMED[self.fault].fault.moment is not Moment.ANSWER
        )

    @property
    def stage(self) -> tuple[str, ...]:
        """Return what it shares a stage with: all that have the same here."""
        lasting = "once" if self.mode == "once" else "lasting"
        return (self.fault, self.platform, lasting) if self.apart else ()

    @property
    def script(self) -> dict[str, Any]:
        """Return what the emulator is told, besides the fault's name and the mark."""
        times = 1 if self.mode == "once" else -1
        if not self.token:
            return {"platform": self.platform, "times": times}
        slow = NAMED[self.fault].fault.action in {Action.STALL, Action.DRIP}
        return {"times": times, **({"for_s": LONG_S} if slow else {})}

    def __str__(self) -> str:
        how = "streamed" if self.streamed else "unstreamed"
        return f"{self.mark} {self.fault} {self.platform} {how} {self.mode} {self.door}"


def names() -> tuple[str, ...]:
    """Return every fault."""
    return (REFUSED, *NAMED)


@cache
def every() -> tuple[Case, ...]:
    """Return the whole table."""
    found = (row for fault in names() for row in _rows(fault))
    return tuple(Case(number, *row) for number, row in enumerate(found))


def chosen() -> tuple[Case, ...]:
    """Return the cases to run: all, or one of each fault, in every column, mode and door."""
    return every() if WHOLE else tuple(_sample())


def _rows(fault: str) -> Iterator[tuple[str, str, bool, str, str]]:
    if fault == REFUSED:
        # A port that refuses does so for ever.
        return product((fault,), PLATFORMS, (True, False), ("over", "alone"), DOORS)
    named = NAMED[fault]
    platforms = ("vertex",) if TOKENS in named.platforms else named.platforms
    streamed = (True, False) if named.streamed is None else (named.streamed,)
    return product((fault,), platforms, streamed, MODES, DOORS)


def _sample() -> Iterator[Case]:
    for number, fault in enumerate(names()):
        rows = [case for case in every() if case.fault == fault]
        yield rows[number * 17 % len(rows)]
