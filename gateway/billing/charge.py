"""What one message, or one attempt of the ledger, is charged with."""

from __future__ import annotations

from dataclasses import dataclass, field

from gateway import money
from gateway.billing.labels import Labels
from gateway.ledger.row import State
from gateway.usage import Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """One amount. None: it is not known, which is never zero."""

    id: str
    """Of the message, or of the attempt."""
    platform: str
    model: str
    """The canonical id, or what was named where nobody knows it."""
    state: State
    labels: Labels
    usage: Usage
    list_pico: int | None = None
    net_pico: int | None = None
    """After contracts; what the totals add."""
    uncached_pico: int | None = None
    """What it would have cost had nothing been read from or written to a cache."""
    low_pico: int | None = None
    high_pico: int | None = None
    """Between what and what it lies; None: there is no upper bound."""
    unpriced: tuple[str, ...] = ()
    """Why there is no amount."""
    flags: tuple[str, ...] = ()
    """What is to be known of it: `conflict: <field>` where reports of it differed, `assumed_ttl`,
    ..."""
    open: bool = False
    """It still runs, or its process died: it is not charged yet."""
    won: bool = True
    """Its answer is the one that the caller got."""
    at_s: float = 0.0
    """When it started, as far as known, in Unix seconds."""
    calls: tuple[str, ...] = field(default=(), repr=False)
    """The tool calls in it, by which sub-agents are known."""

    @property
    def cost_usd(self) -> str | None:
        """The net amount in dollars."""
        return None if self.net_pico is None else money.usd(self.net_pico)
