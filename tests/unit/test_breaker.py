from __future__ import annotations

import pytest

from gateway.dispatch.breaker import BASE_S, CAP_S, CONSECUTIVE, COUNTED, Breaker
from providers.contract import FailureKind

MODEL = "claude-opus-5-5"


def failing(breaker: Breaker, times: int, now_s: float = 0.0) -> None:
    for _ in range(times):
        breaker.failed("one", MODEL, FailureKind.ILL, now_s)


def test_failures_in_a_row_eject_for_a_while() -> None:
    breaker = Breaker()
    failing(breaker, CONSECUTIVE - 1)
    assert breaker.ejected(MODEL, 0.0) == frozenset()
    failing(breaker, 1)
    assert breaker.ejected(MODEL, 0.0) == {"one"}
    assert breaker.ejected(MODEL, BASE_S) == frozenset()


def test_an_answer_in_between_begins_the_count_anew() -> None:
    breaker = Breaker()
    failing(breaker, CONSECUTIVE - 1)
    breaker.worked("one", MODEL)
    failing(breaker, CONSECUTIVE - 1)
    assert breaker.ejected(MODEL, 0.0) == frozenset()


def test_each_ejection_is_longer_up_to_a_cap() -> None:
    breaker = Breaker()
    failing(breaker, CONSECUTIVE)
    failing(breaker, 1, now_s=100.0)
    assert breaker.ejected(MODEL, 100.0 + 2 * BASE_S - 1) == {"one"}
    assert breaker.ejected(MODEL, 100.0 + 2 * BASE_S) == frozenset()
    failing(breaker, 1000, now_s=1000.0)
    assert breaker.ejected(MODEL, 1000.0 + CAP_S) == frozenset()


@pytest.mark.parametrize("kind", sorted(set(FailureKind) - COUNTED))
def test_what_is_not_the_upstreams_fault_never_ejects(kind: FailureKind) -> None:
    breaker = Breaker()
    for _ in range(10 * CONSECUTIVE):
        breaker.failed("one", MODEL, kind, 0.0)
    assert breaker.ejected(MODEL, 0.0) == frozenset()


def test_another_model_of_the_same_upstream_is_not_ejected() -> None:
    breaker = Breaker()
    failing(breaker, CONSECUTIVE)
    assert breaker.ejected("claude-haiku-5-5", 0.0) == frozenset()
