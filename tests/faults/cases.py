"""The table of cases: every fault x platform x streamed or not x mode x door."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import groupby, product
from typing import Any

from gateway.emulator import NAMED, Action
from gateway.emulator.faults import Mangle, Moment
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
LEAKY = (
    "arn:aws:bedrock:eu-central-1:123456789012:inference-profile/marked of "
    "projects/marked-project-7 at https://10.1.2.3:8443/v1, "
    "account someone@marked.iam.gserviceaccount.com, key AKIAMARKEDKEY"
)
"""What a platform's error says, and no caller may read."""
ABOUT_THE_REQUEST = frozenset({400, 413, 422})
"""Statuses whose words, where they are Anthropic's own, are the caller's to read."""
SPEAKING = frozenset({Action.STATUS, Action.ERROR_EVENT})
HEAVY = frozenset({Mangle.LARGE_EVENT, Mangle.GZIP_BOMB, Mangle.SPLIT})
SAMPLED = frozenset({"accept-close", "token-hangs"})
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
    def warm_up(self) -> Ask:
        """Return a call of its kind that is nobody's case."""
        return Ask(f"warm-{self.number:05d}", self.streamed, (self.platform,))

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
    def marked(self) -> bool:
        """Whether the emulator strikes it by its mark."""
        return self.fault != REFUSED and not self.apart

    @property
    def stage(self) -> tuple[str, ...]:
        """Return what it shares a stage with: all that have the same here."""
        lasting = "once" if self.mode == "once" else "lasting"
        return (self.fault, self.platform, lasting) if self.apart else ()

    @property
    def script(self) -> dict[str, Any]:
        """Return what the emulator is told, besides the fault's name and the mark."""
        times = 1 if self.mode == "once" else -1
        if self.token:
            return {"times": times}
        words = {"message": LEAKY} if self._speaks else {}
        return {"platform": self.platform, "times": times, **words}

    @property
    def heavy(self) -> bool:
        """Whether it keeps a core busy for long."""
        return self.fault != REFUSED and bool(HEAVY.intersection(NAMED[self.fault].fault.mangle))

    @property
    def _speaks(self) -> bool:
        """Whether its error has words that must not be handed on."""
        own = NAMED[self.fault].fault
        trusted = self.platform == "anthropic" and own.status in ABOUT_THE_REQUEST
        return own.action in SPEAKING and own.body is None and not trusted

    def __str__(self) -> str:
        how = "streamed" if self.streamed else "unstreamed"
        return f"{self.mark} {self.fault} {self.platform} {how} {self.mode} {self.door}"


@cache
def every() -> tuple[Case, ...]:
    """Return the whole table."""
    found = (row for fault in (REFUSED, *NAMED) for row in _rows(fault))
    return tuple(Case(number, *row) for number, row in enumerate(found))


@cache
def chosen() -> tuple[Case, ...]:
    """Return the cases to run: all, or a sample that has every column, mode and door."""
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
    """Yield a case of each fault, but only of some that need a stage of their own."""
    by_fault = groupby(every(), key=lambda case: case.fault)
    for number, (fault, cases) in enumerate(by_fault):
        rows = list(cases)
        case = rows[number * 17 % len(rows)]
        if not case.apart or fault in SAMPLED:
            yield case
