"""A ledger that is not what its journal gives is found out and built anew; old rows go."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Table, delete, func, select, update

from gateway.ledger import schema
from gateway.ledger.folding import fold_once
from gateway.ledger.horizons import Horizons
from gateway.ledger.pruning import Retention, prune
from gateway.ledger.rebuilding import rebuild
from gateway.ledger.store import Ledger
from gateway.ledger.verifying import Report, verify
from gateway.prices import shipped
from tests.ledger.journals import NOW_S, MadeUp, adjusted, dump, simple, write
from tests.ledger.keeping import Kept
from tests.ledger.one_call import OneCall

BOOK = shipped()
DAY_S = 86_400


@pytest.fixture
def journal(ledger: Ledger, tmp_path: Path) -> Path:
    """Return the directory of a journal of three days, which is folded."""
    for day in range(3):
        simple(tmp_path / "journal", first=10 * day, now_s=NOW_S + day * DAY_S)
    fold_once(ledger, tmp_path / "journal", BOOK)
    return tmp_path / "journal"


def run(ledger: Ledger, *statements: Any) -> None:
    with ledger.writing() as writing:
        for statement in statements:
            writing.connection.execute(statement)


def count(ledger: Ledger, table: Table, *where: Any) -> int:
    with ledger.reading() as connection:
        query = select(func.count()).select_from(table).where(*where)
        return connection.execute(query).scalar_one()


def told(report: Report) -> list[str]:
    return [str(difference) for difference in report.differences]


def test_a_ledger_as_it_should_be_has_no_differences(ledger: Ledger, journal: Path) -> None:
    report = verify(ledger, [journal], BOOK)
    assert (report.ok, report.attempts, told(report), report.notes) == (True, 24, [], [])


def test_verifying_goes_as_far_as_the_ledger_came(ledger: Ledger, journal: Path) -> None:
    later = simple(journal, first=100, now_s=NOW_S + 5 * DAY_S)
    report = verify(ledger, [journal], BOOK)
    assert report.ok
    size = later.stat().st_size
    assert report.notes == [f"{later.name}: {size} bytes are not folded yet"]


ATTEMPT = f"dec_{16:024x}.1"
KEY = "2026-11-19/prod/direct/anthropic/claude-haiku-5-5/billing/internal/search"
A, R, T, J = schema.attempts, schema.rollups, schema.tag_rollups, schema.adjustments
OF = A.c.attempt == ATTEMPT
FINAL = (R.c.day == "2026-11-19", R.c.state == "final")
CALL = f"dec_{12:024x}"


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (
            update(A).where(OF).values(team="other", output_tokens=201),
            f"attempts {ATTEMPT}: team is 'other', not 'search'; output_tokens is 201, not 200",
        ),
        (update(A).where(OF).values(open=True), f"attempts {ATTEMPT}: open is True, not False"),
        (
            update(A).where(OF).values(price_digest="00"),
            f"attempts {ATTEMPT}: other prices hold now; `gateway ledger rebuild` prices it anew",
        ),
        (delete(A).where(OF), f"attempts {ATTEMPT}: is missing"),
        (
            update(A).where(OF).values(attempt="dec_x.1"),
            "attempts dec_x.1: the journal knows nothing of it",
        ),
        (
            update(R).where(*FINAL).values(input_tokens=7, net_rest_pico=8),
            f"rollups {KEY}/final/True: input_tokens is 7, not 2000; net_rest_pico is 8, not",
        ),
        (delete(R).where(*FINAL), f"rollups {KEY}/final/True: is missing"),
        (
            update(R).where(*FINAL).values(team="other"),
            f"rollups {KEY.replace('search', 'other')}/final/True: there is no row for it",
        ),
        (
            update(T).where(T.c.tag == "app", T.c.state == "final").values(attempts=99),
            "tag_rollups 2026-11-18/prod/app/chat/final/True: attempts is 99, not 2",
        ),
        (
            update(J).where(J.c.id == "adj10").values(amount_pico=6),
            "adjustments adj10: amount_pico is 6, not 5",
        ),
        (delete(J).where(J.c.id == "adj10"), "adjustments adj10: is missing"),
        (
            update(schema.cursors).values(head="00"),
            "the file does not have what was folded; `gateway audit verify` says more",
        ),
        (delete(schema.open_calls).where(schema.open_calls.c.decision == CALL), f"{CALL}: is mis"),
        (
            update(schema.open_calls).values(data='{"file":"x"}'),
            f"open_calls {CALL}: is not what the journal gives",
        ),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_what_was_changed_is_named(
    ledger: Ledger, journal: Path, statement: Any, expected: str
) -> None:
    run(ledger, statement)
    report = verify(ledger, [journal], BOOK)
    assert not report.ok
    assert any(expected in each for each in told(report)), told(report)
    rebuild(ledger, [journal], BOOK)
    assert verify(ledger, [journal], BOOK).ok


def test_of_many_differences_the_first_are_named(ledger: Ledger, journal: Path) -> None:
    run(ledger, update(A).values(team="other"))
    report = verify(ledger, [journal], BOOK)
    assert report.different["attempts"] == 24
    assert len([each for each in report.differences if each.table == "attempts"]) == 20


def test_a_record_that_was_changed_after_it_was_folded_is_found(
    ledger: Ledger, journal: Path
) -> None:
    path = min(journal.glob("journal-*"))
    path.write_bytes(path.read_bytes().replace(b'"bytes":5000', b'"bytes":5001', 1))
    report = verify(ledger, [journal], BOOK)
    assert any(path.name in each for each in told(report) if each.startswith("cursors"))


def test_rows_from_files_that_are_elsewhere_are_not_compared(
    ledger: Ledger, journal: Path, tmp_path: Path
) -> None:
    path = min(journal.glob("journal-*"))
    path.rename(tmp_path / path.name)
    report = verify(ledger, [journal], BOOK)
    assert (report.ok, report.attempts) == (True, 16)
    assert report.notes == [f"{path.name} is not here, so its attempts are not compared"]
    (tmp_path / "archive").mkdir()
    (tmp_path / path.name).rename(tmp_path / "archive" / path.name)
    assert verify(ledger, [journal, tmp_path / "archive"], BOOK).attempts == 24


def test_a_ledger_is_built_anew_from_what_is_there_and_the_rest_is_kept(
    ledger: Ledger, journal: Path, tmp_path: Path
) -> None:
    before = dump(ledger)
    path = min(journal.glob("journal-*"))
    path.rename(tmp_path / path.name)
    run(ledger, update(R).values(attempts=99), update(J).values(amount_pico=99))
    rebuilt = rebuild(ledger, [journal], BOOK)
    assert (rebuilt.kept, rebuilt.folded.attempts, rebuilt.kept_from) == (8, 16, "")
    after = dump(ledger)
    changed = {name for name in before if before[name] != after[name]}
    # What is not from a file that is there stays as it is.
    assert changed == {"adjustments"}
    assert [each["amount_pico"] for each in after["adjustments"]] == [99, 5, 5]


def test_a_rebuilding_that_fails_changes_nothing(
    ledger: Ledger, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(ledger, update(A).where(OF).values(team="other"))
    before = dump(ledger)

    class Broken:
        digest = ""

        def cost(self, *_: object) -> object:
            raise ZeroDivisionError

        bounds = told = cost

    with pytest.raises(ZeroDivisionError):
        rebuild(ledger, [journal], Broken())  # type: ignore[arg-type]
    assert dump(ledger) == before


def test_what_is_too_old_goes_and_its_sums_stay(ledger: Ledger, journal: Path) -> None:
    sums = dump(ledger)["rollups"]
    pruned = prune(ledger, Retention(1, 2), NOW_S + 2 * DAY_S)
    assert pruned.kept_from == Horizons("2026-11-19", "2026-11-18")
    assert pruned.rows == {
        "open_calls": 2,
        "attempts": 8,
        "rollups": 0,
        "tag_rollups": 0,
        "adjustments": 0,
    }
    assert count(ledger, A) == 16
    assert dump(ledger)["rollups"] == sums
    report = verify(ledger, [journal], BOOK)
    assert (report.ok, report.attempts) == (True, 16), told(report)
    assert report.notes == [
        "rows before 2026-11-19 were pruned, so the sums of these days stand alone"
    ]


def test_a_ledger_that_was_pruned_keeps_its_sums_when_it_is_built_anew(
    ledger: Ledger, journal: Path
) -> None:
    prune(ledger, Retention(1, 30), NOW_S + 2 * DAY_S)
    before = dump(ledger)
    run(ledger, update(R).where(R.c.day == "2026-11-20").values(attempts=99))
    rebuilt = rebuild(ledger, [journal], BOOK)
    assert rebuilt.kept_from == "2026-11-19"
    after = dump(ledger)
    assert after["rollups"] == before["rollups"]
    assert after["tag_rollups"] == before["tag_rollups"]
    assert after["attempts"] == before["attempts"]
    assert verify(ledger, [journal], BOOK).ok


def test_sums_and_adjustments_go_much_later(ledger: Ledger, journal: Path) -> None:
    write(journal, [adjusted("late")], now_s=NOW_S + 4 * DAY_S)
    run(ledger, update(J).where(J.c.id == "adj20").values(day="2026-11-20"))
    pruned = prune(ledger, Retention(1, 1), NOW_S + 2 * DAY_S)
    assert pruned.rows["adjustments"] == 2
    assert {each["day"] for each in dump(ledger)["rollups"]} == {"2026-11-19", "2026-11-20"}
    assert count(ledger, T, T.c.day < "2026-11-19") == 0


def test_what_was_pruned_does_not_come_back(ledger: Ledger, journal: Path) -> None:
    prune(ledger, Retention(1, 30), NOW_S + 2 * DAY_S)
    again = prune(ledger, Retention(400, 3650), NOW_S + 2 * DAY_S)
    assert again.kept_from == Horizons("2026-11-19", "2026-10-21")
    rebuild(ledger, [journal], BOOK)
    assert count(ledger, A) == 16


def test_old_records_that_are_folded_late_are_summed_once(ledger: Ledger, journal: Path) -> None:
    prune(ledger, Retention(1, 30), NOW_S + 2 * DAY_S)
    before = count(ledger, R)
    write(journal, list(MadeUp(90, team="late").told()), now_s=NOW_S + 1)
    fold_once(ledger, journal, BOOK)
    assert count(ledger, R) == before + 1
    assert verify(ledger, [journal], BOOK).ok
    prune(ledger, Retention(1, 30), NOW_S + 2 * DAY_S)
    rebuild(ledger, [journal], BOOK)
    assert (count(ledger, A), count(ledger, R)) == (16, before + 1)


def test_pruning_goes_by_slices(
    ledger: Ledger, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.ledger.pruning._SLICE", 3)
    assert prune(ledger, Retention(1, 1), NOW_S + 9 * DAY_S).rows["attempts"] == 24
    assert count(ledger, A) == count(ledger, R) == count(ledger, T) == count(ledger, J) == 0


def test_a_call_that_goes_on_is_kept(ledger: Ledger, journal: Path) -> None:
    keeps = schema.open_calls
    assert count(ledger, keeps) == 6
    of = select(keeps.c.decision).where(keeps.c.decision == A.c.decision)
    younger = {"day": "2026-11-19", "started_us": A.c.started_us + DAY_S * 1_000_000}
    run(ledger, update(A).where(of.exists(), A.c.day == "2026-11-18").values(younger))
    prune(ledger, Retention(1, 30), NOW_S + 2 * DAY_S)
    assert count(ledger, keeps) == 6


def decided(journal: Path, number: int, now_s: float) -> str:
    """Write a call of which nothing but the decision is on record, and return its name."""
    call = MadeUp(number)
    write(journal, list(call.told())[:1], now_s=now_s)
    return call.decision


def test_a_call_that_never_started_goes_when_it_is_too_old(ledger: Ledger, journal: Path) -> None:
    old = [decided(journal, 90 + each, NOW_S) for each in range(3)]
    young = decided(journal, 99, NOW_S + 2 * DAY_S)
    fold_once(ledger, journal, BOOK)
    keeps = schema.open_calls
    never = keeps.c.decision.in_([*old, young])
    assert count(ledger, keeps, never) == 4
    pruned = prune(ledger, Retention(1, 30), NOW_S + 2 * DAY_S)
    assert pruned.rows["open_calls"] == 5
    assert (count(ledger, keeps), count(ledger, keeps, never)) == (5, 1)
    assert verify(ledger, [journal], BOOK).ok
    run(ledger, delete(keeps).where(keeps.c.decision == young))
    assert told(verify(ledger, [journal], BOOK)) == [f"open_calls {young}: is missing"]


def test_open_calls_that_came_back_go_again(ledger: Ledger, journal: Path) -> None:
    decided(journal, 90, NOW_S)
    prune(ledger, Retention(1, 30), NOW_S + 2 * DAY_S)
    rebuild(ledger, [journal], BOOK)
    prune(ledger, Retention(1, 30), NOW_S + 2 * DAY_S)
    assert count(ledger, schema.open_calls) == 4


def test_when_a_call_was_heard_of_last_does_not_depend_on_what_is_folded_again() -> None:
    call, kept = OneCall().decided().started(), Kept()
    kept.fold(call.records)
    before = dict(kept.open_calls)
    kept.restart()
    kept.fold(call.records[:1])
    assert kept.open_calls == before
