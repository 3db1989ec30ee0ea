"""What the soak's callers ask: seeded, each with a mark of its own, some with a fault to meet."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from gateway.emulator import NAMED

MODELS = ("claude-opus-5-5", "claude-sonnet-4-6")
PLATFORM_OF = MappingProxyType(
    {"direct": "anthropic", "bedrock": "bedrock", "vertex": "vertex", "again": "anthropic"}
)
"""Upstream -> platform, in the configured order."""
ORDERS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"d": tuple(PLATFORM_OF), "b": ("bedrock", "vertex"), "v": ("vertex", "again")}
)
"""First letter of a mark -> the upstreams its call may go to, the first choice first."""
MARK = re.compile(rb"\b([dbv]\d{7})\b")

FAULTY, EVERYWHERE = 0.05, 0.3
LEAVES, SLOW = 0.02, 0.01
EVENTS, SLOW_EVENTS = 24, 4000
SLOW_CHARACTERS = 20_000
PACE_MS = (100, 240)
STAMPS = 6
"""How often the emulator says a stamp."""

_LARGE = ("gzip-bomb", "event-of-5-mb", "event-of-12-mb", "huge-head")
"""Their size would hide a leak in the process's memory; the table of faults has them."""
FAULTS = tuple(
    sorted(
        name
        for name, one in NAMED.items()
        if one.streamed is not False and name not in _LARGE and not name.startswith("token-")
    )
)


@dataclass(frozen=True, slots=True)
class Ask:
    """One call of one caller."""

    mark: str
    model: str
    events: int
    """In how many pieces the text of its answer comes."""
    pace_ms: int
    faults: tuple[str, ...] = ()
    """The faults it meets, as `name@platform`."""
    leaves_after: float | None = None
    """Seconds after which the caller goes away; None: it stays."""
    slow: bool = False

    @property
    def upstreams(self) -> tuple[str, ...]:
        """Where it may go."""
        return ORDERS[self.mark[0]]

    @property
    def harmless(self) -> bool:
        """Whether whoever reads well gets a whole answer at once."""
        return all(NAMED[each.partition("@")[0]].harmless for each in self.faults)

    @property
    def stamp(self) -> str:
        """What the answer says again and again, each time with its own id."""
        return self.mark + "-" * (SLOW_CHARACTERS if self.slow else 0)

    def text(self, ident: str) -> str:
        """Return the whole text of the answer with that id; no other attempt's is the same."""
        return " ".join(f"{self.stamp}.{ident}.{number}" for number in range(STAMPS))

    def request(self, key: str) -> bytes:
        """Return the bytes of the HTTP request."""
        struck = " ".join(f"fault:{each};" for each in self.faults)
        wish = f"[[events:{self.events}]] [[pace_ms:{self.pace_ms}]] [[stamp:{self.stamp}]]"
        fields = {
            "model": self.model,
            "max_tokens": 64_000,
            "messages": [{"role": "user", "content": f"{self.mark} {struck} {wish}"}],
            "stream": True,
        }
        body = json.dumps(fields, separators=(",", ":")).encode()
        head = (
            "POST /v1/messages HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
            f"anthropic-version: 2026-10-21\r\nx-api-key: {key}\r\n"
            f"x-gateway-only: {','.join(self.upstreams)}\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


def asks(seed: int, number: int) -> Ask:
    """Return a call of a run: the same for the same numbers."""
    rng = random.Random(f"{seed}:{number}")
    mark = f"{rng.choice(tuple(ORDERS))}{number:07}"
    slow = rng.random() < SLOW
    leaves = rng.random() < LEAVES
    faults = _faults(rng, ORDERS[mark[0]]) if rng.random() < FAULTY else ()
    at_once = slow or any("split" in each for each in faults)  # Each byte would be paced.
    return Ask(
        mark=mark,
        model=rng.choice(MODELS),
        events=SLOW_EVENTS if slow else EVENTS,
        pace_ms=0 if at_once else rng.randint(*PACE_MS),
        faults=faults,
        leaves_after=rng.uniform(0, 5) if leaves else None,
        slow=slow,
    )


def _faults(rng: random.Random, upstreams: tuple[str, ...]) -> tuple[str, ...]:
    """Return a fault at the first upstream, or wherever it can strike."""
    platforms = dict.fromkeys(PLATFORM_OF[each] for each in upstreams)
    first = next(iter(platforms))
    name = rng.choice([each for each in FAULTS if first in NAMED[each].platforms])
    if rng.random() >= EVERYWHERE:
        return (f"{name}@{first}",)
    return tuple(f"{name}@{each}" for each in platforms if each in NAMED[name].platforms)
