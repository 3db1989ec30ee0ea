"""What pricing takes and gives: where an answer came from, and what it cost, line by line."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from msgspec import Struct

Scope = Literal["global", "geo", "in_region", "government"]
"""How far a request may travel, as platforms price it: anywhere; within `us`, `eu`, ...; not out
of a region; within a government's partition."""

Category = Literal[
    "input", "output", "cache_write_5m", "cache_write_1h", "cache_read", "web_search"
]


class Context(Struct, frozen=True, kw_only=True):
    """What a price depends on beside the counts."""

    platform: str
    """The provider's name: `anthropic`, `bedrock`, `vertex`."""
    scope: str | None
    """A `Scope`, that of the upstream; None or empty: nothing tells it, so there is no price.
    Where the answer itself says where it ran (`usage.inference_geo`), that is taken instead."""
    model: str
    """The canonical id that was asked for."""
    served: str | None = None
    """The model that the answer names; None: it names none, and the one asked for is taken. One
    that nobody knows has no price."""
    upstream: str = ""
    """Its name, for contract prices."""
    at_s: float
    """When the request started, in Unix seconds: prices of that moment hold."""
    processing: Literal["standard", "batch"] = "standard"
    stop_reason: str | None = None
    """A `refusal` without output is mostly not billed: see `refusal_category`."""
    refusal_category: str | None = None
    """`stop_details.category`: in some categories a refusal without output is billed."""
    paid_by_other: bool = False
    """`billing_policy.bill_to` named somebody else: it costs us nothing."""


class Line(Struct, frozen=True, kw_only=True):
    """One amount of one run: so many tokens, or searches, at one rate."""

    run: str
    """`message`, `compaction`, `advisor_message`, `fallback_message`, or one yet unknown."""
    model: str
    category: Category
    quantity: int
    rate: Decimal
    """List price in USD, for a million tokens or for one search."""
    list_pico: int
    net_pico: int
    """After the contract's prices; 0 where the line is not billed."""
    row: str
    """The id of the row of the price book."""
    source: str
    """Where that row's price is from."""
    contract: str | None = None
    """The contract that made the net price, where one did."""
    billable: bool = True


class Cost(Struct, frozen=True, kw_only=True):
    """What one answer cost. Without a price for all of it there is no sum: `unpriced` says why."""

    list_pico: int | None
    net_pico: int | None
    lines: tuple[Line, ...] = ()
    unpriced: tuple[str, ...] = ()
    """What has no price: `model claude-x-9 is not in the price book`."""
    flags: tuple[str, ...] = ()
    """What the sum rests on: `assumed_ttl`, `estimated_high`, `iterations_differ`, ..."""
    top_level_pico: int | None = None
    """What the totals beside `usage.iterations` alone would cost, net; None: there are none, or it
    is the same."""
    uncached_pico: int | None = None
    """The net cost if no token had been read from or written to a cache."""
    digest: str = ""
    """Of the rows and contracts that were used, so that a sum can be traced to them."""
    less_pico: int = 0
    """How much lower the net cost may be, where what is told can be read in two ways."""
    more_pico: int | None = 0
    """How much higher it may be; None: nobody knows."""

    @property
    def low_pico(self) -> int | None:
        """The least that it can have cost, net; None: there is no price."""
        return None if self.net_pico is None else self.net_pico - self.less_pico

    @property
    def high_pico(self) -> int | None:
        """The most that it can have cost, net; None: there is no price, or no bound."""
        if self.net_pico is None or self.more_pico is None:
            return None
        return self.net_pico + self.more_pico


class Sizes(Struct, frozen=True, kw_only=True):
    """What is known of a request whose usage nobody told."""

    body_bytes: int
    max_tokens: int | None = None
    speed: str | None = None
    """The `speed` that it asks for; None: that is not known, so it may be the dearest."""
    documents: bool = False
    """It names input, or packs it, so that only the model's window bounds what a run reads."""
    server_tools: bool = False
    """The platform may run tools, or models more than once, so that nothing bounds the most."""


class Bounds(Struct, frozen=True, kw_only=True):
    """Between what and what an attempt cost, net; `estimate` is the best guess."""

    low_pico: int
    estimate_pico: int
    high_pico: int | None
    """None: nothing bounds it."""
    list_pico: int | None = None
    """The best guess by the list; None: nobody knows whether it was worked on at all."""
    digest: str = ""
    """Of the rows and contracts that these rest on."""
