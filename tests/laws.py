"""Laws over a seed: what makes its own data of a `random.Random`."""

from __future__ import annotations

import os
import random
from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

IN_A_ROW = 20
CASES = int(os.environ.get("TIDEGATE_LAWS", "2000"))


def law(check_one: Callable[[random.Random], None]) -> Callable[[int], None]:
    """Return a test of many numbers, some in a row: a draw is dearer than a check."""
    return rarely(1)(check_one)


def rarely(
    share: int,
) -> Callable[[Callable[[random.Random], None]], Callable[[int], None]]:
    """Return `law` for checks that cost `share` times as much, so that fewer are made."""

    def made(check_one: Callable[[random.Random], None]) -> Callable[[int], None]:
        @settings(max_examples=max(CASES // IN_A_ROW // share, 1))
        @given(st.integers(0, 2**48))
        def test(seed: int) -> None:
            for number in range(seed, seed + IN_A_ROW):
                try:
                    check_one(random.Random(number))
                except AssertionError as error:
                    raise AssertionError(f"seed {number}") from error

        return test

    return made
