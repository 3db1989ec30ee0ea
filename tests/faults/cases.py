"""The table of cases: every fault x platform x streamed or not x mode x door."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from gateway.emulator import NAMED, NamedFault
from tests.faults.asking import Ask
from tests.faults.stage import DOORS

PLATFORMS = ("anthropic", "bedrock", "vertex")
MODES = ("over", "alone", "once")
"""`over`: it strikes every request at the first upstream, and a second one is healthy;
`alone`: only that upstream is allowed, and it strikes for ever;
`once`: only that upstream is allowed, and it strikes once."""
SECOND = {"anthropic": "bedrock", "bedrock": "vertex", "vertex": "anthropic-last"}
"""The upstream that comes after a platform's own in the order of routing."""
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
    def script(self) -> dict[str, Any]:
        """Return what the emulator is told, besides the fault's name."""
        times = 1 if self.mode == "once" else -1
        return {"platform": self.platform, "times": times, "contains": self.mark}

    def __str__(self) -> str:
        how = "streamed" if self.streamed else "unstreamed"
        return f"{self.mark} {self.fault} {self.platform} {how} {self.mode} {self.door}"
