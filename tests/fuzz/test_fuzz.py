"""Hostile bytes for a while: `make fuzz`, TIDEGATE_FUZZ_S seconds over all targets.

A failing case is printed with the command that tries it again: TIDEGATE_FUZZ_CASE=target:number.
"""

from __future__ import annotations

import os
import random
import secrets
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import pytest

from gateway.emulator import Emulator
from tests.fuzz.door import BATCH, door
from tests.fuzz.targets import TARGETS

BUDGET_S = float(os.environ.get("TIDEGATE_FUZZ_S", "60"))
CASE = os.environ.get("TIDEGATE_FUZZ_CASE", "")
CASE_S = 30
"""How long one case may take; none takes a second."""


class Hung(AssertionError):
    """A case does not end."""


def budget(target: str, most: int) -> Iterator[range]:
    """Yield the numbers of the cases to try, at most so many at a time, while there is time."""
    wanted, _, number = CASE.partition(":")
    if CASE and wanted != target:
        pytest.skip("another target's case is wanted")
    if CASE:
        yield range(int(number), int(number) + 1)
        return
    until_s = time.monotonic() + BUDGET_S / (len(TARGETS) + 1)
    first = count = secrets.randbelow(1_000_000_000)
    while time.monotonic() < until_s:
        yield range(count, count + most)
        count += most
    sys.stdout.write(f"{target}: {count - first} cases from {first}\n")


@pytest.mark.parametrize("target", TARGETS)
def test_hostile_bytes_do_no_more_than_they_may(target: str) -> None:
    for numbers in budget(target, 1):
        with told(target, numbers), in_time(CASE_S):
            TARGETS[target](random.Random(f"{target}:{numbers.start}"))


def test_hostile_requests_get_an_answer_or_an_end(emulator: Emulator) -> None:
    with door(emulator) as opened:
        for numbers in budget("door", BATCH):
            with told("door", numbers):
                opened.run(numbers)
            emulator.reset()


@contextmanager
def told(target: str, numbers: range) -> Iterator[None]:
    """Say on failure how to try a case again."""
    try:
        yield
    except BaseException as error:
        which = f"{target}:{numbers.start}"
        also = f" and {len(numbers) - 1} numbers more" if len(numbers) > 1 else ""
        error.add_note(f"Again: TIDEGATE_FUZZ_CASE={which} make fuzz{also}")
        raise


@contextmanager
def in_time(seconds: int) -> Iterator[None]:
    """Raise Hung in what takes longer."""

    def hung(_signal: int, _frame: FrameType | None) -> None:
        raise Hung(f"a case takes more than {seconds} s")

    signal.signal(signal.SIGALRM, hung)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
