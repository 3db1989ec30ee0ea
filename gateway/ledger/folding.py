"""Folds a journal's directory into a ledger: what is new, in batches, each in one transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from gateway.journal.chain import Finding
from gateway.journal.read import files
from gateway.ledger.fold import Fold
from gateway.ledger.one_folder import one_folder
from gateway.ledger.reading import BATCH_BYTES, Cursor, Taken, next_batch
from gateway.ledger.store import Ledger
from gateway.ledger.writing import Looked, Writing, cursors
from gateway.prices.book import Prices


@dataclass(frozen=True, slots=True)
class Folded:
    """What folding came to."""

    records: int = 0
    """Read, of whatever kind."""
    attempts: int = 0
    """Rows that were written."""
    unusable: Mapping[str, int] = field(default_factory=dict)
    """What could not be used of records, by name."""
    troubles: tuple[Finding, ...] = ()
    """Why the rest of a file cannot be folded."""
    more: bool = False
    """It stopped because it was enough, not because that was all."""
    passed: bool = False
    """Another process is folding this journal."""

    def then(self, later: Folded) -> Folded:
        """Return what this and a later part of the same pass came to."""
        unusable = Counter(self.unusable) + Counter(later.unusable)
        return Folded(
            self.records + later.records,
            self.attempts + later.attempts,
            dict(unusable),
            later.troubles,
            later.more,
        )


def fold_once(
    ledger: Ledger,
    directory: Path,
    prices: Prices,
    *,
    wait: bool = False,
    limit_bytes: int = BATCH_BYTES,
) -> Folded:
    """Fold all that a journal holds now.

    Args:
        ledger: Where to.
        directory: The journal's.
        prices: What an attempt costs.
        wait: Wait for another process that folds it; else it is left to that one.
        limit_bytes: How much of it is folded in one transaction.

    Raises:
        LedgerError: The ledger cannot be used; what was folded before stays.
        OSError: The directory cannot be read.
    """
    with one_folder(directory, wait=wait) as mine:
        if not mine:
            return Folded(passed=True)
        paths, total = files(directory), Folded(more=True)
        while total.more:
            total = total.then(fold_batch(ledger, paths, prices, limit_bytes))
        return total


def fold_batch(
    ledger: Ledger, paths: Sequence[Path], prices: Prices, limit_bytes: int = BATCH_BYTES
) -> Folded:
    """Fold the next part of a journal's files, in one transaction; raises LedgerError."""
    with ledger.writing() as writing:
        return fold_into(writing, paths, prices, limit_bytes=limit_bytes)


def fold_all(
    writing: Writing,
    paths: Sequence[Path],
    prices: Prices,
    *,
    ends_bytes: Mapping[str, int] | None = None,
    limit_bytes: int = BATCH_BYTES,
) -> Folded:
    """Fold all of some files within one transaction; the arguments are those of `fold_into`."""
    total = Folded(more=True)
    while total.more:
        part = fold_into(writing, paths, prices, ends_bytes=ends_bytes, limit_bytes=limit_bytes)
        total = total.then(part)
    return total


def fold_into(
    writing: Writing,
    paths: Sequence[Path],
    prices: Prices,
    *,
    ends_bytes: Mapping[str, int] | None = None,
    limit_bytes: int = BATCH_BYTES,
) -> Folded:
    """Fold the next part of files within a transaction.

    Args:
        writing: The transaction.
        paths: The files, the oldest first.
        prices: What an attempt costs.
        ends_bytes: Where to end in each file; None: at its end. One that is not named is left out.
        limit_bytes: How much of the files is enough.
    """
    reached = cursors(writing.connection, (path.name for path in paths))
    batch = list(next_batch(paths, reached, ends_bytes, limit_bytes))
    troubles = tuple(taken.trouble for taken in batch if taken.trouble is not None)
    records = sum(len(taken.records) for taken in batch)
    if not records:
        return Folded(troubles=troubles)
    looked = Looked()
    fold = Fold(prices, writing.open_calls(_begun_before(batch)), looked.known, looked.booked)
    for taken in batch:
        for record in taken.records:
            fold.take(taken.cursor.file, record)
    looked.add(writing.wanted(fold.wanted()))
    changes = fold.changes()
    writing.apply(changes, [taken.cursor for taken in batch if taken.records])
    read_bytes = sum(_read_bytes(taken, reached) for taken in batch)
    more = read_bytes >= limit_bytes
    return Folded(records, len(changes.rows), dict(fold.troubles), troubles, more)


def _read_bytes(taken: Taken, reached: Mapping[str, Cursor]) -> int:
    before = reached.get(taken.cursor.file)
    return taken.cursor.offset_bytes - (0 if before is None else before.offset_bytes)


def _begun_before(batch: Iterable[Taken]) -> set[str]:
    """Return the calls that records tell more of, but whose beginning is not among them."""
    named: set[str] = set()
    begun: set[str] = set()
    for taken in batch:
        for record in taken.records:
            decision = _decision(record.data)
            if decision is not None:
                (begun if record.kind == "decision" else named).add(decision)
    return named - begun


class _Named(msgspec.Struct):
    decision: str | None = None


_named = msgspec.json.Decoder(_Named).decode


def _decision(data: msgspec.Raw) -> str | None:
    try:
        return _named(data).decision
    except ValueError:
        return None
