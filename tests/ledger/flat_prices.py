"""Prices that are easy to reckon: one rate for each category, and what a place costs more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from msgspec.structs import replace

from gateway.prices.cost import Bounds, Context, Cost, Sizes
from gateway.usage import Tokens, Usage

INPUT_PICO = 4_000_000
OUTPUT_PICO = 20_000_000
WRITE_PICO = 5_000_000
READ_PICO = 200_000
SEARCH_PICO = 10_000_000_000
MODELS = ("claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5")
PLACES = {"global": 10, "geo": 11, "in_region": 11, "government": 12}
"""Tenths."""
OUTPUT_MAX = 128_000


@dataclass(frozen=True)
class FlatPrices:
    """`gateway.prices.book.Prices` over these rates; `version` stands for other rows."""

    version: int = 1

    @property
    def digest(self) -> str:
        return f"flat-{self.version}"

    def told(self, digest: str) -> str | None:
        known = digest.startswith(f"{self.digest}-")
        return msgspec.json.encode({"digest": digest}).decode() if known else None

    def cost(self, usage: Usage, context: Context) -> Cost:
        served = context.served or context.model
        if served not in MODELS or context.scope not in PLACES:
            return Cost(list_pico=None, net_pico=None, unpriced=(f"{served} has no price",))
        if context.paid_by_other:
            return Cost(list_pico=0, net_pico=0, uncached_pico=0, digest=self._digest(served))
        runs: tuple[Tokens, ...] = usage.iterations or (usage,)
        list_pico = sum(_run_pico(run) for run in runs)
        uncached_pico = sum(_run_pico(run, cached=False) for run in runs)
        searches_pico = (usage.web_search_requests or 0) * SEARCH_PICO
        more = PLACES[context.scope]
        return Cost(
            list_pico=(list_pico + searches_pico) * more // 10,
            net_pico=(list_pico + searches_pico) * more // 10 * self.version,
            uncached_pico=(uncached_pico + searches_pico) * more // 10 * self.version,
            flags=("assumed_ttl",) if any(map(_has_no_ttl, runs)) else (),
            digest=self._digest(served),
        )

    def bounds(self, sizes: Sizes, usage: Usage | None, context: Context) -> Bounds | None:
        served = context.served or context.model
        if served not in MODELS or context.scope not in PLACES:
            return None
        if context.paid_by_other:
            return Bounds(low_pico=0, estimate_pico=0, high_pico=0, digest=self._digest(served))
        more = PLACES[context.scope] * self.version
        most = OUTPUT_MAX if sizes.max_tokens is None else sizes.max_tokens
        if usage is None:
            high = sizes.body_bytes * WRITE_PICO + most * OUTPUT_PICO
            return self._between(sizes, served, (0, high * more // 20, high * more // 10))
        low = sum(_run_pico(run) for run in usage.iterations or (usage,))
        low += (usage.web_search_requests or 0) * SEARCH_PICO
        left = max(most - (usage.output_tokens or 0), 0) * OUTPUT_PICO
        ends = [end * more // 10 for end in (low, low + left // 2, low + left)]
        listed = (low + left // 2) * PLACES[context.scope] // 10
        return replace(self._between(sizes, served, ends), list_pico=listed)

    def _between(self, sizes: Sizes, served: str, ends: Sequence[int]) -> Bounds:
        low, estimate, high = ends
        return Bounds(
            low_pico=low,
            estimate_pico=estimate,
            high_pico=None if sizes.server_tools else high,
            digest=self._digest(served),
        )

    def _digest(self, model: str) -> str:
        return f"{self.digest}-{model}"


def _run_pico(run: Tokens, *, cached: bool = True) -> int:
    read_pico, write_pico = (READ_PICO, WRITE_PICO) if cached else (INPUT_PICO, INPUT_PICO)
    return (
        (run.input_tokens or 0) * INPUT_PICO
        + (run.output_tokens or 0) * OUTPUT_PICO
        + (run.cache_creation_input_tokens or 0) * write_pico
        + (run.cache_read_input_tokens or 0) * read_pico
    )


def _has_no_ttl(run: Tokens) -> bool:
    return bool(run.cache_creation_input_tokens) and run.cache_creation_1h_input_tokens is None
