"""Recomputes a ledger: its rows by folding the journal again, its sums by adding up its rows."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Table, func, select

from gateway.ledger import calls, schema, tables
from gateway.ledger.folding import fold_all
from gateway.ledger.horizons import horizons
from gateway.ledger.reading import Cursor, size_bytes
from gateway.ledger.rebuilding import in_order, rows
from gateway.ledger.rollups import Differences, Sums
from gateway.ledger.store import Ledger
from gateway.ledger.values import start_us
from gateway.ledger.writing import cursors
from gateway.prices.book import Prices

_SHOWN = 20
"""How many differences of each table are named."""
_AT_ONCE = 500
_LONG = 60
"""How much of a value is shown."""

Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Difference:
    """Something in the ledger that is not what it should be."""

    table: str
    key: str
    message: str

    def __str__(self) -> str:
        return f"{self.table} {self.key}: {self.message}"


@dataclass(slots=True)
class Report:
    """What verifying came to; the ledger is right when there are no differences."""

    attempts: int = 0
    """Rows that were compared."""
    different: Counter[str] = field(default_factory=Counter)
    """Table -> how many differences it has."""
    differences: list[Difference] = field(default_factory=list)
    """The first of each table."""
    notes: list[str] = field(default_factory=list)
    """What could not be compared, and what is not folded yet."""

    @property
    def ok(self) -> bool:
        """Whether everything is as it should be."""
        return not self.different

    def differs(self, table: Table, key: str, message: str) -> None:
        """Take note of a difference."""
        self.different[table.name] += 1
        if self.different[table.name] <= _SHOWN:
            self.differences.append(Difference(table.name, key, message))


def verify(ledger: Ledger, directories: Sequence[Path], prices: Prices) -> Report:
    """Compare a ledger, as it is at one moment, with what the journals in directories give.

    Raises:
        LedgerError: The ledger cannot be read.
        OSError: A journal cannot be read, or there is no room for the fold.
    """
    with ledger.reading() as connection, tempfile.TemporaryDirectory() as scratch:
        url = f"sqlite:///{scratch}/fresh.sqlite3"
        with closing(Ledger.open(url, Path())) as fresh:
            return _Verifying(connection, directories, prices).against(fresh)


class _Verifying:
    def __init__(self, connection: Connection, directories: Sequence[Path], prices: Prices) -> None:
        self._connection = connection
        self._paths = in_order(directories)
        self._prices = prices
        self._names = {path.name for path in self._paths}
        self._kept = horizons(connection)
        self._report = Report()

    def against(self, fresh: Ledger) -> Report:
        """Fold the journal as far as the ledger came, and compare."""
        reached = _all_cursors(self._connection)
        ends_bytes = {name: cursor.offset_bytes for name, cursor in reached.items()}
        with fresh.writing() as writing:
            fold_all(writing, self._paths, self._prices, ends_bytes=ends_bytes)
        with fresh.reading() as scratch:
            self._cursors(reached, scratch)
            self._attempts(scratch)
            self._adjustments(scratch)
            self._open_calls(scratch)
        self._sums()
        self._note_pruned(self._kept.attempts)
        return self._report

    def _cursors(self, reached: Mapping[str, Cursor], scratch: Connection) -> None:
        found = cursors(scratch, reached)
        for path in self._paths:
            cursor = reached.get(path.name)
            behind = size_bytes(path) - (0 if cursor is None else cursor.offset_bytes)
            if behind > 0:
                self._report.notes.append(f"{path.name}: {behind} bytes are not folded yet")
            if cursor is not None and found.get(path.name, Cursor(path.name)) != cursor:
                message = "the file does not have what was folded; `gateway audit verify` says more"
                self._report.differs(schema.cursors, path.name, message)
        gone = sorted(reached.keys() - self._names)
        for name in gone[:_SHOWN]:
            self._report.notes.append(f"{name} is not here, so its attempts are not compared")
        if len(gone) > _SHOWN:
            self._report.notes.append(f"so are {len(gone) - _SHOWN} other files")

    def _attempts(self, scratch: Connection) -> None:
        """Look up each row of the ledger in the fresh fold; then what is only there."""
        matched = 0
        for some in _chunks(rows(self._connection, self._kept.attempts)):
            here = {each["attempt"]: each for each in some if each["file"] in self._names}
            there = _by_key(scratch, schema.attempts, here)
            matched += len(there)
            for attempt, values in here.items():
                self._compare(schema.attempts, attempt, values, there.get(attempt))
        query = select(func.count()).select_from(schema.attempts)
        due = scratch.execute(query.where(schema.attempts.c.day >= self._kept.attempts)).scalar()
        self._report.attempts = matched
        if due != matched:
            self._missing(scratch)

    def _missing(self, scratch: Connection) -> None:
        for some in _chunks(rows(scratch, self._kept.attempts)):
            due = {each["attempt"] for each in some}
            for attempt in sorted(due - _by_key(self._connection, schema.attempts, due).keys()):
                self._report.differs(schema.attempts, attempt, "is missing")

    def _compare(self, table: Table, key: str, here: Values, there: Values | None) -> None:
        if there is None:
            self._report.differs(table, key, "the journal knows nothing of it")
            return
        wrong = [name for name in here if here[name] != there[name]]
        if "price_digest" in wrong:
            told = "other prices hold now; `gateway ledger rebuild` prices it anew"
            self._report.differs(table, key, told)
        elif wrong:
            told = "; ".join(
                f"{name} is {_short(here[name])}, not {_short(there[name])}" for name in wrong
            )
            self._report.differs(table, key, told)

    def _adjustments(self, scratch: Connection) -> None:
        table = schema.adjustments
        query = select(table).where(table.c.day >= self._kept.rollups)
        for some in _chunks(scratch.execute(query).mappings()):
            there = {each["id"]: each for each in some}
            here = _by_key(self._connection, table, there)
            for key, values in there.items():
                if key in here:
                    self._compare(table, key, here[key], values)
                else:
                    self._report.differs(table, key, "is missing")

    def _open_calls(self, scratch: Connection) -> None:
        table = schema.open_calls
        there = {each["decision"]: dict(each) for each in scratch.execute(select(table)).mappings()}
        query = select(table)
        here = {
            each["decision"]: dict(each)
            for each in self._connection.execute(query).mappings()
            if each["file"] in self._names
        }
        for decision in sorted(here.keys() | there.keys()):
            one, other = here.get(decision), there.get(decision)
            if one is None and not self._is_forgotten(there[decision]):
                self._report.differs(table, decision, "is missing")
            elif one is not None and (other is None or _call(one) != _call(other)):
                self._report.differs(table, decision, "is not what the journal gives")

    def _is_forgotten(self, values: Values) -> bool:
        """Say whether a call may have been pruned: it is old, and has no row that is kept."""
        if not self._kept.attempts:
            return False
        call = calls.from_json(values["data"])
        if not (call.attempts or call.booked):
            return call.last_us < start_us(self._kept.attempts)
        attempts = schema.attempts.c
        query = select(attempts.attempt).where(attempts.decision == values["decision"]).limit(1)
        return self._connection.execute(query).first() is None

    def _sums(self) -> None:
        """Add the rows of the ledger up, and compare that with its sums."""
        first = max(self._kept)
        due = Differences()
        for values in rows(self._connection, first):
            due.book(values)
        for table, sums in ((schema.rollups, due.by_day), (schema.tag_rollups, due.by_tag)):
            self._compare_sums(table, sums, first)

    def _compare_sums(self, table: Table, sums: Sums, first: str) -> None:
        names = sums.dimensions
        due = {tuple(each[name] for name in names): each for each in sums.rows()}
        query = select(table).where(table.c.day >= first)
        for each in self._connection.execute(query).mappings():
            key = tuple(each[name] for name in names)
            there = due.pop(key, None)
            if there is None:
                self._report.differs(table, _named(key), "there is no row for it")
            elif wrong := [name for name in there if there[name] != each[name]]:
                told = "; ".join(f"{name} is {each[name]}, not {there[name]}" for name in wrong)
                self._report.differs(table, _named(key), told)
        for key in due:
            self._report.differs(table, _named(key), "is missing")

    def _note_pruned(self, first: str) -> None:
        older = select(schema.rollups.c.day).where(schema.rollups.c.day < first).limit(1)
        if self._connection.execute(older).first() is not None:
            note = f"rows before {first} were pruned, so the sums of these days stand alone"
            self._report.notes.append(note)


def _all_cursors(connection: Connection) -> dict[str, Cursor]:
    return cursors(connection, connection.execute(select(schema.cursors.c.file)).scalars().all())


def _by_key(connection: Connection, table: Table, keys: Iterable[str]) -> dict[str, Values]:
    (column,) = table.primary_key.columns
    found: dict[str, Values] = {}
    for some in tables.chunks(keys):
        for each in connection.execute(select(table).where(column.in_(some))).mappings():
            found[each[column.name]] = dict(each)
    return found


def _chunks(values: Iterable[Any]) -> Iterator[list[Any]]:
    some: list[Any] = []
    for value in values:
        some.append(value)
        if len(some) == _AT_ONCE:
            yield some
            some = []
    if some:
        yield some


def _call(values: Values) -> object:
    return values["file"], calls.from_json(values["data"])


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _LONG else f"{text[:_LONG]}..."


def _named(key: tuple[Any, ...]) -> str:
    return "/".join(str(part) for part in key)
