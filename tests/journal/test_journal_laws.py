"""Any byte changed, dropped, swapped or appended in a journal is found, and any line."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

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

CASES = settings(max_examples=int(os.environ.get("TIDEGATE_LAWS", "50")))

with TemporaryDirectory() as _directory:
    WHOLE = written(Path(_directory), files=2, records=2)
FIRST, SECOND = sorted(WHOLE)
SEEN: list[Checkpoint] = [checkpoint(WHOLE)]
names = st.sampled_from([FIRST, SECOND])
places = st.integers(0, len(WHOLE[FIRST]) - 1)
assert len(WHOLE[FIRST]) == len(WHOLE[SECOND])


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


@CASES
@given(names, places, places)
def test_any_two_bytes_swapped_are_found(name: str, one: int, other: int) -> None:
    data = bytearray(WHOLE[name])
    assume(data[one] != data[other])
    data[one], data[other] = data[other], data[one]
    assert_found(WHOLE | {name: bytes(data)})


@CASES
@given(names, places, st.integers(0, 3), st.binary(max_size=3))
def test_any_bytes_in_place_of_others_are_found(
    name: str, start: int, length: int, instead: bytes
) -> None:
    data = WHOLE[name]
    changed = data[:start] + instead + data[start + length :]
    assume(changed != data)
    assert_found(WHOLE | {name: changed})


@CASES
@given(st.permutations(range(8)), st.integers(0, 8), st.integers(0, 8))
def test_lines_moved_repeated_or_dropped_within_and_between_files_are_found(
    order: list[int], cut: int, stop: int
) -> None:
    every = lines(WHOLE[FIRST]) + lines(WHOLE[SECOND])
    moved = [every[place] for place in order]
    files = {FIRST: joined(moved[:cut]), SECOND: joined(moved[cut:stop] or moved[:stop])}
    assume(files != WHOLE)
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
