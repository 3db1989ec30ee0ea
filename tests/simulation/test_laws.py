"""The outcome rules hold under any schedule of faults, in virtual time."""

from __future__ import annotations

import os
import random

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.simulation.callers import ask, call, engine
from tests.simulation.schedules import LIMITS, holds, schedule
from tests.simulation.virtual import VirtualWire

CASES = int(os.environ.get("TIDEGATE_LAWS", "10000"))


def check(rng: random.Random) -> None:
    scripts = schedule(rng)
    wire = VirtualWire(scripts)
    holds(ask(engine(*scripts, limits=LIMITS), wire, call()), wire, scripts)


def test_a_streamed_call_holds_the_outcome_rules() -> None:
    for seed in range(CASES):
        try:
            check(random.Random(seed))
        except AssertionError as error:
            raise AssertionError(f"seed {seed}") from error


@given(st.randoms(use_true_random=False))
@settings(max_examples=min(CASES // 50, 2000), deadline=None)
def test_the_same_with_shrinking(rng: random.Random) -> None:
    check(rng)
