"""Hostile bytes for a while: `make fuzz`, TIDEGATE_FUZZ_S seconds over all targets.

A failing case is printed with the command that tries it again: TIDEGATE_FUZZ_CASE=target:number.
"""

from __future__ import annotations

import os
import random
import secrets
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import pytest

from tests.fuzz.targets import TARGETS

BUDGET_S = float(os.environ.get("TIDEGATE_FUZZ_S", "10"))
CASE = os.environ.get("TIDEGATE_FUZZ_CASE", "")
CASE_S = 30
"""How long one case may take; none takes a second."""


class Hung(AssertionError):
    """A case does not end."""


@contextmanager
def told(target: str, number: int) -> Iterator[None]:
    """Say on failure how to try a case again."""
    try:
        yield
    except BaseException as error:
        error.add_note(f"Again: TIDEGATE_FUZZ_CASE={target}:{number} make fuzz")
        raise


@pytest.mark.parametrize("target", TARGETS)
def test_hostile_bytes_do_no_more_than_they_may(target: str) -> None:
    wanted, _, number = CASE.partition(":")
    if CASE and wanted != target:
        pytest.skip("another target's case is wanted")
    if CASE:
        _once(TARGETS[target], target, int(number))
        return
    until_s = time.monotonic() + BUDGET_S / (len(TARGETS) + 1)
    first = count = secrets.randbelow(1_000_000_000)
    while time.monotonic() < until_s:
        _once(TARGETS[target], target, count)
        count += 1
    print(f"{target}: {count - first} cases from {first}")


def _once(work: Callable[[random.Random], None], target: str, number: int) -> None:
    def hung(_signal: int, _frame: FrameType | None) -> None:
        raise Hung(f"a case takes more than {CASE_S} s")

    signal.signal(signal.SIGALRM, hung)
    signal.alarm(CASE_S)
    try:
        with told(target, number):
            work(random.Random(f"{target}:{number}"))
    finally:
        signal.alarm(0)
