"""However a journal is cut into batches, and wherever a process dies, the ledger is the same."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from gateway.journal.read import files
from gateway.ledger import schema
from gateway.ledger.folding import fold_into, fold_once
from gateway.ledger.rebuilding import rebuild
from gateway.ledger.store import Ledger
from gateway.ledger.verifying import verify
from gateway.prices import shipped
from tests.ledger.journals import NOW_S, Told, dump, interleaved, write

BOOK = shipped()
ON_ONE_LEDGER = settings(
    max_examples=300 if os.environ.get("TIDEGATE_NIGHTLY") else 12,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


class Crash(Exception):
    """The process died here."""


def emptied(ledger: Ledger) -> Ledger:
    with ledger.writing() as writing:
        for table in reversed(schema.metadata.sorted_tables):
            writing.connection.execute(delete(table))
    return ledger


@pytest.fixture(scope="module")
def other_ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    ledger = Ledger.open("sqlite:///ledger.sqlite3", tmp_path_factory.mktemp("other"))
    yield ledger
    ledger.close()


def folded(ledger: Ledger, directory: Path) -> dict[str, list[object]]:
    """Return what a journal gives that is folded at once."""
    fold_once(emptied(ledger), directory, BOOK)
    return dump(ledger)


def two_journals(directory: Path, one: list[Told], other: list[Told], step_s: float) -> None:
    write(directory, one, step_s=step_s)
    write(directory, other, now_s=NOW_S + 1, step_s=step_s, close=False)


def grow(whole: Path, grown: Path, share: float) -> None:
    """Copy that much of each file, wherever that cuts a line."""
    for path in files(whole):
        data = path.read_bytes()
        (grown / path.name).write_bytes(data[: int(len(data) * share)])


@ON_ONE_LEDGER
@given(
    one=interleaved(0),
    other=interleaved(100),
    step_s=st.sampled_from([0.001, 0.5, 20_000.0]),
    steps=st.lists(st.tuples(st.floats(0, 1), st.integers(1, 6000), st.booleans()), max_size=6),
)
def test_batches_of_any_size_and_crashes_give_the_same_tables(  # noqa: PLR0917 - given by name
    ledger: Ledger,
    other_ledger: Ledger,
    one: list[Told],
    other: list[Told],
    step_s: float,
    steps: list[tuple[float, int, bool]],
) -> None:
    emptied(ledger)
    with tempfile.TemporaryDirectory() as scratch:
        whole, grown = Path(scratch) / "whole", Path(scratch) / "grown"
        grown.mkdir()
        two_journals(whole, one, other, step_s)
        share = 0.0
        for more, limit_bytes, crash in steps:
            share = max(share, more)
            grow(whole, grown, share)
            with suppress(Crash), ledger.writing() as writing:
                fold_into(writing, files(grown), BOOK, limit_bytes=limit_bytes)
                if crash:
                    raise Crash
        grow(whole, grown, 1.0)
        fold_once(ledger, grown, BOOK)
        assert dump(ledger) == folded(other_ledger, whole)
        assert fold_once(ledger, grown, BOOK).records == 0
        report = verify(ledger, [grown], BOOK)
        assert report.ok, report.differences


@ON_ONE_LEDGER
@given(
    one=interleaved(0),
    other=interleaved(100),
    share=st.floats(0, 1),
    limit_bytes=st.integers(1, 9000),
)
def test_a_ledger_that_was_built_anew_is_the_same(  # noqa: PLR0917 - given by name
    ledger: Ledger,
    other_ledger: Ledger,
    one: list[Told],
    other: list[Told],
    share: float,
    limit_bytes: int,
) -> None:
    emptied(ledger)
    with tempfile.TemporaryDirectory() as scratch:
        whole, grown = Path(scratch) / "whole", Path(scratch) / "grown"
        grown.mkdir()
        two_journals(whole, one, other, 20_000.0)
        grow(whole, grown, share)
        fold_once(ledger, grown, BOOK)
        with ledger.writing() as writing:
            writing.connection.execute(schema.attempts.update().values(model="wrong"))
            writing.connection.execute(schema.rollups.update().values(attempts=99))
        grow(whole, grown, 1.0)
        rebuild(ledger, [grown], BOOK, limit_bytes=limit_bytes)
        assert dump(ledger) == folded(other_ledger, whole)
