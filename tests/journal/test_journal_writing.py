"""What a writer leaves on disk: whole records, one chain a file, whatever stops it."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.journal import Fsync, Journal, JournalBroken
from gateway.journal.read import Placed, records
from gateway.journal.segment import Segment
from tests.journal.journals import NOW_S, check, found, on_disk


class Clock:
    def __init__(self, *times: float) -> None:
        self.times = list(times)

    def __call__(self) -> float:
        return self.times.pop(0) if len(self.times) > 1 else self.times[0]


def opened(directory: Path, *times: float, fsync: Fsync = "never") -> Journal:
    return Journal.open(directory, fsync=fsync, now=Clock(*(times or (NOW_S,))))


def data(placed: Placed) -> dict[str, Any]:
    return msgspec.json.decode(placed.record.data, type=dict[str, Any])


def test_a_record_is_a_line_of_json_whose_hash_is_over_the_line_before_prev(
    tmp_path: Path,
) -> None:
    journal = opened(tmp_path)
    journal.append(
        "decision", {"decision": "dec_1", "class": "phi", "missing": None, "text": "ü\n"}
    )
    journal.close()
    ((name, content),) = on_disk(tmp_path).items()
    first, second, last = (json.loads(line) for line in content.splitlines())
    assert list(first) == ["seq", "at", "kind", "data", "prev", "hash"]
    assert (first["kind"], first["data"]["file"], first["prev"]) == ("opened", name, "0" * 64)
    assert second["at"] == "2026-11-18T11:06:40.250000Z"
    assert second["data"] == {"decision": "dec_1", "class": "phi", "missing": None, "text": "ü\n"}
    assert (last["seq"], last["kind"], last["prev"]) == (2, "closed", second["hash"])
    said = content.splitlines()[1].split(b',"prev"')[0] + b"}"
    hashed = hashlib.sha256(b"\x00" + bytes.fromhex(second["prev"]) + said)
    assert second["hash"] == hashed.hexdigest()


def test_the_file_and_its_directory_are_the_owners_alone(tmp_path: Path) -> None:
    journal = opened(tmp_path / "deep" / "journal")
    assert journal.path is not None
    assert stat.S_IMODE(journal.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(journal.path.parent.stat().st_mode) == 0o700
    journal.close()


@pytest.mark.parametrize("fsync", ["always", "interval", "never"])
def test_each_way_to_the_disk_leaves_a_whole_journal(tmp_path: Path, fsync: Fsync) -> None:
    journal = opened(tmp_path, fsync=fsync)
    for number in range(5):
        journal.append("started", {"attempt": number})
    journal.close()
    assert not found(check(on_disk(tmp_path)))


def test_what_is_encoded_already_is_taken_as_it_is_but_on_one_line(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    journal.append("verdicts", msgspec.Raw(b'{"id" : "a\\nb",\n"candidates": [1.50]}'))
    journal.close()
    verdicts = list(records(tmp_path))[1]
    assert bytes(verdicts.record.data) == b'{"id":"a\\nb","candidates":[1.50]}'
    assert not found(check(on_disk(tmp_path)))


@pytest.mark.parametrize("raw", [b"[]", b'{"a":', b'{} {"seq":0}'])
def test_what_is_no_object_is_refused_and_leaves_no_trace(tmp_path: Path, raw: bytes) -> None:
    journal = opened(tmp_path)
    with pytest.raises(ValueError, match=r"."):
        journal.append("verdicts", msgspec.Raw(raw))
    journal.append("started", {})
    journal.close()
    assert [placed.record.kind for placed in records(tmp_path)] == ["opened", "started", "closed"]
    assert not found(check(on_disk(tmp_path)))


def test_a_record_longer_than_any_reader_takes_is_refused(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    with pytest.raises(JournalBroken, match="longer than a journal takes"):
        journal.append("decision", {"tags": "x" * 1024 * 1024})
    journal.append("decision", {"tags": "x" * 1000 * 1024})
    journal.close()
    assert not found(check(on_disk(tmp_path)))
    assert len(on_disk(tmp_path)) == 1


def test_a_clock_that_jumps_back_repeats_the_last_time_and_says_so_once(tmp_path: Path) -> None:
    times = (NOW_S, NOW_S, NOW_S + 2, NOW_S - 50, NOW_S - 40, NOW_S + 3, NOW_S + 1, NOW_S + 4)
    journal = opened(tmp_path, *times)
    for number in range(5):
        journal.append("started", {"attempt": number})
    journal.close()
    read = [placed.record for placed in records(tmp_path)]
    assert [record.at for record in read] == sorted(record.at for record in read)
    kinds = [record.kind for record in read]
    assert kinds == [
        *("opened", "started", "clock", "started", "started", "started"),
        *("clock", "started", "closed"),
    ]
    assert bytes(read[2].data) == b'{"clock":"back"}'
    assert not found(check(on_disk(tmp_path)))


def test_threads_share_one_chain(tmp_path: Path) -> None:
    journal = opened(tmp_path)

    def append(thread: int) -> None:
        for number in range(200):
            journal.append("started", {"decision": f"dec_{thread}", "attempt": number})

    threads = [threading.Thread(target=append, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    journal.close()
    report = check(on_disk(tmp_path))
    assert not found(report)
    assert report.records == 8 * 200 + 2
    for thread_number in range(8):
        own = [data(placed) for placed in records(tmp_path)]
        attempts = [
            each["attempt"] for each in own if each.get("decision") == f"dec_{thread_number}"
        ]
        assert attempts == list(range(200))


def test_a_closed_journal_takes_nothing(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    journal.close()
    journal.close()
    with pytest.raises(JournalBroken, match="closed"):
        journal.append("started", {})
    assert not found(check(on_disk(tmp_path)))


def test_a_directory_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(JournalBroken, match="Not a directory"):
        opened(tmp_path / "file" / "journal")
    with pytest.raises(JournalBroken, match="File exists"):
        opened(tmp_path / "file")


def test_a_file_taken_away_by_the_disk_is_followed_by_another(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    journal.append("started", {"attempt": 1})
    assert journal._segment is not None
    journal._segment.close()
    with pytest.raises(JournalBroken, match="Bad file descriptor"):
        journal.append("started", {"attempt": 2})
    assert journal.path is None
    journal.append("started", {"attempt": 3})
    journal.close()
    report = check(on_disk(tmp_path))
    assert not report.problems
    assert not report.notes
    old, new = (file.chain for file in report.files)
    assert new.follows is not None
    assert (new.follows.file, new.follows.records) == (old.name, 2)
    assert [data(placed).get("attempt") for placed in records(tmp_path)] == [None, 1, None, 3, None]


@contextmanager
def without_disk(segment: Segment) -> Iterator[None]:
    """Put a pipe in a file's place: it takes bytes, but has no disk to wait for."""
    segment._synced_bytes = 0
    kept, (reader, writer) = os.dup(segment._file), os.pipe()
    os.dup2(writer, segment._file)
    try:
        yield
    finally:
        os.dup2(kept, segment._file)
        for file in (kept, reader, writer):
            os.close(file)


