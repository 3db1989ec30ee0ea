"""One look at a ledger: all of it as it was at one moment, and not for longer than it may take."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

STEPS = 200_000
"""So many instructions of SQLite run between two looks at the clock."""
_CANCELLED = "57014"
"""What Postgres says of a statement that was stopped."""


class TooSlow(Exception):
    """The ledger took longer for a report than it may."""


@contextmanager
def reading(engine: Engine, limit_s: float | None = None) -> Iterator[Connection]:
    """Give a connection that sees one state of the ledger and changes nothing.

    Args:
        engine: The ledger's.
        limit_s: How long a statement may take; None: as long as it likes.

    Raises:
        TooSlow: One took longer.
    """
    postgres = engine.dialect.name == "postgresql"
    try:
        with engine.connect() as connection:
            if postgres:
                with _postgres(connection, limit_s):
                    yield connection
            else:
                with _sqlite(connection, limit_s):
                    yield connection
    except DBAPIError as error:
        code = getattr(error.orig, "sqlstate", None)
        if code == _CANCELLED or str(error.orig) == "interrupted":
            raise TooSlow from None
        raise


@contextmanager
def _postgres(connection: Connection, limit_s: float | None) -> Iterator[None]:
    connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    if limit_s is not None:
        connection.exec_driver_sql(f"SET LOCAL statement_timeout = {round(limit_s * 1000)}")
    yield


@contextmanager
def _sqlite(connection: Connection, limit_s: float | None) -> Iterator[None]:
    raw = connection.connection.driver_connection
    if raw is None:
        raise RuntimeError("a connection that is open has a driver's")
    if limit_s is not None:
        until_s = time.monotonic() + limit_s
        raw.set_progress_handler(lambda: time.monotonic() > until_s, STEPS)
    connection.exec_driver_sql("BEGIN")
    try:
        yield
    finally:
        raw.set_progress_handler(None, 0)
        connection.rollback()
