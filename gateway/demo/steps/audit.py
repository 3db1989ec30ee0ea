"""Step `audit`: the journal has every attempt, and shows it when somebody changed it."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from gateway.demo.calls import Question, ask
from gateway.demo.hits import Hit, told
from gateway.demo.recorded import Account, account
from gateway.demo.scene import Claim, Scene, Step, Table
from gateway.demo.stage import Shot, Stage
from gateway.journal import folder, read

COLUMNS = ("door", "decision", "records of the call", "attempts", "in the log")
PROMPT = "Which pilot is on duty tonight?"
RECORDS = ("decision", "started", "finished")
STARTED = b'"kind":"started"'

Judged = tuple[Shot, Account]


def play(stage: Stage, broken: bool) -> Scene:
    """Call through each door, then read a copy of the journal. Broken: a record is taken out."""
    shots = stage.each(lambda client: ask(client, Question(PROMPT, data_class="customer")))
    with tempfile.TemporaryDirectory(dir=stage.journal.parent) as scratch:
        copy = _copied(stage.journal, Path(scratch) / "copy")
        if broken:
            _take_out(copy)
        changed = _copied(copy, Path(scratch) / "changed")
        place = _change_a_byte(changed)
        judged = tuple((shot, account(copy, shot.answer.decision)) for shot in shots)
        checks = (_whole(copy), _silent(copy), _found(changed, place))
    return Scene(Table(COLUMNS, tuple(map(_row, judged))), (*claims(judged), *checks))


def claims(judged: tuple[Judged, ...]) -> tuple[Claim, ...]:
    """Judge what is on record of the calls."""
    kinds = [found.kinds for _, found in judged]
    attempts = [(found.attempts, _places(shot.log)) for shot, found in judged]
    return (
        Claim(
            "each call has its decision, its attempt and its end on record",
            all(each == RECORDS for each in kinds),
            f"kinds of records: {kinds}",
        ),
        Claim(
            "the attempts on record are the requests in the platforms' log, no more, no less",
            all(recorded == seen for recorded, seen in attempts),
            " | ".join(f"{found.attempts}, but {told(shot.log)}" for shot, found in judged),
        ),
    )


def _whole(journal: Path) -> Claim:
    report = folder.check(journal, ())
    problems = "; ".join(map(str, report.problems))
    return Claim("`gateway audit verify` finds the journal whole", not report.problems, problems)


def _silent(journal: Path) -> Claim:
    telling = [path for path in read.files(journal) if PROMPT.encode() in path.read_bytes()]
    return Claim("no prompt is in it", not telling, f"in {len(telling)} of its files")


def _found(changed: Path, place: tuple[str, int]) -> Claim:
    problems = folder.check(changed, ()).problems
    named = {(found.file, found.line) for found in problems}
    return Claim(
        "one byte changed in a copy is found, with its file and line",
        place in named,
        f"changed: {place}; found: {'; '.join(map(str, problems))}",
    )


def _copied(journal: Path, to: Path) -> Path:
    to.mkdir()
    for path in read.files(journal):
        shutil.copyfile(path, to / path.name)
    return to


def _take_out(journal: Path) -> None:
    """Take the last attempt out of each file."""
    for path in read.files(journal):
        lines = path.read_bytes().splitlines(keepends=True)
        last = max(at for at, line in enumerate(lines) if STARTED in line)
        path.write_bytes(b"".join(lines[:last] + lines[last + 1 :]))


def _change_a_byte(journal: Path) -> tuple[str, int]:
    """Change one byte in the first file's second record; return its file and line."""
    path, *_ = read.files(journal)
    first, second, *rest = path.read_bytes().splitlines(keepends=True)
    middle = len(second) // 2
    other = bytes([second[middle] ^ 1])
    path.write_bytes(b"".join([first, second[:middle], other, second[middle + 1 :], *rest]))
    return path.name, 2


def _places(log: tuple[Hit, ...]) -> tuple[tuple[str, str | None], ...]:
    return tuple((hit.platform, hit.place) for hit in log)


def _row(judged: Judged) -> tuple[str, ...]:
    shot, found = judged
    return (
        shot.door,
        shot.answer.decision or "none",
        ", ".join(found.kinds) or "none",
        str(len(found.attempts)),
        str(len(shot.log)),
    )


AUDIT = Step(
    "audit",
    "What the journal proves",
    "Every decision and attempt is a record in a hash chain: who got what, and that it is all.",
    play,
)
