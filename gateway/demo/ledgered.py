"""What the demo's ledger says of one call, and what the platforms bill for it, as values."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from gateway import prices
from gateway.demo.hits import Hit
from gateway.ledger.folding import fold_once
from gateway.ledger.schema import attempts
from gateway.ledger.store import Ledger
from gateway.prices.cost import Context
from gateway.usage import Usage


@dataclass(frozen=True, slots=True)
class Booked:
    """One row of the ledger."""

    upstream: str
    platform: str
    region: str | None
    state: str
    won: bool
    low_pico: int
    high_pico: int

    @property
    def exact(self) -> bool:
        """Whether it is known what the attempt cost."""
        return self.low_pico == self.high_pico


def booked(journal: Path, decisions: Sequence[str | None]) -> dict[str, tuple[Booked, ...]]:
    """Fold a journal into a new ledger; return the rows of some decisions, in their order."""
    found: dict[str, tuple[Booked, ...]] = {each: () for each in decisions if each is not None}
    with tempfile.TemporaryDirectory(dir=journal.parent) as scratch:
        ledger = Ledger.open("sqlite:///ledger.sqlite3", Path(scratch))
        fold_once(ledger, journal, prices.shipped())
        with ledger.reading() as connection:
            query = select(attempts).where(attempts.c.decision.in_(found))
            for row in connection.execute(query.order_by(attempts.c.number)):
                found[row.decision] += (
                    Booked(
                        row.upstream,
                        row.platform,
                        row.region or None,
                        row.state,
                        row.won,
                        row.low_pico,
                        row.high_pico,
                    ),
                )
        ledger.close()
    return found


def billed_pico(hit: Hit) -> int:
    """Return what the platform bills for a request, by its own counts; 0: nothing."""
    bill = hit.bill
    if bill is None or not bill.usage:
        return 0
    context = Context(platform=hit.platform, scope=bill.scope, model=bill.model, at_s=time.time())
    cost = prices.shipped().cost(Usage.of({"usage": bill.usage}), context)
    if cost.net_pico is None:
        raise ValueError("; ".join(cost.unpriced))
    return cost.net_pico
