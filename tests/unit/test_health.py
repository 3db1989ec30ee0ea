"""Who is ejected, who cools down, who is tried again: the rules of `gateway.dispatch.health`."""

from __future__ import annotations

import pytest

from gateway.dispatch.health import ANSWERED_S, UNPROVEN, Begun, Bounds, Health, Standing
from gateway.dispatch.kinds import RULES
from providers.contract import Failure, FailureKind

MODEL = "claude-opus-5-5"
BOUNDS = Bounds()
COUNTED = sorted(kind for kind in FailureKind if RULES[kind].eject)
COOLING = sorted(kind for kind in FailureKind if RULES[kind].cool_s)


def failure(kind: FailureKind = FailureKind.ILL, retry_after_s: float | None = None) -> Failure:
    return Failure(kind, 529, "overloaded_error", "no", retry_after_s=retry_after_s)


class Desk:
    """One upstream, asked now and then."""

    def __init__(self, health: Health | None = None, account: str = "") -> None:
        self.health = health or Health()
        self.ward = self.health.of(MODEL, account)
        self.now_s = 1000.0

    def begin(self) -> Begun:
        return self.ward.begun("one", self.now_s)

    def fail(self, begun: Begun | None = None, why: Failure | None = None) -> None:
        self.ward.failed(begun or self.begin(), why or failure(), self.now_s, counts=True)

    def eject(self) -> None:
        for _ in range(BOUNDS.consecutive):
            self.fail()

    def standing(self) -> Standing:
        return self.ward.standing("one", self.now_s)

    @property
    def for_s(self) -> float:
        """How long it is still out."""
        (state,) = self.health.states(self.now_s)
        return 0.0 if state.until_s is None else state.until_s - self.now_s


def test_failures_in_a_row_eject_for_a_while() -> None:
    desk = Desk()
    for _ in range(BOUNDS.consecutive - 1):
        desk.fail()
    assert desk.standing() is Standing.CLOSED
    desk.fail()
    assert desk.standing() is Standing.EJECTED
    assert desk.for_s == BOUNDS.ejection_s


def test_a_whole_answer_in_between_begins_the_count_anew() -> None:
    desk = Desk()
    for _ in range(BOUNDS.consecutive - 1):
        desk.fail()
    desk.ward.worked(desk.begin())
    for _ in range(BOUNDS.consecutive - 1):
        desk.fail()
    assert desk.standing() is Standing.CLOSED


def test_an_answer_that_only_began_does_not() -> None:
    desk = Desk()
    for _ in range(BOUNDS.consecutive):
        begun = desk.begin()
        desk.ward.answered(begun, desk.now_s)
        desk.fail(begun, failure(FailureKind.CUT))
    assert desk.standing() is Standing.EJECTED


def test_after_the_ejection_one_request_tries_and_the_others_stay_away() -> None:
    desk = Desk()
    desk.eject()
    desk.now_s += BOUNDS.ejection_s
    assert desk.standing() is Standing.HALF_OPEN
    probe = desk.begin()
    assert desk.standing() is Standing.EJECTED
    desk.ward.answered(probe, desk.now_s)
    assert desk.standing() is Standing.CLOSED
    desk.ward.worked(probe)
    assert desk.ward.is_sound("one", desk.now_s)


@pytest.mark.parametrize("how", ["dropped", "caller", "uncounted"])
def test_a_try_that_says_nothing_leaves_the_turn_to_the_next(how: str) -> None:
    desk = Desk()
    desk.eject()
    desk.now_s += BOUNDS.ejection_s
    probe = desk.begin()
    if how == "dropped":
        desk.ward.dropped(probe)
    elif how == "caller":
        desk.fail(probe, failure(FailureKind.CALLER))
    else:
        desk.ward.failed(probe, failure(), desk.now_s, counts=False)
    assert desk.standing() is Standing.HALF_OPEN


def test_each_ejection_is_longer_up_to_a_cap() -> None:
    desk = Desk()
    desk.eject()
    seen_s = []
    for _ in range(40):
        seen_s.append(desk.for_s)
        desk.now_s += desk.for_s
        desk.fail()
    assert seen_s[:3] == [10.0, 20.0, 30.0]
    assert seen_s[-1] == BOUNDS.ejection_cap_s == max(seen_s)


