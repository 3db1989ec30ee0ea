"""What one model costs in one place: the book's row, compiled, with the contract's price beside."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from msgspec import Struct

from gateway.policy.digest import canonical, digest
from gateway.prices.amounts import TOKENS_PRICED, Ratio, ratio
from gateway.prices.checks import RATES
from gateway.prices.shelves import Contract, Entry

_DIGITS = 16
"""Of a digest: it names one of some thousand combinations."""
_ONE = Decimal(1)


class Rate(Struct, frozen=True):
    """The price of one category."""

    usd: Decimal
    list: Ratio
    net: Ratio


class Rates(Struct, frozen=True, kw_only=True, eq=False):
    """The prices of one row under one contract, or under none."""

    id: str
    source: str
    contract: str | None
    by_category: dict[str, Rate]
    told: str
    """The row and the contract, as JSON."""
    digest: str

    @property
    def dearest_input(self) -> Rate:
        """The rate of the dearest way in which a prompt's token can be billed."""
        found = [rate for name, rate in self.by_category.items() if name != "output"]
        return max(found, key=lambda rate: rate.usd)


class Tariff(Struct, frozen=True, eq=False):
    """The rates by the size of the prompt."""

    base: Rates
    over: tuple[tuple[int, Rates], ...] = ()
    """(prompts larger than this, their rates), the largest first."""

    def at(self, prompt_tokens: int) -> Rates:
        """Return the rates of a run whose whole prompt has so many tokens."""
        for size, rates in self.over:
            if prompt_tokens > size:
                return rates
        return self.base

    def bands(self, largest: int) -> list[tuple[int, Rates]]:
        """Return the largest prompt of each size class that is not larger than `largest`."""
        found, end = [], largest
        for size, rates in self.over:
            if end > size:
                found.append((end, rates))
                end = size
        return [*found, (end, self.base)]


def tariff(entries: Sequence[Entry], contract: Contract | None) -> Tariff:
    """Compile the rows for one place: exactly one of them is for prompts of any size."""
    base = next(entry for entry in entries if entry.row.over_input_tokens is None)
    over = sorted(
        (
            (entry.row.over_input_tokens, _rates(entry, contract))
            for entry in entries
            if entry.row.over_input_tokens is not None
        ),
        key=lambda pair: pair[0],
        reverse=True,
    )
    return Tariff(_rates(base, contract), tuple(over))


def searches(platform: str, usd: str, source: str, contract: Contract | None) -> Rates:
    """Return the price of one web search."""
    row = {"id": f"{platform}/web_search", "web_search": usd, "source": source}
    return _compiled(row, {"web_search": (usd, 1)}, contract)


def together(used: Sequence[Rates]) -> tuple[str, str]:
    """Return the digest of all that a cost rests on, and what it stands for."""
    told = f"[{','.join(sorted(rates.told for rates in used))}]"
    return digest(told)[:_DIGITS], told


def _rates(entry: Entry, contract: Contract | None) -> Rates:
    texts = {name: getattr(entry.row, name) for name in RATES}
    priced = {name: (text, TOKENS_PRICED) for name, text in texts.items() if text is not None}
    return _compiled(entry.told(), priced, contract)


def _compiled(
    row: dict[str, Any], priced: dict[str, tuple[str, int]], contract: Contract | None
) -> Rates:
    multiplier = _ONE if contract is None else contract.multiplier
    content = {"row": row, "contract": None if contract is None else contract.told()}
    told = canonical(content).decode()
    return Rates(
        id=row["id"],
        source=row["source"],
        contract=None if contract is None else contract.name,
        by_category={
            name: Rate(
                Decimal(text),
                ratio(Decimal(text), pieces),
                ratio(Decimal(text), pieces, multiplier),
            )
            for name, (text, pieces) in priced.items()
        },
        told=told,
        digest=digest(f"[{told}]")[:_DIGITS],
    )
