"""The check of a whole journal: the lines of its files and its checkpoints in, findings out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from gateway.journal.chain import Chain, Finding
from gateway.journal.checkpoint import FILE_NAME, Checkpoint, Covered, unlinked
from gateway.journal.merkle import Frontier

Marks = Mapping[int, set[str]]
"""Count of records -> what the last of them must hash to, by the checkpoints."""


@dataclass(frozen=True, slots=True)
class CheckedFile:
    """What the check of one file came to."""

    chain: Chain
    unlike: int | None
    """The lowest count of records at which a checkpoint saw another head."""
    begins: tuple[int, str] | None
    """The first record that the last checkpoint does not cover, and its time."""


@dataclass(frozen=True, slots=True)
class Report:
    """What the check of a journal came to; it is whole when there are no problems."""

    files: tuple[CheckedFile, ...]
    root: str
    """Over all good records, in the order of the files' names."""
    checkpoint: Checkpoint | None
    """The last one, which the journal was held against."""
    problems: tuple[Finding, ...]
    notes: tuple[Finding, ...]

    @property
    def records(self) -> int:
        """How many good records there are."""
        return sum(file.chain.records for file in self.files)

    def covered(self) -> tuple[Covered, ...]:
        """Return the files as a new checkpoint sees them; those without a record are left out."""
        return tuple(
            Covered(file.chain.name, file.chain.records, file.chain.head.hex())
            for file in self.files
            if file.chain.records
        )


def verify(
    files: Iterable[tuple[str, Iterable[bytes]]], checkpoints: Sequence[Checkpoint] = ()
) -> Report:
    """Check files, given in the order of their names, against each other and the checkpoints."""
    limits, marks = _limits(checkpoints), _marks(checkpoints)
    trees = _Trees(Frontier(), Frontier())
    checked = [
        _checked(name, lines, limits.get(name, 0), marks.get(name, {}), trees)
        for name, lines in files
    ]
    by_name = {file.chain.name: file for file in checked}
    problems = [
        *_first_bad(checked, limits),
        *_links(by_name),
        *_gone(by_name, limits),
        *_wrong_checkpoints(checkpoints, trees.covered),
    ]
    last = checkpoints[-1] if checkpoints else None
    notes = [
        *_torn(checked),
        *_removed(by_name, checkpoints),
        *_unlinked_files(by_name),
        *_backdated(checked, last),
    ]
    root = trees.everything.root().hex()
    return Report(tuple(checked), root, last, tuple(problems), tuple(notes))


@dataclass(frozen=True, slots=True)
class _Trees:
    everything: Frontier
    covered: Frontier
    """Only what the last checkpoint covers."""


def _checked(
    name: str, lines: Iterable[bytes], limit: int, due: Marks, trees: _Trees
) -> CheckedFile:
    chain, unlike, begins = Chain(name), None, None
    for line in lines:
        if not chain.feed(line):
            continue
        trees.everything.add(chain.head)
        if chain.records <= limit:
            trees.covered.add(chain.head)
        elif begins is None:
            begins = chain.records - 1, chain.at
        heads = due.get(chain.records)
        if heads and unlike is None and heads != {chain.head.hex()}:
            unlike = chain.records
    return CheckedFile(chain, unlike, begins)


def _limits(checkpoints: Sequence[Checkpoint]) -> Mapping[str, int]:
    """Return how many records of each file the last checkpoint covers."""
    return {file.name: file.records for file in checkpoints[-1].files} if checkpoints else {}


def _marks(checkpoints: Sequence[Checkpoint]) -> Mapping[str, Marks]:
    marks: defaultdict[str, defaultdict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
    for checkpoint in checkpoints:
        for file in checkpoint.files:
            marks[file.name][file.records].add(file.head)
    return marks


def _first_bad(checked: Sequence[CheckedFile], limits: Mapping[str, int]) -> Iterator[Finding]:
    """Yield the first bad or missing record of each file."""
    for file in checked:
        chain = file.chain
        if file.unlike is not None:
            message = "is not the one a checkpoint saw: the file was written anew"
            place, record = file.unlike, file.unlike - 1
            yield Finding(chain.name, place, record, "replaced", message)
        elif chain.problem is not None:
            yield chain.problem
        elif chain.records < limits.get(chain.name, 0):
            due = f"a checkpoint saw {limits[chain.name]} records, here are {chain.records}"
            yield Finding(chain.name, chain.records + 1, chain.records, "missing", due)


def _links(by_name: Mapping[str, CheckedFile]) -> Iterator[Finding]:
    """Yield the files whose end is not the one that another file goes on from."""
    for name, file in by_name.items():
        follows = file.chain.follows
        before = None if follows is None else by_name.get(follows.file)
        if follows is None or before is None or before.chain.problem is not None:
            continue
        chain = before.chain
        if chain.records < follows.records:
            message = f"{name} goes on after {follows.records} records, here are {chain.records}"
            yield Finding(chain.name, chain.records + 1, chain.records, "missing", message)
        elif (chain.records, chain.head.hex()) != (follows.records, follows.hash):
            message = f"{name} goes on after record {follows.records - 1}, and from another one"
            yield Finding(chain.name, follows.records + 1, follows.records, "appended", message)


def _gone(by_name: Mapping[str, CheckedFile], limits: Mapping[str, int]) -> Iterator[Finding]:
    for name, records in limits.items():
        if name not in by_name:
            message = f"the whole file is missing: a checkpoint saw {records} records in it"
            yield Finding(name, None, 0, "missing", message)


def _wrong_checkpoints(checkpoints: Sequence[Checkpoint], covered: Frontier) -> Iterator[Finding]:
    place = unlinked(checkpoints)
    if place is not None:
        message = "does not name the checkpoint before it: one was changed or is missing"
        yield Finding(FILE_NAME, place + 1, None, "checkpoint", message)
    last = checkpoints[-1] if checkpoints else None
    # Where records are missing, that is told already, and the root cannot be computed.
    if last is not None and covered.size == last.size and covered.root().hex() != last.root:
        message = "its root is not that of the records"
        yield Finding(FILE_NAME, len(checkpoints), None, "checkpoint", message)


def _torn(checked: Sequence[CheckedFile]) -> Iterator[Finding]:
    for file in checked:
        chain = file.chain
        if chain.torn and chain.problem is None:
            message = "the file ends inside a record: its writer was stopped, or is writing now"
            yield Finding(chain.name, chain.records + 1, chain.records, "torn", message)


def _removed(
    by_name: Mapping[str, CheckedFile], checkpoints: Sequence[Checkpoint]
) -> Iterator[Finding]:
    listed = {file.name for file in checkpoints[-1].files} if checkpoints else set()
    seen = {file.name for checkpoint in checkpoints for file in checkpoint.files}
    for name in sorted(seen - listed - by_name.keys()):
        message = "the file was taken away before the last checkpoint"
        yield Finding(name, None, None, "note", message)


def _backdated(checked: Sequence[CheckedFile], last: Checkpoint | None) -> Iterator[Finding]:
    """Yield the files with records that say they are older than a checkpoint without them."""
    for file in checked:
        if last is not None and file.begins is not None and file.begins[1] < last.at:
            record, at = file.begins
            message = f"is of {at}, says its clock; the checkpoint of {last.at} did not see it"
            yield Finding(file.chain.name, record + 1, record, "note", message)


def _unlinked_files(by_name: Mapping[str, CheckedFile]) -> Iterator[Finding]:
    for name, file in by_name.items():
        follows = file.chain.follows
        if follows is not None and follows.file not in by_name:
            yield Finding(name, 1, 0, "note", f"goes on from {follows.file}, which is not here")
