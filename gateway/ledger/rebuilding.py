"""Folds a journal anew: what can be folded again is, and what cannot is kept as it is.

Kept are rows from files of the journal that are no longer there, and the sums of days whose rows
were pruned. All of it is one transaction: readers see the old rows until the new ones are whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, delete, select

from gateway.journal.read import files
from gateway.ledger import schema, tables
from gateway.ledger.fold import Changes
from gateway.ledger.folding import Folded, fold_all
from gateway.ledger.horizons import horizons
from gateway.ledger.one_folder import one_folder
from gateway.ledger.reading import BATCH_BYTES, Cursor
from gateway.ledger.rollups import Differences
from gateway.ledger.store import Ledger
from gateway.ledger.writing import Writing
from gateway.prices.book import Prices

_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What a rebuilding came to."""

    folded: Folded
    kept: int
    """Attempts that were kept, because their file is not there."""
    kept_from: str
    """The first day that was folded anew; empty: all were."""


def rebuild(
    ledger: Ledger,
    directories: Sequence[Path],
    prices: Prices,
    *,
    limit_bytes: int = BATCH_BYTES,
) -> Rebuilt:
    """Fold the journals in some directories anew, in one transaction.

    Args:
        ledger: What is built anew.
        directories: The journals.
        prices: What an attempt costs.
        limit_bytes: How much of a journal is in memory at a time.

    Raises:
        LedgerError: The ledger cannot be used; it is as it was.
        OSError: A journal cannot be read; the same.
    """
    with ExitStack() as alone:
        for directory in directories:
            alone.enter_context(one_folder(directory, wait=True))
        paths = in_order(directories)
        with ledger.writing() as writing:
            connection = writing.connection
            kept_from = horizons(connection)
            kept = _kept(connection, paths, kept_from.attempts)
            anew = _Anew(connection, kept_from.attempts, kept_from.rollups)
            folded = fold_all(anew, paths, prices, limit_bytes=limit_bytes)
        return Rebuilt(folded, kept, kept_from.attempts)


def in_order(directories: Iterable[Path]) -> list[Path]:
    """Return the files of some journals, the oldest first; raises OSError."""
    paths = {path.name: path for directory in directories for path in files(directory)}
    return [paths[name] for name in sorted(paths)]


def _kept(connection: Connection, paths: Sequence[Path], first_day: str) -> int:
    """Take away what can be folded anew; return how many rows are left, and in the sums."""
    _forget(connection, [path.name for path in paths])
    for table in (schema.rollups, schema.tag_rollups):
        connection.execute(delete(table).where(table.c.day >= first_day))
    return _sum_up(connection, first_day)


def _forget(connection: Connection, names: Sequence[str]) -> None:
    """Take away all that was folded from these files."""
    in_rows = connection.execute(select(schema.attempts.c.file).distinct()).scalars()
    if set(in_rows) <= set(names):
        connection.execute(delete(schema.attempts))
    for table in (schema.open_calls, schema.cursors, schema.attempts):
        for some in tables.chunks(names):
            connection.execute(delete(table).where(table.c.file.in_(some)))


def _sum_up(connection: Connection, first_day: str) -> int:
    """Add the rows that are there to the sums; return how many they are."""
    differences, count = Differences(), 0
    for values in rows(connection, first_day):
        differences.book(values)
        count += 1
    tables.add(connection, differences)
    return count


def rows(connection: Connection, first_day: str) -> Iterator[dict[str, Any]]:
    """Yield the rows of attempts from a day on, a few in memory at a time."""
    query = select(schema.attempts).where(schema.attempts.c.day >= first_day)
    found = connection.execute(query, execution_options={"yield_per": _AT_ONCE})
    return (dict(each) for each in found.mappings())


class _Anew(Writing):
    """Writes adjustments over those that were there before."""

    def __init__(self, connection: Connection, since: str, adjusted_since: str) -> None:
        super().__init__(connection, since)
        self._adjusted_since = adjusted_since
        self._written: set[str] = set()

    def apply(self, changes: Changes, reached: Sequence[Cursor]) -> None:
        changes.adjustments = [
            each for each in changes.adjustments if each.day >= self._adjusted_since
        ]
        new = {each.id for each in changes.adjustments} - self._written
        tables.take_away(self.connection, schema.adjustments, "id", new)
        self._written.update(new)
        super().apply(changes, reached)
