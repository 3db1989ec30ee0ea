"""What a report counts and sums."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal
from typing import Any

from gateway.ledger.parts import Part
from gateway.money import PICO_PER_USD, usd

COUNTS = (
    "attempts",
    "open_attempts",
    "input_tokens",
    "cache_write_tokens",
    "cache_write_5m_tokens",
    "cache_write_1h_tokens",
    "cache_read_tokens",
    "output_tokens",
    "thinking_tokens",
    "web_searches",
    "unpriced",
    "unbounded",
)
"""Integers. `cache_write_tokens` are of all TTLs, told apart or not; `thinking_tokens` are among
the output; `unpriced` are attempts without a price, `unbounded` those that may have cost more than
`high` says."""
PRICED = ("net", "low", "high", "list", "uncached")
"""Money that stands in rows: `net` where it is known or well guessed, between `low` and `high` in
any case."""
DIVIDED = {"net": "{}", "low": "{}_low", "high": "{}_high"}
"""Which of them are told by part, and what the parts are called."""
PARTS = {
    template.format(part.value): (part, amount)
    for part in Part
    for amount, template in DIVIDED.items()
}
"""Amount -> the part of which amount it is: `waste_high` is what of `high` is waste."""
PARTS_UNBOUNDED = {f"{part.value}_unbounded": part for part in Part}
"""Count -> the part whose unbounded attempts it counts."""
ADJUSTED = "adjusted"
"""What comparisons with bills added or took; it is in no other amount."""
AMOUNTS = (*PRICED, *PARTS, ADJUSTED)

Figures = Mapping[str, int]
"""Name -> count, or picodollars."""

MICRO_PICO = 10**6
"""Picodollars of a microdollar."""


def joined(parts: Iterable[int | Decimal | None]) -> int:
    """Return the picodollars of whole dollars, microdollars and picodollars.

    They are summed apart, so that no sum of 64 bits overflows; databases give sums as they like.
    """
    dollars, micro, pico = (int(part or 0) for part in parts)
    return dollars * PICO_PER_USD + micro * MICRO_PICO + pico


def total(each: Iterable[Figures], names: Iterable[str]) -> dict[str, int]:
    """Return the sums over all."""
    sums = dict.fromkeys(names, 0)
    for figures in each:
        for name in sums:
            sums[name] += figures[name]
    return sums


def minus(whole: Figures, part: Figures) -> dict[str, int]:
    """Return what a part leaves of a whole."""
    return {name: amount - part[name] for name, amount in whole.items()}


def plain(figures: Figures, amounts: Collection[str] = AMOUNTS) -> dict[str, Any]:
    """Return figures for JSON: counts as they are, then money as decimal strings of dollars."""
    counts = {name: count for name, count in figures.items() if name not in amounts}
    return counts | {f"{name}_usd": usd(figures[name]) for name in amounts if name in figures}
