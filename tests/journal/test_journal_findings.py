"""What each finding says: which file, line and record, and what is wrong there."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import msgspec
import pytest

from gateway.journal import Journal
from gateway.journal.checkpoint import Checkpoint, parsed
from gateway.journal.folder import check as check_folder
from gateway.journal.record import Tail, decoded, following
from gateway.journal.signing import is_signed_by
from gateway.journal.verify import Report, verify
from tests.journal.journals import (
    NOW_S,
    Files,
    check,
    checkpoint,
    found,
    joined,
    kinds,
    lines,
    rewritten,
    written,
)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return written(tmp_path, records=3)


def after(files: Files, *changed: bytes) -> Report:
    (name,) = files
    return check({name: joined(changed)})


def first(report: Report) -> tuple[int | None, int | None, str]:
    problem = report.problems[0]
    return problem.line, problem.record, problem.what


def every(files: Files) -> list[bytes]:
    (data,) = files.values()
    return lines(data)


def test_a_changed_record_is_named(files: Files) -> None:
    opened, one, two, *rest = every(files)
    report = after(files, opened, one, two.replace(b'"attempt":1', b'"attempt":7'), *rest)
    assert first(report) == (3, 2, "changed")
    assert str(report.problems[0]).startswith(f"{min(files)} line 3 (record 2): changed: is not as")


def test_a_dropped_record_is_named(files: Files) -> None:
    opened, _, *rest = every(files)
    report = after(files, opened, *rest)
    assert first(report) == (2, 1, "missing")
    assert report.problems[0].message == "record 1 is missing: 2 stands in its place"


def test_swapped_and_repeated_records_are_named(files: Files) -> None:
    opened, one, two, *rest = every(files)
    assert first(after(files, opened, two, one, *rest)) == (2, 1, "missing")
    assert first(after(files, opened, one, one, two, *rest)) == (3, 2, "moved")


def test_a_record_of_another_file_is_named(files: Files, tmp_path: Path) -> None:
    other = every(written(tmp_path / "other", records=3))
    opened, one, _, *rest = every(files)
    assert first(after(files, opened, one, other[2], *rest)) == (3, 2, "replaced")
    assert first(after(files, *other)) == (1, 0, "foreign")


def test_what_comes_after_the_end_is_named(files: Files) -> None:
    assert first(after(files, *every(files), b"{")) == (6, 5, "appended")
    assert first(after(files, *every(files)[:-1], b"\n")) == (5, 4, "changed")
    assert first(after(files, *every(files)[:-1], b"x")) == (5, 4, "appended")


def test_a_line_without_an_end_before_another_line_is_named(files: Files) -> None:
    # Lines longer than any record are read in pieces.
    opened, one, *rest = every(files)
    (name,) = files
    report = verify([(name, [opened, one[:-1], *rest])])
    assert first(report) == (2, 1, "changed")


def test_a_first_record_that_follows_nothing_it_says_is_named(files: Files) -> None:
    opened = every(files)[0]
    said = bytes(decoded(opened).data)
    forged, _ = following(Tail(head=bytes(range(32))), "opened", said, int(NOW_S * 1_000_000))
    assert first(after(files, forged)) == (1, 0, "changed")


@pytest.mark.parametrize("kept", [1, 15, 80, -1])
def test_a_torn_end_is_a_note_unless_a_checkpoint_saw_the_record(files: Files, kept: int) -> None:
    (name,) = files
    *whole, last = every(files)
    torn = {name: joined([*whole, last[:kept]])}
    (note,) = check(torn).notes
    assert (note.line, note.record, note.what) == (5, 4, "torn")
    assert not check(torn).problems
    assert not check(torn, [checkpoint({name: joined(whole)})]).problems
    assert first(check(torn, [checkpoint(files)])) == (5, 4, "missing")


def test_a_file_without_a_record_is_whole(files: Files) -> None:
    report = check(files | {"journal-20260101T000000.000000Z-00000000.jsonl": b""})
    assert not report.problems
    assert [covered.name for covered in report.covered()] == list(files)


def test_time_that_goes_back_is_named(files: Files) -> None:
    opened = every(files)[0]
    tail = Tail(1, bytes.fromhex(decoded(opened).hash), len(opened), 0)
    earlier, _ = following(tail, "started", b"{}", int((NOW_S - 1) * 1_000_000))
    assert first(after(files, opened, earlier)) == (2, 1, "changed")


def test_a_journal_written_anew_is_found_by_a_checkpoint_only(files: Files) -> None:
    forged = rewritten(files)
    assert forged != files
    assert not found(check(forged))
    assert first(check(forged, [checkpoint(files)])) == (5, 4, "replaced")


def test_an_earlier_checkpoint_finds_what_the_last_one_was_made_to_hide(files: Files) -> None:
    (name,) = files
    early = checkpoint({name: joined(every(files)[:3])})
    late = msgspec.structs.replace(checkpoint(rewritten(files)), previous=early.digest())
    assert first(check(rewritten(files), [early, late])) == (3, 2, "replaced")


def test_a_file_taken_away_before_the_last_checkpoint_is_a_note(tmp_path: Path) -> None:
    both = written(tmp_path, files=2)
    gone, left = sorted(both)
    early = checkpoint(both)
    late = msgspec.structs.replace(checkpoint({left: both[left]}), previous=early.digest())
    report = check({left: both[left]}, [early, late])
    assert not report.problems
    assert [(note.file, note.what) for note in report.notes] == [(gone, "note")]
    assert kinds(check({left: both[left]}, [early])) == ["missing"]


def test_checkpoints_that_do_not_follow_each_other_are_found(files: Files) -> None:
    one = checkpoint(files)
    two = checkpoint(files, [one])
    assert not found(check(files, [one, two]))
    assert kinds(check(files, [one, checkpoint(files)])) == ["checkpoint"]
    assert kinds(check(files, [one, one, two])) == ["checkpoint"]


def test_a_root_that_is_not_that_of_the_records_is_found(files: Files) -> None:
    wrong = msgspec.structs.replace(checkpoint(files), root="00" * 32)
    assert kinds(check(files, [wrong])) == ["checkpoint"]
    (name,) = files
    early = {name: joined(every(files)[:3])}
    assert not found(check(files, [checkpoint(early)]))
    wrong = msgspec.structs.replace(checkpoint(early), root="00" * 32)
    assert kinds(check(files, [wrong])) == ["checkpoint"]


def test_a_checkpoint_says_which_bytes_it_is_made_of(files: Files) -> None:
    made = checkpoint(files)
    assert parsed(made.line()) == made
    for wrong in (
        made.line() + b" ",
        made.line().replace(b'"size":5', b'"size":4'),
        made.line().replace(b'"size":5', b'"size": 5'),
        made.line().replace(b'checkpoint 1"', b'checkpoint 2"'),
        b"{}",
        b"",
    ):
        with pytest.raises(ValueError, match=r"."):
            parsed(wrong)


def test_a_checkpoint_names_its_files_in_order(tmp_path: Path) -> None:
    made = checkpoint(written(tmp_path, files=2))
    turned = msgspec.structs.replace(made, files=made.files[::-1])
    with pytest.raises(ValueError, match="in order"):
        parsed(turned.line())


def test_a_signature_is_of_one_key_and_of_every_byte(files: Files) -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (  # noqa: PLC0415 - an extra
        Ed25519PrivateKey,
    )

    from gateway.journal.signing import signed  # noqa: PLC0415 - beside its key

    key, other = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    made = signed(checkpoint(files), key)
    assert parsed(made.line()) == made
    assert is_signed_by(made, key.public_key())
    assert not is_signed_by(made, other.public_key())
    assert not is_signed_by(checkpoint(files), key.public_key())
    changes: list[Checkpoint] = [
        msgspec.structs.replace(made, at="2026-01-01T00:00:00.000000Z"),
        msgspec.structs.replace(made, root="00" * 32),
        msgspec.structs.replace(made, previous="00" * 32),
        msgspec.structs.replace(made, signature="zz"),
    ]
    assert not any(is_signed_by(changed, key.public_key()) for changed in changes)


def test_a_long_journal_is_checked_a_line_at_a_time(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path, fsync="never", now=lambda: NOW_S)
    for number in range(100_000):
        journal.append("started", {"attempt": number, "padding": "x" * 300})
    journal.close()
    tracemalloc.start()
    try:
        report = check_folder(tmp_path, ())
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert report.records == 100_002
    assert not found(report)
    assert peak_bytes < 2_000_000