def test_a_disk_that_fails_between_two_records_is_told_by_the_next(tmp_path: Path) -> None:
    journal = opened(tmp_path, fsync="interval")
    assert journal._segment is not None
    with without_disk(journal._segment):
        journal._flusher._sync()
    with pytest.raises(JournalBroken, match="Invalid argument"):
        journal.append("started", {"attempt": 1})
    journal.append("started", {"attempt": 2})
    journal.close()
    report = check(on_disk(tmp_path))
    assert not report.problems
    assert [file.chain.records for file in report.files] == [1, 3]


def test_a_disk_that_does_not_take_a_record_is_told_at_once(tmp_path: Path) -> None:
    journal = opened(tmp_path, fsync="always")
    assert journal._segment is not None
    with (
        without_disk(journal._segment),
        pytest.raises(JournalBroken, match="Invalid argument"),
    ):
        journal.append("started", {"attempt": 1})
    assert journal.path is None
    journal.close()


def test_an_interrupt_in_the_middle_of_a_write_leaves_whole_records(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    segment = journal._segment
    assert segment is not None
    put = segment._put

    def interrupted(lines: bytes) -> None:
        put(lines)
        raise KeyboardInterrupt

    segment._put = interrupted  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        journal.append("started", {"attempt": 1})
    journal.append("started", {"attempt": 2})
    journal.close()
    report = check(on_disk(tmp_path))
    assert not report.problems
    assert [data(placed).get("attempt") for placed in records(tmp_path)] == [None, None, 2, None]
