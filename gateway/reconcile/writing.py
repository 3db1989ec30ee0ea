"""The journal before and after: all of it is folded first, then adjustments are added to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from gateway.journal import Journal
from gateway.ledger.folding import fold_once
from gateway.ledger.row import Adjustment
from gateway.ledger.store import Ledger
from gateway.prices.book import Prices
from gateway.reconcile.telling import records


class State(NamedTuple):
    """How far a ledger has a journal."""

    until_s: float
    """What was recorded up to this Unix time is in it."""
    lacks: str = ""
    """What is not, as it cannot be read."""


def caught_up(ledger: Ledger, directory: Path, prices: Prices, now: Callable[[], float]) -> State:
    """Fold what a journal holds now, after whoever else does so; return how far that comes.

    Raises LedgerError, OSError.
    """
    asked_s = now()
    folded = fold_once(ledger, directory, prices, wait=True)
    return State(asked_s, "; ".join(str(trouble) for trouble in folded.troubles))


def write(directory: Path, due: Sequence[Adjustment], now: Callable[[], float]) -> None:
    """Add adjustments to a journal, on the disk when this returns; raises JournalBroken."""
    if not due:
        return
    journal = Journal.open(directory, fsync="always", now=now)
    try:
        for record in records(due):
            journal.append("adjustment", record)
    finally:
        journal.close()
