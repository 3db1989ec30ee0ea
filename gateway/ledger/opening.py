"""The tables of a ledger: made where there are none, brought up to date where they are old.

That is for who writes it. Who only reads changes nothing: what is not there, or old, is told.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, inspect, text
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from gateway.ledger.database import WAIT_S, created, reading, writing
from gateway.ledger.failures import NewerLedger, NotALedger, OlderLedger, Unavailable, told
from gateway.ledger.schema import VERSION_TABLE

_MIGRATIONS = Path(__file__).parent / "migrations"
_alembic = threading.Lock()
"""It works on one database of a process at a time."""
_NOWHERE = "it is not there: `gateway ledger fold` makes it from the journal"
_NAMED = 3
"""How many foreign tables an error names."""


def open_tables(engine: Engine, migrations: Path = _MIGRATIONS) -> None:
    """Make sure that a database has the ledger's tables as this version knows them.

    Raises:
        NotALedger: It holds something else.
        NewerLedger: A later version made its tables.
        Unavailable: It cannot be used now.
        LedgerError: It refuses.
    """
    config = _config(migrations)
    known = _versions(config)
    created(engine)
    with reading(engine) as connection:
        version = _version(connection, known)
    if version != known[0]:
        with writing(engine) as connection:
            # Another process may have made them meanwhile.
            if _version(connection, known) != known[0]:
                config.attributes["connection"] = connection
                with _alembic:
                    command.upgrade(config, "head")
    if engine.dialect.name == "sqlite":
        _write_ahead(engine)


def look(engine: Engine, migrations: Path = _MIGRATIONS) -> None:
    """Make sure of the same, and change nothing.

    Raises:
        NotALedger, NewerLedger: As `open_tables`.
        OlderLedger: An earlier version made its tables.
        Unavailable: It is not there, or cannot be used now.
        LedgerError: It refuses.
    """
    known = _versions(_config(migrations))
    if engine.dialect.name == "sqlite" and not Path(engine.url.database or "").exists():
        raise Unavailable(_NOWHERE)
    with reading(engine) as connection:
        version = _version(connection, known)
    if version is None:
        raise Unavailable(_NOWHERE)
    if version != known[0]:
        raise OlderLedger(
            f"the ledger's tables are of version {version}, and this gateway needs {known[0]}:"
            " `gateway ledger fold` brings them up to date"
        )


def _config(migrations: Path) -> Config:
    config = Config()
    config.set_main_option("script_location", str(migrations).replace("%", "%%"))
    return config


def _versions(config: Config) -> list[str]:
    """Return all that this gateway knows, the newest first."""
    scripts = ScriptDirectory.from_config(config).walk_revisions()
    return [script.revision for script in scripts]


def _version(connection: Connection, known: Sequence[str]) -> str | None:
    """Return which version the tables are of; None: there are none.

    Raises:
        NotALedger: There are others.
        NewerLedger: It is none that is known.
    """
    tables = inspect(connection).get_table_names()
    if VERSION_TABLE not in tables:
        if tables:
            raise NotALedger(_foreign(tables))
        return None
    found = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()  # noqa: S608 - our own name
    version = None if found is None else str(found)
    if version is not None and version not in known:
        raise NewerLedger(
            f"the ledger's tables are of version {version}, and this gateway knows them up to"
            f" {known[0]}: use the gateway that made them, or a later one"
        )
    return version


def _foreign(tables: list[str]) -> str:
    named = ", ".join(sorted(tables)[:_NAMED])
    more = ", ..." if len(tables) > _NAMED else ""
    return f"the database holds other tables ({named}{more}) and no ledger: give it one of its own"


def _write_ahead(engine: Engine) -> None:
    """Let readers and the one who writes work beside each other.

    SQLite does not wait for a lock here, and another process may just do the same.
    """
    trying = Retrying(
        retry=retry_if_exception_type(Unavailable),
        stop=stop_after_delay(WAIT_S),
        wait=wait_fixed(0.05),
        reraise=True,
    )
    trying(_switched, engine)


def _switched(engine: Engine) -> None:
    with told(), closing(engine.raw_connection()) as connection:
        cursor = connection.cursor()
        if cursor.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
            cursor.execute("PRAGMA journal_mode = WAL")
        cursor.close()
