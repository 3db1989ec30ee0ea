"""One pass over a journal: only whole records, only what follows on, and only one who folds."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, event, func, select

from gateway.journal.read import files
from gateway.ledger import reading, schema
from gateway.ledger.folding import fold_once
from gateway.ledger.one_folder import one_folder
from gateway.ledger.rebuilding import rebuild
from gateway.ledger.store import Ledger
from gateway.ledger.verifying import verify
from gateway.prices import shipped
from tests.ledger.journals import NOW_S, MadeUp, adjusted, dump, simple, write

BOOK = shipped()
ROOT = Path(__file__).parents[2]


def count(ledger: Ledger) -> int:
    with ledger.reading() as connection:
        query = select(func.count()).select_from(schema.attempts)
        return connection.execute(query).scalar_one()


def test_a_pass_folds_what_is_there_and_the_next_one_what_came_since(
    ledger: Ledger, tmp_path: Path
) -> None:
    path = simple(tmp_path / "journal")
    whole = path.read_bytes()
    half = whole[: len(whole) // 2]
    path.write_bytes(half)
    first = fold_once(ledger, path.parent, BOOK)
    assert (first.records, first.troubles) == (half.count(b"\n"), ())
    path.write_bytes(whole)
    second = fold_once(ledger, path.parent, BOOK)
    assert first.records + second.records == whole.count(b"\n")
    assert count(ledger) == 8
    assert fold_once(ledger, path.parent, BOOK).records == 0


def test_a_large_journal_is_folded_in_batches(ledger: Ledger, tmp_path: Path) -> None:
    path = simple(tmp_path / "journal")
    folded = fold_once(ledger, path.parent, BOOK, limit_bytes=900)
    assert folded.records == path.read_bytes().count(b"\n")
    # Rows that were open at the end of a batch are written again.
    assert folded.attempts > count(ledger) == 8


def test_of_an_adjustment_in_two_journals_the_first_counts_whichever_is_read_first(
    ledger: Ledger, tmp_path: Path
) -> None:
    journal = tmp_path / "journal"
    write(journal, [adjusted("once", 9)], now_s=NOW_S + 1)
    fold_once(ledger, journal, BOOK)
    write(journal, [adjusted("once")], now_s=NOW_S)
    fold_once(ledger, journal, BOOK)
    write(journal, [adjusted("once", 7)], now_s=NOW_S + 2)
    fold_once(ledger, journal, BOOK)
    (row,) = dump(ledger)["adjustments"]
    assert row["amount_pico"] == 5
    rebuild(ledger, [journal], BOOK, limit_bytes=1)
    assert dump(ledger)["adjustments"] == [row]


def test_what_a_file_lost_or_got_in_its_place_is_a_trouble_and_the_others_go_on(
    ledger: Ledger, tmp_path: Path
) -> None:
    journal = tmp_path / "journal"
    shortened, replaced, longer = (
        simple(journal, first=10 * at, now_s=NOW_S + at * 100) for at in range(3)
    )
    fold_once(ledger, journal, BOOK)
    before = dump(ledger)
    shortened.write_bytes(shortened.read_bytes()[:-200])
    other = write(tmp_path / "other", list(MadeUp(7).told()), close=False)
    replaced.write_bytes(replaced.read_bytes() + other.read_bytes())
    longer.write_bytes(longer.read_bytes() + b"{}\n")
    simple(journal, first=50, now_s=NOW_S + 400)
    folded = fold_once(ledger, journal, BOOK)
    assert {each.file: each.what for each in folded.troubles} == {
        shortened.name: "replaced",
        replaced.name: "appended",
        longer.name: "appended",
    }
    assert count(ledger) == 32
    kept = dump(ledger)
    assert [each for each in kept["attempts"] if each in before["attempts"]] == before["attempts"]


def test_a_file_in_the_place_of_another_is_a_trouble(ledger: Ledger, tmp_path: Path) -> None:
    path = write(tmp_path / "journal", list(MadeUp(1, "open").told()), close=False)
    fold_once(ledger, path.parent, BOOK)
    other = write(tmp_path / "other", list(MadeUp(1, "open", team="x").told()), close=False)
    path.write_bytes(other.read_bytes() + path.read_bytes()[-300:])
    (trouble,) = fold_once(ledger, path.parent, BOOK).troubles
    assert (trouble.file, trouble.record) == (path.name, 3)


def test_a_record_that_was_changed_stops_its_file_before_it(ledger: Ledger, tmp_path: Path) -> None:
    path = simple(tmp_path / "journal")
    lines = path.read_bytes().splitlines(keepends=True)
    changed = lines[6].replace(b'"decision"', b'"Decision"')
    path.write_bytes(b"".join([*lines[:6], changed, *lines[7:]]))
    for _ in range(2):
        (trouble,) = fold_once(ledger, path.parent, BOOK).troubles
        assert (trouble.file, trouble.record, trouble.what) == (path.name, 6, "changed")
    with ledger.reading() as connection:
        (cursor,) = connection.execute(select(schema.cursors)).all()
    assert (cursor.records, cursor.offset_bytes) == (6, len(b"".join(lines[:6])))
    path.write_bytes(b"".join(lines))
    assert fold_once(ledger, path.parent, BOOK).troubles == ()
    assert count(ledger) == 8


def test_a_file_that_cannot_be_read_is_a_trouble(ledger: Ledger, tmp_path: Path) -> None:
    path = simple(tmp_path / "journal")
    path.unlink()
    path.mkdir()
    (trouble,) = fold_once(ledger, path.parent, BOOK).troubles
    assert trouble.message == "cannot be read: Is a directory"


def test_the_end_of_a_file_that_is_being_written_waits(ledger: Ledger, tmp_path: Path) -> None:
    path = write(tmp_path / "journal", list(MadeUp(1).told()), close=False)
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    folded = fold_once(ledger, path.parent, BOOK)
    assert (folded.records, folded.troubles) == (whole.count(b"\n") - 1, ())
    path.write_bytes(whole)
    assert fold_once(ledger, path.parent, BOOK).records == 1


def test_only_one_folds_a_journal(ledger: Ledger, tmp_path: Path) -> None:
    path = simple(tmp_path / "journal")
    with one_folder(path.parent) as mine:
        assert mine
        assert fold_once(ledger, path.parent, BOOK).passed
    assert count(ledger) == 0
    assert not fold_once(ledger, path.parent, BOOK).passed


def test_several_journals_feed_one_ledger(ledger: Ledger, tmp_path: Path) -> None:
    simple(tmp_path / "one")
    simple(tmp_path / "other", first=100, now_s=NOW_S + 5)
    fold_once(ledger, tmp_path / "one", BOOK)
    assert fold_once(ledger, tmp_path / "other", BOOK).attempts == 8
    assert count(ledger) == 16


def test_a_file_that_was_taken_away_leaves_its_rows(ledger: Ledger, tmp_path: Path) -> None:
    path = simple(tmp_path / "journal")
    fold_once(ledger, path.parent, BOOK)
    before = dump(ledger)
    path.unlink()
    assert fold_once(ledger, path.parent, BOOK).records == 0
    assert dump(ledger) == before


def test_no_statement_of_a_pass_reads_all_rows(tmp_path: Path) -> None:
    ledger = Ledger.open("sqlite:///ledger.sqlite3", tmp_path)
    simple(tmp_path / "journal")
    plans: list[str] = []

    def explained(connection: Connection, _: object, statement: str, *rest: Any) -> None:
        if statement.startswith(("SELECT", "UPDATE", "DELETE", "INSERT")):
            values = rest[0][0] if isinstance(rest[0], list) else rest[0]
            driver = connection.connection.cursor()
            plan = driver.execute(f"EXPLAIN QUERY PLAN {statement}", values).fetchall()
            plans.extend(f"{step[3]} ({statement})" for step in plan)

    event.listen(ledger._engine, "before_cursor_execute", explained)
    fold_once(ledger, tmp_path / "journal", BOOK, limit_bytes=3000)
    ledger.close()
    assert any("attempts_identity" in plan for plan in plans)
    assert [plan for plan in plans if plan.startswith("SCAN")] == []


def test_what_is_behind_is_counted_by_file(tmp_path: Path) -> None:
    first, second = simple(tmp_path), simple(tmp_path, first=10, now_s=NOW_S + 100)
    lines = first.read_bytes().count(b"\n")
    taken = reading.read_on(first, reading.Cursor(first.name), 1)
    behind = reading.behind(files(tmp_path), {first.name: taken.cursor})
    assert behind.records == lines - 1 + second.read_bytes().count(b"\n")
    assert behind.since == "2026-11-18T11:06:41.750000Z"
    with second.open("r+b") as file:
        file.write(b"x")
    behind = reading.behind(files(tmp_path), {first.name: taken.cursor})
    assert behind.records == lines - 1
    assert [each.file for each in behind.troubles] == [second.name]


def test_a_journal_that_cannot_be_locked_is_folded(ledger: Ledger, tmp_path: Path) -> None:
    path = simple(tmp_path / "journal")
    (path.parent / "folding.lock").mkdir()
    assert fold_once(ledger, path.parent, BOOK).attempts == 8


def test_the_lock_is_not_kept_by_a_process_that_was_forked(tmp_path: Path) -> None:
    born, ended = os.pipe(), os.pipe()
    with one_folder(tmp_path):
        child = os.fork()
        if child == 0:
            os.write(born[1], b"x")
            os.read(ended[0], 1)
            os._exit(0)
        os.read(born[0], 1)
    with one_folder(tmp_path) as mine:
        alone = mine
    os.write(ended[1], b"x")
    os.waitpid(child, 0)
    assert alone


KILLED = """
import os, random, signal, sys, time
from pathlib import Path
from gateway.ledger.folding import fold_once
from gateway.ledger.store import Ledger
from gateway.prices import shipped
ledger, book, randomly, kills = Ledger.open(sys.argv[1], Path()), shipped(), random.Random(7), 0
for _ in range(200):
    child = os.fork()
    if child == 0:
        fold_once(ledger, Path(sys.argv[2]), book, limit_bytes=6000)
        os._exit(0)
    time.sleep(randomly.uniform(0.005, 0.06))
    os.kill(child, signal.SIGKILL)
    if os.waitpid(child, 0)[1] == 0:
        break
    kills += 1
print(kills)
"""


def test_a_process_that_is_killed_while_it_folds_counts_nothing_twice(
    url: str, tmp_path: Path
) -> None:
    path = simple(tmp_path / "journal", 80)
    command = [sys.executable, "-c", KILLED, url, str(path.parent)]
    ran = subprocess.run(  # noqa: S603 - our own code
        command, capture_output=True, cwd=ROOT, check=True, timeout=120
    )
    ledger = Ledger.open(url, tmp_path)
    fold_once(ledger, path.parent, BOOK)
    report = verify(ledger, [path.parent], BOOK)
    ledger.close()
    assert int(ran.stdout) > 2
    assert (report.ok, report.attempts) == (True, 80), report.differences
