"""Sums of charges."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any

from gateway import money
from gateway.billing.charge import Charge
from gateway.ledger.costs import FREE, is_counted, runs_of
from gateway.ledger.row import State


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """What a number of messages used and cost.

    Sums are of what is known. `unpriced`, `uncounted` and `partial` say how many messages are left
    out of them, or in them with less than they had.
    """

    messages: int = 0
    partial: int = 0
    """Their end was not told: their output is what was told of it so far."""
    unknown: int = 0
    """Attempts that nobody said the end of."""
    running: int = 0
    """Attempts without an end on record; not in these sums."""
    uncounted: int = 0
    """Messages whose input or output nobody told."""
    priced: int = 0
    """Messages with an amount, be it an estimate."""
    unpriced: int = 0
    """Messages without a price, so that not even bounds are known."""
    flagged: int = 0
    """Messages that something is to be known of, such as reports that differed."""
    input_tokens: int = 0
    cache_write_tokens: int = 0
    cache_read_tokens: int = 0
    output_tokens: int = 0
    listed_pico: int = 0
    charged_pico: int = 0
    low_pico: int = 0
    bounded_pico: int = 0
    unbounded: int = 0
    """Messages that nobody knows an upper bound of."""
    cached_pico: int = 0
    uncached_pico: int = 0
    compared: int = 0
    """Messages of which is known what they would have cost without a cache."""
    wasted: int = 0
    """Attempts that may have cost something and were not the caller's answer."""
    waste_low_pico: int = 0
    waste_bounded_pico: int = 0
    waste_unbounded: int = 0

    def __add__(self, other: Total) -> Total:
        return Total(**{name: getattr(self, name) + getattr(other, name) for name in _NAMES})

    @property
    def tokens(self) -> int:
        """All tokens: uncached input, cache writes, cache reads and output."""
        return self.prompt_tokens + self.output_tokens

    @property
    def prompt_tokens(self) -> int:
        """All input, cached or not."""
        return self.input_tokens + self.cache_write_tokens + self.cache_read_tokens

    @property
    def complete(self) -> bool:
        """Whether every message is in these sums with all that it had."""
        return not (self.partial or self.unknown or self.uncounted or self.unpriced)

    @property
    def list_pico(self) -> int | None:
        """The list price of what has one; None: nothing has."""
        return self._known(self.listed_pico)

    @property
    def net_pico(self) -> int | None:
        """The price after contracts of what has one; None: nothing has."""
        return self._known(self.charged_pico)

    @property
    def high_pico(self) -> int | None:
        """The most that it can have cost; None: there is no bound."""
        return None if self.unbounded else self.bounded_pico

    @property
    def saved_pico(self) -> int | None:
        """What caching saved, against the same tokens uncached; below zero: it cost more."""
        nothing_known = self.messages > 0 and self.compared == 0
        return None if nothing_known else self.uncached_pico - self.cached_pico

    @property
    def cache_hit_rate(self) -> float | None:
        """The part of all input that was read from a cache; None: there was no input."""
        prompt = self.prompt_tokens
        return self.cache_read_tokens / prompt if prompt else None

    @property
    def cost_usd(self) -> str | None:
        """The net price in dollars; None: nothing has one."""
        return _usd(self.net_pico)

    @property
    def saved_usd(self) -> str | None:
        """What caching saved in dollars."""
        return _usd(self.saved_pico)

    @property
    def waste_high_pico(self) -> int | None:
        """The most that wasted attempts can have cost; None: there is no bound."""
        return None if self.waste_unbounded else self.waste_bounded_pico

    def to_dict(self) -> dict[str, Any]:
        """Return it for JSON; money is decimal text."""
        counts = {name: getattr(self, name) for name in _NAMES if not name.endswith("_pico")}
        derived = ("tokens", "prompt_tokens", "complete", "cache_hit_rate")
        amounts = {
            "list_usd": self.list_pico,
            "cost_usd": self.net_pico,
            "low_usd": self.low_pico,
            "high_usd": self.high_pico,
            "saved_usd": self.saved_pico,
            "waste_low_usd": self.waste_low_pico,
            "waste_high_usd": self.waste_high_pico,
        }
        return {
            **counts,
            **{name: getattr(self, name) for name in derived},
            **{name: _usd(pico) for name, pico in amounts.items()},
        }

    def _known(self, pico: int) -> int | None:
        return None if self.messages and not self.priced else pico


def _usd(pico: int | None) -> str | None:
    return None if pico is None else money.usd(pico)


_NAMES = tuple(item.name for item in fields(Total))


def total_of(charges: Iterable[Charge]) -> Total:
    """Return what charges come to."""
    sums = dict.fromkeys(_NAMES, 0)
    for charge in charges:
        for name, amount in _amounts(charge).items():
            sums[name] += amount
    return Total(**sums)


def _amounts(charge: Charge) -> dict[str, int]:
    if charge.open:
        return {"running": 1}
    if not charge.won:
        return {
            "wasted": int(charge.state not in FREE),
            "waste_low_pico": charge.low_pico or 0,
            "waste_bounded_pico": charge.high_pico or 0,
            "waste_unbounded": int(charge.high_pico is None),
        }
    return {
        "messages": 1,
        "partial": int(charge.state is State.PARTIAL),
        "unknown": int(charge.state is State.UNKNOWN),
        "flagged": int(bool(charge.flags)),
        **_tokens(charge),
        **_money(charge),
    }


def _tokens(charge: Charge) -> dict[str, int]:
    """Return the counts that are billed: those of the runs where an answer lists them."""
    runs = runs_of(charge.usage)
    return {
        "input_tokens": sum(run.input_tokens or 0 for run in runs),
        "cache_write_tokens": sum(run.cache_creation_input_tokens or 0 for run in runs),
        "cache_read_tokens": sum(run.cache_read_input_tokens or 0 for run in runs),
        "output_tokens": sum(run.output_tokens or 0 for run in runs),
        "uncounted": int(not is_counted(charge.usage)),
    }


def _money(charge: Charge) -> dict[str, int]:
    compared = charge.uncached_pico is not None and charge.net_pico is not None
    return {
        "priced": int(charge.net_pico is not None),
        "unpriced": int(charge.net_pico is None and charge.low_pico is None),
        "listed_pico": charge.list_pico or 0,
        "charged_pico": charge.net_pico or 0,
        "low_pico": charge.low_pico or 0,
        "bounded_pico": charge.high_pico or 0,
        "unbounded": int(charge.high_pico is None),
        "compared": int(compared),
        "cached_pico": (charge.net_pico or 0) if compared else 0,
        "uncached_pico": (charge.uncached_pico or 0) if compared else 0,
    }