def test_failures_that_were_under_way_do_not_lengthen_an_ejection() -> None:
    desk = Desk()
    under_way = [desk.begin() for _ in range(100)]
    for begun in under_way:
        desk.now_s += 0.01
        desk.fail(begun)
    assert desk.for_s <= BOUNDS.ejection_s
    desk.now_s += BOUNDS.ejection_s
    assert desk.standing() is Standing.HALF_OPEN


def test_an_old_answer_does_not_end_an_ejection_and_a_new_one_does() -> None:
    desk = Desk()
    old = desk.begin()
    desk.now_s += 1
    desk.eject()
    desk.ward.worked(old)
    assert desk.standing() is Standing.EJECTED
    desk.ward.worked(desk.begin())
    assert desk.standing() is Standing.CLOSED


def test_ejections_are_forgotten_after_a_long_time() -> None:
    desk = Desk()
    desk.eject()
    desk.now_s += BOUNDS.ejection_s
    desk.fail()
    assert desk.for_s == 2 * BOUNDS.ejection_s
    desk.now_s += 2 * BOUNDS.ejection_s + BOUNDS.ejection_cap_s + 1
    desk.fail()
    assert desk.for_s == BOUNDS.ejection_s


@pytest.mark.parametrize("kind", sorted(set(FailureKind) - set(COUNTED)))
def test_what_is_not_the_upstreams_fault_never_ejects(kind: FailureKind) -> None:
    desk = Desk()
    for _ in range(10 * BOUNDS.consecutive):
        desk.fail(why=failure(kind, retry_after_s=0.0))
    assert desk.standing() is Standing.CLOSED


@pytest.mark.parametrize("kind", COOLING)
def test_some_kinds_cool_an_upstream_down_at_once(kind: FailureKind) -> None:
    desk = Desk()
    desk.fail(why=failure(kind))
    assert desk.standing() is Standing.COOLING
    assert desk.for_s == RULES[kind].cool_s
    desk.now_s += RULES[kind].cool_s
    assert desk.standing() is Standing.CLOSED


@pytest.mark.parametrize(("asked_s", "cools_s"), [(7.0, 7.0), (31536000.0, 60.0)])
def test_a_platform_says_how_long_it_cools_down_up_to_a_cap(asked_s: float, cools_s: float) -> None:
    desk = Desk()
    desk.fail(why=failure(FailureKind.THROTTLED, asked_s))
    assert desk.for_s == cools_s


def test_the_callers_own_mistakes_say_nothing() -> None:
    desk = Desk()
    for _ in range(100):
        desk.fail(why=failure(FailureKind.CALLER))
    assert desk.ward.is_sound("one", desk.now_s)


def test_models_and_credentials_have_a_health_of_their_own() -> None:
    health = Health()
    Desk(health, account="a tenant").eject()
    assert Desk(health).standing() is Standing.CLOSED
    assert Desk(health, account="another").standing() is Standing.CLOSED
    assert Desk(health, account="a tenant").standing() is Standing.EJECTED
    assert health.of("claude-haiku-5-5", "a tenant").standing("one", 1000.0) is Standing.CLOSED


def test_an_upstream_that_only_takes_requests_is_in_doubt() -> None:
    desk = Desk()
    for _ in range(UNPROVEN - 1):
        desk.begin()
    assert desk.ward.is_sound("one", desk.now_s)
    last = desk.begin()
    assert not desk.ward.is_sound("one", desk.now_s)
    desk.ward.answered(last, desk.now_s)
    for _ in range(10 * UNPROVEN):
        desk.begin()
    assert desk.ward.is_sound("one", desk.now_s)
    assert not desk.ward.is_sound("one", desk.now_s + ANSWERED_S)
    assert not desk.ward.is_ill("one", desk.now_s + ANSWERED_S)


def test_with_the_breaker_off_nobody_is_ejected_or_cools_down() -> None:
    desk = Desk(Health(ejects=False))
    desk.eject()
    desk.fail(why=failure(FailureKind.QUOTA))
    assert desk.standing() is Standing.CLOSED
    assert not desk.ward.is_sound("one", desk.now_s)


def test_what_is_known_is_bounded() -> None:
    health = Health()
    for number in range(10_050):
        health.of(MODEL, f"tenant {number}").begun("one", 1000.0)
    assert len(health.states(1000.0)) == 10_000
