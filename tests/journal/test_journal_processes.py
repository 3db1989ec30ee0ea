"""Writers in processes of their own: killed, forked, and with a full disk."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.journal.read import records
from tests.journal.journals import check, on_disk

ROOT = Path(__file__).parents[2]
BEGIN = """
import os, resource, signal, sys, time
from pathlib import Path
from gateway.journal import Journal, JournalBroken
directory = Path(sys.argv[1])
journal = Journal.open(directory, fsync="never", now=time.time)
"""


def process(code: str, directory: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", BEGIN + code, str(directory)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT)  # noqa: S603 - our own code


def output(code: str, directory: Path) -> list[str]:
    with process(code, directory) as running:
        try:
            said, _ = running.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            running.kill()
            raise
    assert running.returncode == 0
    return said.decode().split()


def test_kill_9_loses_no_record_that_append_returned_from(tmp_path: Path) -> None:
    code = """
number = 0
while True:
    journal.append("started", {"attempt": number, "padding": "x" * 3000})
    os.write(1, b"%d\\n" % number)
    number += 1
"""
    with process(code, tmp_path) as running:
        assert running.stdout is not None
        told = [int(running.stdout.readline()) for _ in range(300)]
        running.send_signal(signal.SIGKILL)
        told += [int(line) for line in running.stdout.read().split()]
    report = check(on_disk(tmp_path))
    assert not report.problems
    assert report.records >= 1 + len(told)
    assert report.files[0].chain.closed is False


def test_a_forked_process_writes_a_file_of_its_own_and_its_parent_goes_on(tmp_path: Path) -> None:
    code = """
journal.append("started", {"attempt": 1})
journal._lock.acquire()  # As if another thread were writing.
child = os.fork()
if child == 0:
    journal.append("started", {"attempt": 2})
    journal.close()
    os._exit(0)
journal._lock.release()
signal.signal(signal.SIGALRM, lambda *_: os.kill(child, signal.SIGKILL))
signal.alarm(20)
assert os.waitpid(child, 0)[1] == 0
journal.append("started", {"attempt": 3})
journal.close()
"""
    assert output(code, tmp_path) == []
    report = check(on_disk(tmp_path))
    assert not report.problems
    assert [file.chain.records for file in report.files] == [4, 3]
    assert all(file.chain.closed and file.chain.follows is None for file in report.files)


FULL = """
resource.setrlimit(resource.RLIMIT_FSIZE, (4000, resource.RLIM_INFINITY))
for number in range(30):
    try:
        journal.append("started", {"attempt": number, "padding": "x" * 500})
        print("kept", number)
    except JournalBroken as error:
        print("lost", number)
"""


def test_a_file_that_takes_no_more_is_cut_to_whole_records_and_followed_by_another(
    tmp_path: Path,
) -> None:
    said = output(FULL + "journal.close()\n", tmp_path)
    kept = [
        int(number) for word, number in zip(said[::2], said[1::2], strict=True) if word == "kept"
    ]
    assert 0 < len(kept) < 30
    report = check(on_disk(tmp_path))
    assert not report.problems
    assert not report.notes
    assert len(report.files) > 3
    assert [file.chain.follows is not None for file in report.files].count(False) == 1
    on_record = [placed.record for placed in records(tmp_path) if placed.record.kind == "started"]
    assert len(on_record) == len(kept)


def test_a_full_disk_refuses_every_record_and_leaves_no_empty_files(tmp_path: Path) -> None:
    code = """
journal.append("started", {"attempt": 0})
resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
for number in range(3):
    try:
        journal.append("started", {"attempt": number})
    except JournalBroken as error:
        print(str(error).split(" (")[0].replace(" ", "-"), len(list(directory.iterdir())))
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
journal.append("started", {"attempt": 9})
journal.close()
"""
    assert output(code, tmp_path) == ["File-too-large", "1"] * 3
    report = check(on_disk(tmp_path))
    assert not report.problems
    assert [file.chain.records for file in report.files] == [2, 3]


@pytest.mark.parametrize("gone", ["line", "file"])
def test_what_is_missing_before_a_following_file_is_found(tmp_path: Path, gone: str) -> None:
    output(FULL + "journal.close()\n", tmp_path)
    files = on_disk(tmp_path)
    first = min(files)
    if gone == "line":
        files[first] = b"".join(files[first].splitlines(keepends=True)[:-1])
        (problem,) = check(files).problems
        assert (problem.file, problem.what) == (first, "missing")
    else:
        del files[first]
        (note,) = check(files).notes
        assert first in note.message
