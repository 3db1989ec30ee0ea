"""A statement: what a platform says was used, or what it costs, line by line. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from gateway.reconcile.exact import total
from gateway.reconcile.spans import Span, Spans

Kind = Literal[
    "input",
    "output",
    "cache_write_5m",
    "cache_write_1h",
    "cache_read",
    "web_search",
    "tokens",
    "all",
    "not_understood",
    "other",
]
"""What a line is for. `tokens`: tokens of any category. `all`: whatever there was. `other`: not
requests; `Charge.what` says what."""
Measure = Literal["tokens", "usd"]
"""What is compared: tokens (and searches, by their number), or money."""
Routing = Literal["global", "regional", "government"]
"""How far a request could travel, as bills tell it apart: a region costs what a geography does."""

TOKENS: tuple[Kind, ...] = ("input", "output", "cache_write_5m", "cache_write_1h", "cache_read")


class BadStatement(ValueError):
    """A file is no statement that can be counted on; nothing of it is used."""


class Charge(Struct, frozen=True, kw_only=True):
    """One line of a statement. An empty text, or None: the line does not say."""

    platform: str
    period: Span
    model: str | None = None
    """The canonical id; None where it is not told, or not known."""
    named: str = ""
    """What stands in the statement, where nobody knows a model of that name."""
    kind: Kind
    what: str = ""
    scope: Routing | None = None
    tier: str = ""
    speed: str = ""
    quantity: Decimal | None = None
    """Tokens, or searches."""
    amount: Decimal | None = None
    """USD."""
    account: str = ""
    workspace: str = ""
    api_key: str = ""
    principal: str = ""
    """Who called, as AWS tells it."""
    tags: Mapping[str, str] = {}
    lines: int = 1
    """How many lines of the statement these are."""
    first: str = ""
    """Where the first of them stands: file and row."""


class File(Struct, frozen=True):
    """A file that was read."""

    name: str
    digest: str
    """SHA-256, as it lies on the disk."""


class Statement(Struct, frozen=True, kw_only=True):
    """What the files of one format say."""

    format: str
    platform: str
    measures: tuple[Measure, ...]
    files: tuple[File, ...]
    charges: tuple[Charge, ...]
    """Lines that are alike in all but their number are one."""
    spans: Spans
    """The hours that it speaks about, whether or not there was anything."""
    leaves_out_tiers: tuple[str, ...] = ()
    """Whose costs are not in it."""
    notes: tuple[str, ...] = ()


Keep = Callable[[Charge], bool]
"""Says whether a line is one of ours."""


class Gathered:
    """Lines, added up as they come, so that the size of a file does not matter."""

    def __init__(self, keep: Keep | None = None) -> None:
        self._keep = keep
        self._sums: dict[tuple[object, ...], Charge] = {}

    def add(self, charge: Charge) -> None:
        """Take one line."""
        if self._keep is not None and not self._keep(charge):
            return
        key = (
            charge.platform, charge.period, charge.model, charge.named, charge.kind, charge.what,
            charge.scope, charge.tier, charge.speed,
        )  # fmt: skip
        known = self._sums.get(key)
        if known is None:
            self._sums[key] = replace(
                charge, account="", workspace="", api_key="", principal="", tags={}
            )
            return
        self._sums[key] = replace(
            known,
            quantity=total(known.quantity, charge.quantity),
            amount=total(known.amount, charge.amount),
            lines=known.lines + charge.lines,
            first=min(known.first, charge.first),
        )

    def charges(self) -> tuple[Charge, ...]:
        """Return the sums, in an order that does not depend on that of the lines."""
        return tuple(charge for _, charge in sorted(self._sums.items(), key=str))
