"""What is decided about a call too many, without a server."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.server.refusals import Overloaded, TooManyCalls
from gateway.server.settings import Settings
from gateway.server.shedding import Bounds, Load, Place, Shed

ONE = Bounds(in_flight=1, bodies_bytes=100)


def test_as_many_calls_as_the_bound_are_taken() -> None:
    load = Load(Bounds(in_flight=2, bodies_bytes=100))
    places = [load.admit("a", 0), load.admit(None, 0)]
    with pytest.raises(Overloaded):
        load.admit("b", 0)
    places[0].leave()
    load.admit("b", 0)
    assert (load.in_flight, load.shed[Shed.IN_FLIGHT]) == (2, 1)


def test_each_key_has_a_bound_of_its_own() -> None:
    load = Load(Bounds(in_flight=9, bodies_bytes=100, in_flight_per_key=1))
    first = load.admit("a", 0)
    with pytest.raises(TooManyCalls) as refused:
        load.admit("a", 0)
    assert "1 calls in flight" in refused.value.message
    load.admit("b", 0)
    load.admit(None, 0)
    with pytest.raises(TooManyCalls):
        load.admit(None, 0)
    first.leave()
    load.admit("a", 0)
    assert load.shed == {"in_flight": 0, "in_flight_per_key": 2, "memory": 0, "bodies": 0}


def test_callers_are_told_to_return_at_different_times() -> None:
    load = Load(ONE, rng=random.Random(7))
    load.admit(None, 0)
    told = set()
    for _ in range(100):
        with pytest.raises(Overloaded) as refused:
            load.admit(None, 0)
        told.add(refused.value.retry_after_s)
    assert told == {1, 2, 3, 4}


@pytest.mark.parametrize(
    ("resident_bytes", "bound_bytes", "taken"),
    [(100, 100, True), (101, 100, False), (None, 100, True), (10**12, None, True)],
)
def test_over_the_bound_on_memory_no_call_is_taken_beside_another(
    resident_bytes: int | None, bound_bytes: int | None, taken: bool
) -> None:
    bounds = Bounds(in_flight=9, bodies_bytes=100, memory_bytes=bound_bytes)
    load = Load(bounds, lambda: resident_bytes)
    load.admit(None, 0)
    if taken:
        load.admit(None, 0)
    else:
        with pytest.raises(Overloaded):
            load.admit(None, 0)
    assert load.shed[Shed.MEMORY] == (not taken)


def test_bodies_share_the_memory_that_is_theirs() -> None:
    load = Load(Bounds(in_flight=9, bodies_bytes=100))
    first, second = load.admit(None, 60), load.admit(None, 60)
    first.hold(60)
    with pytest.raises(Overloaded):
        load.admit(None, 41)
    second.hold(40)
    with pytest.raises(Overloaded):
        second.hold(1)
    second.leave()
    assert load.bodies_bytes == 60
    first.let_go()
    load.admit(None, 100)
    assert (load.bodies_bytes, load.shed[Shed.BODIES]) == (0, 2)


def test_so_many_answers_drain_at_a_time() -> None:
    load = Load(Bounds(in_flight=3, bodies_bytes=100, draining=1, drain_s=7.0))
    first, second, third = (load.admit("a", 0) for _ in range(3))
    first.hold(5)
    assert [first.drain(), second.drain()] == [7.0, None]
    second.leave()
    assert (load.in_flight, load.draining, load.running, load.cut) == (1, 1, 2, 1)
    # Who drains has given its place to others.
    load.admit("a", 0)
    load.admit("b", 0)
    first.leave()
    assert (load.draining, load.bodies_bytes) == (0, 0)
    assert third.drain() == 7.0


def test_where_answers_are_cut_none_is_missed() -> None:
    load = Load(ONE)
    assert load.admit(None, 0).drain() is None
    assert load.cut == 0


@given(st.lists(st.sampled_from(["admit", "hold", "let_go", "drain", "leave"]), max_size=60))
def test_whatever_happens_the_counts_come_back_to_nothing(steps: list[str]) -> None:
    load = Load(Bounds(in_flight=4, bodies_bytes=10, in_flight_per_key=3, draining=2))
    places: list[Place] = []
    for number, step in enumerate(steps):
        try:
            if step == "admit":
                places.append(load.admit("ab"[number % 2], number % 4))
            elif places and step == "leave":
                places.pop(number % len(places)).leave()
            elif places:
                place = places[number % len(places)]
                if step != "drain":
                    place.hold(number % 5) if step == "hold" else place.let_go()
                elif not place._draining:
                    place.drain()
        except (Overloaded, TooManyCalls):
            pass
        assert 0 <= load.in_flight <= 4
        assert 0 <= load.draining <= 2
        assert 0 <= load.bodies_bytes <= 10
        assert load.running == len(places)
    for place in places:
        place.leave()
    assert (load.in_flight, load.draining, load.bodies_bytes, load._by_key) == (0, 0, 0, {})


@pytest.mark.parametrize(
    ("memory_mb", "bodies_mb"), [(0, 32 * 32), (16, 32), (100, 32), (1024, 256)]
)
def test_the_largest_body_always_finds_room(memory_mb: int, bodies_mb: int) -> None:
    bounds = Settings(memory_bytes=memory_mb << 20).bounds
    assert bounds.bodies_bytes == bodies_mb << 20
    assert bounds.memory_bytes == (memory_mb << 20 or None)


@pytest.mark.parametrize(("in_flight", "draining"), [(2000, 200), (5, 1)])
def test_a_tenth_may_drain(in_flight: int, draining: int) -> None:
    assert Settings(in_flight=in_flight, drains=True).bounds.draining == draining
    assert Settings(in_flight=in_flight).bounds.draining == 0
