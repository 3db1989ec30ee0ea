"""One transaction on a ledger: what is read for a fold, and all that the fold changes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from sqlalchemy import Connection, select, update

from gateway.ledger import schema, tables
from gateway.ledger.fold import Changes, Message, Wanted
from gateway.ledger.reading import Cursor
from gateway.ledger.rollups import Differences
from gateway.ledger.row import Row
from gateway.ledger.values import day_of, row, stored, stored_adjustment


class Looked:
    """The rows that a fold asks for, looked up beforehand."""

    def __init__(self) -> None:
        self._attempts: dict[str, Row] = {}
        self._messages: dict[tuple[str, str, str | None], Row] = {}

    def add(self, rows: Iterable[Row]) -> None:
        """Take rows that were found."""
        for each in rows:
            self._attempts[each.attempt] = each
            if not each.open and each.duplicate_of is None:
                self._messages[each.platform, each.account, each.message_id] = each

    def booked(self, attempt: str) -> Row | None:
        """Return the row of an attempt."""
        return self._attempts.get(attempt)

    def known(self, platform: str, account: str, message_id: str) -> Row | None:
        """Return the row that is charged for a message."""
        return self._messages.get((platform, account, message_id))


class Writing:
    """A transaction; all of it is kept, or nothing.

    Args:
        connection: It is open, and in a transaction.
        since: The first UTC day whose rows are booked; those of older days are in sums already.
    """

    def __init__(self, connection: Connection, since: str = "") -> None:
        self.connection = connection
        self.since = since

    def open_calls(self, decisions: Iterable[str]) -> dict[str, str]:
        """Return what is kept of these calls, where anything is."""
        found: dict[str, str] = {}
        kept = schema.open_calls.c
        for some in tables.chunks(decisions):
            query = select(kept.decision, kept.data).where(kept.decision.in_(some))
            found.update((decision, data) for decision, data in self.connection.execute(query))
        return found

    def wanted(self, wanted: Wanted) -> Iterator[Row]:
        """Yield the rows that a fold will ask for, as far as there are any."""
        yield from self._by_attempt(wanted.attempts)
        yield from self._by_message(wanted.messages)

    def apply(self, changes: Changes, reached: Sequence[Cursor]) -> None:
        """Write what a fold changed, and how far it came."""
        connection = self.connection
        tables.put(connection, schema.cursors, [each._asdict() for each in reached])
        digests = [{"digest": name, "data": data} for name, data in changes.price_rows.items()]
        tables.put_new(connection, schema.price_rows, digests)
        self._book(changes)
        self._keep_calls(changes)
        adjustments = [stored_adjustment(each) for each in changes.adjustments]
        tables.put(connection, schema.adjustments, adjustments, earliest=True)

    def _book(self, changes: Changes) -> None:
        differences, rows = Differences(), []
        for booked in changes.rows:
            if day_of(booked.row.started_us) < self.since:
                continue
            if booked.before is not None:
                differences.book(stored(booked.before), -1)
            values = stored(booked.row)
            differences.book(values)
            rows.append(values)
        tables.put(self.connection, schema.attempts, rows)
        self._move(changes)
        tables.add(self.connection, differences)

    def _move(self, changes: Changes) -> None:
        column = schema.attempts.c
        for message, moved in changes.moved.items():
            # By the message, for which there is an index.
            those = (
                column.platform == message.platform,
                column.account == message.account,
                column.message_id == message.message_id,
                column.duplicate_of == moved.before,
            )
            change = update(schema.attempts).where(*those).values(duplicate_of=moved.now)
            self.connection.execute(change)

    def _keep_calls(self, changes: Changes) -> None:
        kept = [
            {"decision": decision, "file": changes.files[decision], "data": data}
            for decision, data in changes.open_calls.items()
            if data is not None
        ]
        over = [decision for decision, data in changes.open_calls.items() if data is None]
        tables.put(self.connection, schema.open_calls, kept)
        tables.take_away(self.connection, schema.open_calls, "decision", over)

    def _by_attempt(self, attempts: Iterable[str]) -> Iterator[Row]:
        column = schema.attempts.c.attempt
        for some in tables.chunks(attempts):
            query = select(schema.attempts).where(column.in_(some))
            yield from map(row, self.connection.execute(query).mappings())

    def _by_message(self, messages: Iterable[Message]) -> Iterator[Row]:
        column = schema.attempts.c
        by_account: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
        for message in messages:
            by_account[message.platform, message.account].append(message.message_id)
        # SQLite would read the whole table for a list of triples.
        for (platform, account), ids in by_account.items():
            for some in tables.chunks(ids):
                query = select(schema.attempts).where(
                    column.platform == platform,
                    column.account == account,
                    column.message_id.in_(some),
                    ~column.open,
                    column.duplicate_of.is_(None),
                )
                yield from map(row, self.connection.execute(query).mappings())


def cursors(connection: Connection, files: Iterable[str]) -> dict[str, Cursor]:
    """Return how far each of these files is folded, where anything of it is."""
    found: dict[str, Cursor] = {}
    for some in tables.chunks(files):
        query = select(schema.cursors).where(schema.cursors.c.file.in_(some))
        for each in connection.execute(query).mappings():
            found[each["file"]] = Cursor(**each)
    return found
