"""The database of a ledger: SQLite or Postgres by its address, and transactions on it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError

from gateway.config.ledger_url import SQLITE
from gateway.ledger.failures import LedgerError, Unavailable, told

WAIT_S = 5
"""How long a lock, or a connection, is waited for."""
_WRITER = 0x7469_6465  # "tide"
"""The advisory lock of those who write; any number that all take."""
_POSTGRES = {
    "application_name": "tidegate ledger",
    "connect_timeout": str(WAIT_S),
    "keepalives_idle": "10",
    "tcp_user_timeout": "20000",
}
"""What is asked of libpq where the address does not say otherwise."""


def engine(url: str, directory: Path) -> Engine:
    """Return what connects to an address; a relative file counts from `directory`.

    A connection is closed when it was used: a forked process must not inherit one.
    """
    if url.startswith(SQLITE):
        path = directory / url.removeprefix(SQLITE)
        return _sqlite(path.absolute())
    try:
        parsed = make_url(url).set(drivername="postgresql+psycopg")
    except (ArgumentError, ValueError):
        raise LedgerError("this is no address of a database") from None
    asked = {name: value for name, value in _POSTGRES.items() if name not in parsed.query}
    return create_engine(parsed.update_query_dict(asked), poolclass=NullPool, hide_parameters=True)


def address(engine: Engine) -> str:
    """Return where a ledger is, for people: without the password and without parameters."""
    url = engine.url
    if engine.dialect.name == "sqlite":
        return f"{SQLITE}{url.database}"
    shown = url.set(drivername="postgresql", query={})
    host = url.query.get("host")
    return shown.set(host=host if isinstance(host, str) else url.host).render_as_string()


def shown(url: str, directory: Path) -> str:
    """Return an address for people, also where nothing can be connected to it."""
    try:
        return address(engine(url, directory))
    except LedgerError:
        return "of the configuration"


def _sqlite(path: Path) -> Engine:
    made = create_engine(
        URL.create("sqlite", database=str(path)),
        poolclass=NullPool,
        hide_parameters=True,
        # The statements that begin and end transactions are ours: the driver leaves some out.
        connect_args={"timeout": WAIT_S, "isolation_level": None},
    )
    event.listen(made, "connect", _connected)
    event.listen(made, "begin", _begun)
    return made


def _connected(connection: Any, _: Any) -> None:
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = NORMAL")


def _begun(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def created(engine: Engine) -> None:
    """Make the file of a SQLite database, for its owner alone, where there is none."""
    if engine.dialect.name != "sqlite" or engine.url.database is None:
        return
    path = Path(engine.url.database)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise Unavailable(f"the database's file cannot be opened: {error.strerror}") from None


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Begin a transaction that sees the database as it was at its first statement."""
    options: dict[str, Any] = {}
    if engine.dialect.name == "postgresql":
        options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    with told(), engine.connect() as connection:
        chosen = connection.execution_options(**options)
        with chosen.begin():
            yield chosen


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Begin a transaction as the only one who writes; it is undone where anything is raised."""
    with told(), engine.connect() as connection:
        chosen = connection.execution_options(writes=True)
        with chosen.begin():
            if engine.dialect.name == "postgresql":
                _alone(chosen)
            yield chosen


def _alone(connection: Connection) -> None:
    connection.execute(text(f"SET LOCAL lock_timeout = '{WAIT_S}s'"))
    # A process that stands still must not keep the others waiting for ever.
    connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = '120s'"))
    connection.execute(text(f"SELECT pg_advisory_xact_lock({_WRITER})"))
