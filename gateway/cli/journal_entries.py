"""A journal as commands read it: the records of a directory, or of one of its files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from gateway.cli.policy_sources import Setting, mistake
from gateway.journal.read import files, lines
from gateway.journal.record import Record, decoded, digest_of
from gateway.policy.recorded import Entry

_object = msgspec.json.Decoder(dict).decode


def journal_of(given: Path | None, setting: Setting) -> Path:
    """Return the journal that a command reads; raises ConfigError where none is named."""
    if given is not None:
        return given
    named = setting.config.journal.dir
    if named is None:
        raise mistake(None, "no journal is configured: [journal] dir is missing", "add --journal")
    return setting.config.path(named)


def entries(where: Path) -> Iterator[Entry]:
    """Yield the records of a journal; the torn end of a file is passed over.

    Raises ConfigError where there is no journal, or a line in it is no record.
    """
    try:
        for path in files(where) if where.is_dir() else [where]:
            yield from _of_file(path)
    except OSError as error:
        raise mistake(where, f"cannot be read: {error.strerror}") from None


def _of_file(path: Path) -> Iterator[Entry]:
    for number, text in enumerate(lines(path), start=1):
        if not text.endswith(b"\n"):
            return
        record = _record(path, number, text)
        yield Entry(record.kind, record.at, _object(record.data))


def _record(path: Path, number: int, text: bytes) -> Record:
    more = "`gateway audit verify` says more"
    try:
        record = decoded(text)
    except msgspec.DecodeError:
        raise mistake(path, f"line {number} is no record", more) from None
    if digest_of(text[:-1]) is None:
        raise mistake(path, f"line {number} is not as it was written", more)
    return record
