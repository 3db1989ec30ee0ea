"""Small journals in memory and on disk, and what a check of them finds."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from gateway.journal import Journal
from gateway.journal.checkpoint import Checkpoint
from gateway.journal.folder import next_checkpoint
from gateway.journal.record import Tail, decoded, following
from gateway.journal.verify import Report, verify

NOW_S = 1_795_000_000.25
Files = dict[str, bytes]


def written(directory: Path, *, files: int = 1, records: int = 2, close: bool = True) -> Files:
    """Return the files of a journal that was really written, by name."""
    for each in range(files):
        time_s = NOW_S + each
        journal = Journal.open(directory, fsync="never", now=lambda time_s=time_s: time_s)  # type: ignore[misc]
        for number in range(records):
            journal.append("started", {"decision": f"dec_{each}", "attempt": number})
        if close:
            journal.close()
    return on_disk(directory)


def on_disk(directory: Path) -> Files:
    return {path.name: path.read_bytes() for path in sorted(directory.glob("journal-*.jsonl"))}


def check(files: Mapping[str, bytes], checkpoints: Sequence[Checkpoint] = ()) -> Report:
    return verify(((name, io.BytesIO(files[name])) for name in sorted(files)), checkpoints)


def checkpoint(files: Mapping[str, bytes], before: Sequence[Checkpoint] = ()) -> Checkpoint:
    report = check(files, before)
    assert not report.problems
    return next_checkpoint(report, before, NOW_S)


def found(report: Report) -> bool:
    """Return whether somebody who reads the report sees that something happened."""
    whole = all(file.chain.closed for file in report.files)
    return bool(report.problems or report.notes) or not whole


def kinds(report: Report) -> list[str]:
    return [finding.what for finding in report.problems]


def lines(data: bytes) -> list[bytes]:
    return data.splitlines(keepends=True)


def joined(parts: Iterable[bytes]) -> bytes:
    return b"".join(parts)


def rewritten(files: Files) -> Files:
    """Return the files as one who owns the disk would forge them: every hash fits."""
    return {name: _forged(data) for name, data in files.items()}


def _forged(data: bytes) -> bytes:
    forged, tail = b"", Tail()
    for line in lines(data):
        record = decoded(line)
        said = bytes(record.data).replace(b'"attempt":1', b'"attempt":7')
        again, tail = following(tail, record.kind, said, int(NOW_S * 1_000_000))
        forged += again
    return forged
