"""A ledger's tables: made, brought up to date, and left alone where they are not ours."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, inspect, text

from gateway.ledger import database, opening
from gateway.ledger.failures import (
    LedgerError,
    NewerLedger,
    NotALedger,
    OlderLedger,
    Unavailable,
)
from gateway.ledger.opening import open_tables
from gateway.ledger.schema import VERSION_TABLE, metadata
from gateway.ledger.store import Ledger
from tests.ledger.conftest import NewUrl

ROOT = Path(__file__).parents[2]
LATER = """
import sqlalchemy as sa
from alembic import op
revision, down_revision = "0002", "0001"
def upgrade():
    op.add_column("attempts", sa.Column("colour", sa.Text()))
    {more}
"""


@contextmanager
def connected(url: str, directory: Path, *, writes: bool = True) -> Iterator[Connection]:
    engine = database.engine(url, directory)
    with engine.connect() as connection:
        chosen = connection.execution_options(writes=writes)
        with chosen.begin():
            yield chosen
    engine.dispose()


def everything(connection: Connection) -> dict[str, list[Any]]:
    names = inspect(connection).get_table_names()
    return {name: rows(connection, name) for name in names}


def rows(connection: Connection, table: str) -> list[Any]:
    return list(connection.execute(text(f"SELECT * FROM {table}")))  # noqa: S608 - a test's own


def later(tmp_path: Path, more: str = "") -> Path:
    """Return migrations as a later version of the gateway has them."""
    own = Path(opening.__file__).parent / "migrations"
    copy = tmp_path / "migrations"
    (copy / "versions").mkdir(parents=True)
    (copy / "env.py").write_text((own / "env.py").read_text())
    for script in (own / "versions").glob("0*.py"):
        (copy / "versions" / script.name).write_text(script.read_text())
    (copy / "versions" / "0002_later.py").write_text(LATER.format(more=more))
    return copy


def upgraded(url: str, directory: Path, migrations: Path) -> None:
    open_tables(database.engine(url, directory), migrations)


def test_the_migrations_make_the_tables_of_the_schema(url: str, tmp_path: Path) -> None:
    Ledger.open(url, tmp_path).close()
    with connected(url, tmp_path) as connection:
        options = {"compare_type": True, "version_table": VERSION_TABLE}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, metadata) == []


def test_opening_again_changes_nothing(url: str, tmp_path: Path) -> None:
    Ledger.open(url, tmp_path).close()
    with connected(url, tmp_path) as connection:
        before = everything(connection)
        connection.execute(text("INSERT INTO price_rows VALUES ('a', 'b')"))
    Ledger.open(url, tmp_path).close()
    with connected(url, tmp_path) as connection:
        assert everything(connection) == {**before, "price_rows": [("a", "b")]}


def test_an_older_ledger_is_brought_up_to_date_and_keeps_its_rows(url: str, tmp_path: Path) -> None:
    Ledger.open(url, tmp_path).close()
    with connected(url, tmp_path) as connection:
        connection.execute(text("INSERT INTO price_rows VALUES ('a', 'b')"))
    upgraded(url, tmp_path, later(tmp_path))
    with connected(url, tmp_path) as connection:
        assert connection.execute(text("SELECT colour FROM attempts")).all() == []
        assert connection.execute(text("SELECT digest FROM price_rows")).scalar() == "a"


def test_an_upgrade_that_fails_leaves_the_ledger_as_it_was(url: str, tmp_path: Path) -> None:
    Ledger.open(url, tmp_path).close()
    with connected(url, tmp_path) as connection:
        before = everything(connection)
    broken = later(tmp_path, 'op.execute("INSERT INTO nowhere VALUES (1)")')
    with pytest.raises(LedgerError):
        upgraded(url, tmp_path, broken)
    with connected(url, tmp_path) as connection:
        assert everything(connection) == before
        columns = [column["name"] for column in inspect(connection).get_columns("attempts")]
    assert "colour" not in columns
    Ledger.open(url, tmp_path).close()


@pytest.mark.parametrize("opens", [Ledger.open, Ledger.existing])
def test_a_newer_ledger_is_named_and_not_touched(
    url: str, tmp_path: Path, opens: Callable[[str, Path], Ledger]
) -> None:
    upgraded(url, tmp_path, later(tmp_path))
    with connected(url, tmp_path) as connection:
        before = everything(connection)
    with pytest.raises(NewerLedger, match=r"version 0002, .* up to 0001"):
        opens(url, tmp_path)
    with connected(url, tmp_path) as connection:
        assert everything(connection) == before


def test_who_only_reads_makes_no_tables(url: str, tmp_path: Path) -> None:
    with connected(url, tmp_path):
        pass
    with pytest.raises(Unavailable, match="it is not there: `gateway ledger fold` makes it"):
        Ledger.existing(url, tmp_path)
    with connected(url, tmp_path) as connection:
        assert everything(connection) == {}


def test_who_only_reads_makes_no_file(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="it is not there: `gateway ledger fold` makes it"):
        Ledger.existing("sqlite:///ledger.sqlite3", tmp_path)
    assert not list(tmp_path.iterdir())


def test_who_only_reads_leaves_an_older_ledger_as_it_is(url: str, tmp_path: Path) -> None:
    Ledger.open(url, tmp_path).close()
    Ledger.existing(url, tmp_path).close()
    with connected(url, tmp_path) as connection:
        before = everything(connection)
    told = r"of version 0001, .* needs 0002: `gateway ledger fold` brings them up to date"
    with pytest.raises(OlderLedger, match=told):
        opening.look(database.engine(url, tmp_path), later(tmp_path))
    with connected(url, tmp_path) as connection:
        assert everything(connection) == before
        columns = [column["name"] for column in inspect(connection).get_columns("attempts")]
    assert "colour" not in columns


def test_who_only_reads_needs_no_right_to_write(new_postgres: NewUrl, tmp_path: Path) -> None:
    url = new_postgres()
    Ledger.open(url, tmp_path).close()
    name = url.rpartition("/")[2].partition("?")[0]
    with connected(url, tmp_path) as connection:
        connection.execute(text(f"ALTER DATABASE {name} SET default_transaction_read_only = on"))
    try:
        ledger = Ledger.existing(url, tmp_path)
        with ledger.reading() as connection:
            assert rows(connection, "attempts") == []
        ledger.close()
    finally:
        with connected(url, tmp_path) as connection:
            connection.execute(text("SET TRANSACTION READ WRITE"))
            connection.execute(text(f"ALTER DATABASE {name} RESET default_transaction_read_only"))


@pytest.mark.parametrize("opens", [Ledger.open, Ledger.existing])
def test_a_database_of_somebody_else_is_named_and_not_touched(
    url: str, tmp_path: Path, opens: Callable[[str, Path], Ledger]
) -> None:
    with connected(url, tmp_path) as connection:
        for name in ("shoes", "hats", "coats", "ties"):
            connection.execute(text(f"CREATE TABLE {name} (size INTEGER)"))
    with pytest.raises(NotALedger, match=r"\(coats, hats, shoes, \.\.\.\) and no ledger"):
        opens(url, tmp_path)
    with connected(url, tmp_path, writes=False) as connection:
        assert set(everything(connection)) == {"shoes", "hats", "coats", "ties"}
    file = tmp_path / url.rpartition("/")[2]
    if url.startswith("sqlite"):
        assert file.read_bytes()[18] == 1, "it was turned to write-ahead"


def test_processes_that_open_a_new_ledger_at_once_all_have_it(url: str, tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from gateway.ledger.store import Ledger;"
        "sys.stdin.readline(); Ledger.open(sys.argv[1], Path()).close()"
    )
    command = [sys.executable, "-c", code, url]
    running = [
        subprocess.Popen(command, stdin=subprocess.PIPE, cwd=ROOT)  # noqa: S603 - our own code
        for _ in range(4)
    ]
    for process in running:
        assert process.stdin is not None
        process.stdin.write(b"go\n")
        process.stdin.flush()
    for process in running:
        process.communicate(timeout=60)
    assert [process.returncode for process in running] == [0] * 4
    with connected(url, tmp_path) as connection:
        assert rows(connection, VERSION_TABLE) == [("0001",)]


def test_a_file_that_is_no_database_is_named_and_not_touched(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("Buy milk. " * 1000)
    with pytest.raises(NotALedger, match="no SQLite database"):
        Ledger.open("sqlite:///notes.txt", tmp_path)
    assert file.read_text() == "Buy milk. " * 1000


def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    Ledger.open("sqlite:///deep/ledger.sqlite3", tmp_path).close()
    file = tmp_path / "deep" / "ledger.sqlite3"
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)


@pytest.mark.parametrize(
    "nowhere",
    [
        "postgresql://u:secret-word@127.0.0.1:1/x",
        "postgresql:///x?host=/nowhere&password=secret-word",
        "sqlite:////proc/nowhere/ledger.sqlite3",
    ],
)
def test_an_address_to_nowhere_is_told_without_it(nowhere: str, tmp_path: Path) -> None:
    with pytest.raises(Unavailable) as caught:
        Ledger.open(nowhere, tmp_path)
    said = str(caught.value)
    assert said.startswith(("the database cannot be reached", "the database's file cannot be"))
    assert not any(word in said for word in ("secret-word", "127.0.0.1", "nowhere"))
    assert caught.value.__cause__ is None


def test_an_address_is_shown_without_its_password(tmp_path: Path) -> None:
    url = "postgresql://u:secret-word@db.example/tide?sslpassword=secret-word&host=other"
    shown = database.address(database.engine(url, tmp_path))
    assert shown == "postgresql://u:***@other/tide"
    shown = database.address(database.engine("sqlite:///ledger.sqlite3", tmp_path))
    assert shown == f"sqlite:///{tmp_path}/ledger.sqlite3"
