from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.credentials.lease import Lease, LeaseState, Margins, lease_state, live

MARGINS = Margins()
ORDER = [LeaseState.GOOD, LeaseState.DUE, LeaseState.SPENT]
SECONDS = st.integers(0, 10**6).map(float)


def state(left_s: float, lifetime_s: float = 3600.0) -> LeaseState:
    return lease_state(Lease("x", 0.0, lifetime_s), lifetime_s - left_s, MARGINS)


def test_an_hour_is_good_until_five_minutes_are_left() -> None:
    assert state(3600) is LeaseState.GOOD
    assert state(301) is LeaseState.GOOD
    assert state(300) is LeaseState.DUE
    assert state(31) is LeaseState.DUE
    assert state(30) is LeaseState.SPENT
    assert state(-1) is LeaseState.SPENT


def test_a_minute_is_usable_when_it_arrives() -> None:
    assert state(60, 60) is LeaseState.GOOD
    assert state(30, 60) is LeaseState.DUE
    assert state(6, 60) is LeaseState.SPENT


def test_no_lease_is_spent_and_one_without_end_is_good() -> None:
    assert lease_state(None, 0, MARGINS) is LeaseState.SPENT
    assert lease_state(Lease("x", 0.0), 10.0**12, MARGINS) is LeaseState.GOOD
    assert not live(None, 0)
    assert live(Lease("x", 0.0), 10.0**12)
    assert live(Lease("x", 0.0, 10.0), 9.9)
    assert not live(Lease("x", 0.0, 10.0), 10.0)


@given(SECONDS, SECONDS, SECONDS)
def test_law_a_lease_only_gets_older(lifetime_s: float, first_s: float, later_s: float) -> None:
    lease = Lease("x", 0.0, lifetime_s)
    early, late = sorted((first_s, later_s))

    before = ORDER.index(lease_state(lease, early, MARGINS))
    assert before <= ORDER.index(lease_state(lease, late, MARGINS))


@given(SECONDS.filter(bool), SECONDS)
def test_law_what_is_not_spent_is_live(lifetime_s: float, now_s: float) -> None:
    lease = Lease("x", 0.0, lifetime_s)

    assert lease_state(lease, 0.0, MARGINS) is LeaseState.GOOD
    if lease_state(lease, now_s, MARGINS) is not LeaseState.SPENT:
        assert live(lease, now_s)


def test_the_secret_is_not_shown() -> None:
    assert "hush" not in repr(Lease("hush", 0.0))
