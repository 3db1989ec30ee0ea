"""The tables of a ledger: made where there are none, brought up to date where they are old."""

from __future__ import annotations

import threading
from contextlib import closing
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, inspect, text
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from gateway.ledger.database import WAIT_S, created, reading, writing
from gateway.ledger.failures import NewerLedger, NotALedger, Unavailable, told
from gateway.ledger.schema import VERSION_TABLE

_MIGRATIONS = Path(__file__).parent / "migrations"
_alembic = threading.Lock()
"""It works on one database of a process at a time."""
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
    config = Config()
    config.set_main_option("script_location", str(migrations).replace("%", "%%"))
    scripts = ScriptDirectory.from_config(config)
    created(engine)
    with reading(engine) as connection:
        missing = _missing(connection, scripts)
    if missing:
        with writing(engine) as connection:
            # Another process may have made them meanwhile.
            if _missing(connection, scripts):
                config.attributes["connection"] = connection
                with _alembic:
                    command.upgrade(config, "head")
    if engine.dialect.name == "sqlite":
        _write_ahead(engine)


def _missing(connection: Connection, scripts: ScriptDirectory) -> bool:
    """Return whether tables are to be made or changed; raises NotALedger, NewerLedger."""
    tables = inspect(connection).get_table_names()
    if VERSION_TABLE not in tables:
        if tables:
            raise NotALedger(_foreign(tables))
        return True
    version = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()  # noqa: S608 - our own name
    known = [script.revision for script in scripts.walk_revisions()]
    if version is not None and version not in known:
        raise NewerLedger(
            f"the ledger's tables are of version {version}, and this gateway knows them up to"
            f" {known[0]}: use the gateway that made them, or a later one"
        )
    return version != known[0]


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
