from __future__ import annotations

import random

import pytest

from gateway.dispatch.budget import WINDOW_S, Budget


def taken(budget: Budget, upstream: str, times: int, now_s: float) -> int:
    return sum(budget.take(upstream, now_s) for _ in range(times))


def test_the_floor_is_granted_without_any_calls() -> None:
    assert taken(Budget(0.2, 3.0), "one", 1000, 5.0) == 3 * WINDOW_S


def test_a_share_of_the_calls_is_granted() -> None:
    budget = Budget(0.2, 0.0)
    for at in range(500):
        budget.call("one", at / 50)
    assert taken(budget, "one", 1000, 9.99) == 100


def test_what_was_taken_comes_back_after_the_window() -> None:
    budget = Budget(0.0, 1.0)
    assert taken(budget, "one", 100, 0.0) == WINDOW_S
    assert taken(budget, "one", 100, WINDOW_S - 1) == 0
    assert taken(budget, "one", 100, WINDOW_S + 1) == WINDOW_S


def test_calls_to_one_upstream_grant_nothing_at_another() -> None:
    budget = Budget(0.5, 0.0)
    for _ in range(100):
        budget.call("one", 0.0)
    assert taken(budget, "two", 100, 0.0) == 0
    assert taken(budget, "one", 100, 0.0) == 50


def test_one_that_is_not_ill_needs_only_a_share_of_all() -> None:
    budget = Budget(0.5, 0.0)
    for _ in range(100):
        budget.call("one", 0.0)
    assert sum(budget.take("two", 0.0, ill=False) for _ in range(100)) == 50


def test_all_upstreams_together_are_bounded_too() -> None:
    budget = Budget(0.2, 1.0)
    assert sum(taken(budget, f"u{number}", 100, 0.0) for number in range(50)) == WINDOW_S
    assert budget.left(0.0) == 0.0


@pytest.mark.parametrize("seed", range(20))
def test_in_any_window_no_more_is_granted_than_was_promised(seed: int) -> None:
    rng = random.Random(seed)
    budget = Budget(0.2, 2.0)
    calls: list[float] = []
    extra: list[float] = []
    now_s = 0.0
    for _ in range(3000):
        now_s += rng.expovariate(rng.choice((5, 50)))
        if rng.random() < 0.5:
            budget.call("one", now_s)
            calls.append(now_s)
        elif budget.take("one", now_s):
            extra.append(now_s)
            since_s = int(now_s) - WINDOW_S + 1
            recent = sum(at_s >= since_s for at_s in calls)
            assert sum(at_s >= since_s for at_s in extra) <= max(20, 0.2 * recent)
