"""Any byte changed, dropped, swapped or appended in a journal is found, and any line."""

from __future__ import annotations

import random
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from gateway.journal.checkpoint import Checkpoint
from tests.journal.journals import (
    Files,
    check,
    checkpoint,
    found,
    joined,
    kinds,
    lines,
    written,
)
from tests.laws import law

with TemporaryDirectory() as _directory:
    WHOLE = written(Path(_directory), files=2, records=2)
FIRST, SECOND = sorted(WHOLE)
SEEN: list[Checkpoint] = [checkpoint(WHOLE)]


def assert_found(files: Files) -> None:
    assert files != WHOLE
    assert found(check(files))
    assert kinds(check(files, SEEN))


def test_a_journal_as_it_was_written_is_whole() -> None:
    assert not found(check(WHOLE))
    assert not found(check(WHOLE, SEEN))


@pytest.mark.parametrize("name", [FIRST, SECOND], ids=["first", "second"])
def test_a_byte_changed_dropped_swapped_or_put_in_anywhere_is_found(name: str) -> None:
    data = WHOLE[name]
    for place, byte in enumerate(data):
        before, here, after = data[:place], data[place : place + 1], data[place + 1 :]
        changes = [before + after, before + b"{" + here + after, before + b"\n" + here + after]
        changes += [before + bytes([byte ^ bit]) + after for bit in (1, 0x20, 0x80)]
        if after and after[:1] != here:
            changes.append(before + after[:1] + here + after[1:])
        for changed in changes:
            assert_found(WHOLE | {name: changed})


@law
def test_any_two_bytes_swapped_are_found(rng: random.Random) -> None:
    name = rng.choice((FIRST, SECOND))
    data = bytearray(WHOLE[name])
    one, other = rng.randrange(len(data)), rng.randrange(len(data))
    if data[one] != data[other]:
        data[one], data[other] = data[other], data[one]
        assert_found(WHOLE | {name: bytes(data)})


@law
def test_any_bytes_in_place_of_others_are_found(rng: random.Random) -> None:
    name = rng.choice((FIRST, SECOND))
    data = WHOLE[name]
    start, instead = rng.randrange(len(data)), rng.randbytes(rng.randint(0, 3))
    changed = data[:start] + instead + data[start + rng.randint(0, 3) :]
    if changed != data:
        assert_found(WHOLE | {name: changed})


@law
def test_lines_moved_repeated_or_dropped_within_and_between_files_are_found(
    rng: random.Random,
) -> None:
    every = lines(WHOLE[FIRST]) + lines(WHOLE[SECOND])
    moved = rng.sample(every, len(every))
    cut, stop = rng.randint(0, 8), rng.randint(0, 8)
    files = {FIRST: joined(moved[:cut]), SECOND: joined(moved[cut:stop] or moved[:stop])}
    if files != WHOLE:
        assert_found(files)


@pytest.mark.parametrize("name", [FIRST, SECOND], ids=["first", "second"])
def test_a_line_dropped_repeated_or_swapped_anywhere_is_found(name: str) -> None:
    every = lines(WHOLE[name])
    for place, line in enumerate(every):
        before, after = every[:place], every[place + 1 :]
        assert_found(WHOLE | {name: joined(before + after)})
        assert_found(WHOLE | {name: joined([*before, line, line, *after])})
        for other in range(place):
            swapped = list(every)
            swapped[place], swapped[other] = swapped[other], swapped[place]
            assert_found(WHOLE | {name: joined(swapped)})


def test_files_that_change_names_are_found() -> None:
    assert_found({FIRST: WHOLE[SECOND], SECOND: WHOLE[FIRST]})
    assert_found({FIRST: WHOLE[FIRST], SECOND: WHOLE[FIRST]})


def test_a_missing_file_is_found_by_a_checkpoint() -> None:
    for gone in (FIRST, SECOND):
        files = {name: data for name, data in WHOLE.items() if name != gone}
        (problem,) = check(files, SEEN).problems
        assert (problem.file, problem.what) == (gone, "missing")
