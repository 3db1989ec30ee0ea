"""The simulated prompt cache: prefix hashes at `cache_control` marks, five minutes or an hour.

The prefix runs over tools, system, messages in that order. What a mark covers is written once it
is long enough; a later request reads the longest live prefix that ends at or up to twenty blocks
before one of its marks. A read refreshes what it read. Source: Anthropic's prompt caching guide.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Final

from msgspec.json import encode

from gateway.emulator.tokens import block_tokens, blocks, unmarked

TTL_S: Final = {"5m": 300.0, "1h": 3600.0}
LOOKBACK_BLOCKS: Final = 20


@dataclass(frozen=True, slots=True)
class Boundary:
    """The end of one block of a prompt."""

    key: bytes
    """Hash of everything up to here; empty where the prompt has no marks."""
    tokens: int
    """Tokens up to here."""
    ttl: str | None
    """The mark on this block, if any."""


@dataclass(frozen=True, slots=True)
class Lookup:
    """How the tokens of one prompt split."""

    input: int
    read: int = 0
    written_5m: int = 0
    written_1h: int = 0

    @property
    def total(self) -> int:
        """Every token of the prompt."""
        return self.input + self.read + self.written_5m + self.written_1h


def boundaries(body: Mapping[str, Any], scope: str = "") -> list[Boundary]:
    """Return the boundaries of a prompt; `scope` keeps accounts and models apart."""
    rows = list(blocks(body))
    marks = [_ttl(block.get("cache_control")) for _, block in rows]
    if rows and body.get("cache_control"):
        marks[-1] = marks[-1] or _ttl(body["cache_control"])
    hashing = any(marks)
    running = blake2b(scope.encode(), digest_size=16)
    found = []
    tokens = 0
    for (place, block), ttl in zip(rows, marks, strict=True):
        bare = unmarked(block)
        encoded = encode(bare)
        tokens += block_tokens(bare, encoded)
        if hashing:
            running.update(b"%b\x00%b\x00" % (place.encode(), encoded))
        found.append(Boundary(running.digest() if hashing else b"", tokens, ttl))
    return found


def _ttl(mark: Any) -> str | None:
    if not mark:
        return None
    return str(mark.get("ttl") or "5m")


@dataclass(slots=True)
class PromptCache:
    """Every live prefix of every account; time is passed in."""

    _live: dict[bytes, tuple[float, float]] = field(default_factory=dict)
    """Key -> (expires at, time to live), seconds."""

    def look(self, prompt: list[Boundary], min_tokens: int, now_s: float) -> Lookup:
        """Split a prompt's tokens into read, written and plain, and write what it marks."""
        marked = [i for i, b in enumerate(prompt) if b.ttl and b.tokens >= min_tokens]
        total = prompt[-1].tokens if prompt else 0
        if not marked:
            return Lookup(total)
        start = self._longest(prompt, marked, now_s)
        read = prompt[start].tokens if start >= 0 else 0
        written = {"5m": 0, "1h": 0}
        done = read
        for i in marked:
            ttl = prompt[i].ttl or "5m"
            if i > start:
                written[ttl] += prompt[i].tokens - done
                done = prompt[i].tokens
            self._keep(prompt[i].key, TTL_S[ttl], now_s)
        return Lookup(total - done, read, written["5m"], written["1h"])

    def _longest(self, prompt: list[Boundary], marked: list[int], now_s: float) -> int:
        for mark in reversed(marked):
            for i in range(mark, max(-1, mark - LOOKBACK_BLOCKS), -1):
                entry = self._live.get(prompt[i].key)
                if entry is not None and entry[0] > now_s:
                    self._live[prompt[i].key] = (now_s + entry[1], entry[1])
                    return i
        return -1

    def _keep(self, key: bytes, ttl_s: float, now_s: float) -> None:
        held = self._live.get(key)
        if held is None or held[0] <= now_s:
            self._live[key] = (now_s + ttl_s, ttl_s)
        else:
            longest = max(ttl_s, held[1])
            self._live[key] = (now_s + longest, longest)

    def clear(self) -> None:
        """Forget every prefix."""
        self._live.clear()
