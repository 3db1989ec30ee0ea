"""One look at a ledger, that takes no longer than a report may take."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from gateway.ledger.store import Ledger

STEPS = 200_000
"""So many instructions of SQLite run between two looks at the clock."""
_STOPPED = "57014"
"""What Postgres says of a statement that was stopped."""


class TooSlow(Exception):
    """The ledger took longer for a report than it may."""


@contextmanager
def reading(ledger: Ledger, limit_s: float | None = None) -> Iterator[Connection]:
    """Give a connection that sees one state of the ledger.

    Args:
        ledger: The ledger.
        limit_s: How long the statements may take; None: as long as they like.

    Raises:
        TooSlow: They took longer.
        LedgerError: The ledger cannot be used.
    """
    with ledger.reading() as connection:
        if limit_s is None:
            yield connection
            return
        try:
            _limit(connection, limit_s)
            yield connection
        except DBAPIError as error:
            if _was_stopped(error):
                raise TooSlow from None
            raise


def _limit(connection: Connection, limit_s: float) -> None:
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SET LOCAL statement_timeout = {round(limit_s * 1000)}")
        return
    until_s = time.monotonic() + limit_s
    driver = connection.connection.driver_connection
    if driver is not None:
        # It goes with the connection, which is closed after its one transaction.
        driver.set_progress_handler(lambda: time.monotonic() > until_s, STEPS)


def _was_stopped(error: DBAPIError) -> bool:
    return getattr(error.orig, "sqlstate", None) == _STOPPED or str(error.orig) == "interrupted"
