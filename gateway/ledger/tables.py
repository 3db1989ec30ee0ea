"""Statements that write to the ledger's tables, many rows at a time, alike in both databases."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Connection, Table, bindparam, delete, literal
from sqlalchemy.dialects import postgresql, sqlite

from gateway.ledger import schema
from gateway.ledger.rollups import Differences
from gateway.money import PICO_PER_USD

_CHUNK = 500
"""How many values a statement asks for at once."""

Rows = Sequence[Mapping[str, Any]]


def insert(connection: Connection, table: Table) -> Any:
    """Return an INSERT that may say what to do ON CONFLICT."""
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)


def put(connection: Connection, table: Table, rows: Rows, *, earliest: bool = False) -> None:
    """Write rows; one that is there under its key is replaced.

    Args:
        connection: Whose transaction it is.
        table: Where to.
        rows: All columns of each.
        earliest: Of two rows with one key the one of the earlier `at_us` stays.
    """
    if not rows:
        return
    statement = insert(connection, table)
    keys = [column.name for column in table.primary_key.columns]
    names = [column.name for column in table.columns if not column.primary_key]
    others = {name: statement.excluded[name] for name in names}
    where = statement.excluded.at_us < table.c.at_us if earliest else None
    connection.execute(
        statement.on_conflict_do_update(index_elements=keys, set_=others, where=where), rows
    )


def put_new(connection: Connection, table: Table, rows: Rows) -> None:
    """Write rows; one whose key is there stays as it is."""
    if rows:
        connection.execute(insert(connection, table).on_conflict_do_nothing(), rows)


def take_away(connection: Connection, table: Table, key: str, values: Iterable[str]) -> None:
    """Delete the rows with these keys."""
    rows = [{"value": value} for value in values]
    if rows:
        connection.execute(delete(table).where(table.c[key] == bindparam("value")), rows)


def add(connection: Connection, differences: Differences) -> None:
    """Add differences to both tables of sums; a row in which nothing is left goes."""
    for table, sums in (
        (schema.rollups, differences.by_day),
        (schema.tag_rollups, differences.by_tag),
    ):
        rows = sums.rows()
        _add(connection, table, rows)
        if any(row["attempts"] <= 0 for row in rows):
            connection.execute(delete(table).where(table.c.attempts == 0))


def _add(connection: Connection, table: Table, rows: Rows) -> None:
    if not rows:
        return
    statement = insert(connection, table)
    added: dict[str, ColumnElement[int]] = {
        name: table.c[name] + statement.excluded[name] for name in schema.MEASURES
    }
    for name in schema.AMOUNTS:
        dollars, rest = f"{name}_usd", f"{name}_rest_pico"
        rests = table.c[rest] + statement.excluded[rest]
        whole = literal(PICO_PER_USD, BigInteger)
        added[dollars] = table.c[dollars] + statement.excluded[dollars] + rests // whole
        added[rest] = rests % whole
    keys = [column.name for column in table.primary_key.columns]
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=added), rows)


def chunks(values: Iterable[Any]) -> Iterable[list[Any]]:
    """Return values, sorted, in lists that a statement can ask for."""
    ordered = sorted(values)
    return (ordered[start : start + _CHUNK] for start in range(0, len(ordered), _CHUNK))
