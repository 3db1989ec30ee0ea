"""The journal before and after: all of it is folded first, then adjustments are added to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from tenacity import RetryCallState, Retrying, retry_if_result, stop_after_delay, wait_fixed

from gateway.journal import Journal
from gateway.journal.read import files
from gateway.ledger.folding import fold_once
from gateway.ledger.reading import behind
from gateway.ledger.row import Adjustment
from gateway.ledger.store import Ledger
from gateway.ledger.writing import cursors
from gateway.prices.book import Prices
from gateway.reconcile.telling import records

_WAIT_S = 10.0
"""How long another process that folds is waited for."""
_PAUSE_S = 0.1


class State(NamedTuple):
    """How far a ledger has a journal."""

    until_s: float
    """All that was recorded up to this Unix time is in it."""
    whole: bool
    why: str = ""
    """What is missing."""


def caught_up(ledger: Ledger, directory: Path, prices: Prices, now: Callable[[], float]) -> State:
    """Fold what a journal holds now; return how far the ledger has it then.

    Raises LedgerError, OSError.
    """
    asked_s = now()
    state: State = Retrying(
        retry=retry_if_result(lambda state: not (state.whole or state.why)),
        stop=stop_after_delay(_WAIT_S),
        wait=wait_fixed(_PAUSE_S),
        retry_error_callback=_last,
    )(_once, ledger, directory, prices, asked_s)
    if state.whole or state.why:
        return state
    return state._replace(why="another process is folding it")


def _last(tried: RetryCallState) -> State:
    if tried.outcome is None:
        raise RuntimeError("what was tried has come to something")
    state: State = tried.outcome.result()
    return state


def _once(ledger: Ledger, directory: Path, prices: Prices, asked_s: float) -> State:
    fold_once(ledger, directory, prices)
    paths = files(directory)
    with ledger.reading() as connection:
        left = behind(paths, cursors(connection, (path.name for path in paths)))
    if left.troubles:
        return State(asked_s, whole=False, why=str(left.troubles[0]))
    since_s = asked_s if left.since is None else datetime.fromisoformat(left.since).timestamp()
    # What was recorded after the question is no gap.
    return State(min(since_s, asked_s), whole=since_s >= asked_s)


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
