from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gateway.affinity import MemoryPins
from gateway.wire.contract import run_blocking


def got(pins: MemoryPins, key: str, now_s: float) -> str | None:
    return run_blocking(pins.get(key.encode(), now_s))


def put(pins: MemoryPins, key: str, name: str, ttl_s: float, now_s: float) -> None:
    run_blocking(pins.put(key.encode(), name, ttl_s, now_s))


def test_a_pin_lasts_for_its_time_since_it_was_last_set() -> None:
    pins = MemoryPins()
    put(pins, "a", "one", 300, 1000)
    assert got(pins, "a", 1299.9) == "one"
    assert got(pins, "a", 1300) is None
    put(pins, "a", "one", 300, 1000)
    put(pins, "a", "one", 300, 1200)
    assert got(pins, "a", 1499.9) == "one"
    assert got(pins, "b", 1000) is None


def test_a_pin_to_another_name_has_a_time_of_its_own() -> None:
    pins = MemoryPins()
    put(pins, "a", "one", 3600, 0)
    put(pins, "a", "one", 300, 1)
    assert got(pins, "a", 3599) == "one"
    put(pins, "a", "two", 300, 2)
    assert got(pins, "a", 301) == "two"
    assert got(pins, "a", 302) is None


def test_looking_does_not_make_it_last_longer() -> None:
    pins = MemoryPins()
    put(pins, "a", "one", 300, 0)
    assert got(pins, "a", 299) == "one"
    assert got(pins, "a", 300) is None


def test_what_is_over_is_let_go() -> None:
    pins = MemoryPins()
    put(pins, "a", "one", 300, 0)
    assert got(pins, "a", 300) is None
    assert len(pins) == 0


def test_the_least_recently_used_goes_first() -> None:
    pins = MemoryPins(limit=2)
    put(pins, "a", "one", 300, 0)
    put(pins, "b", "one", 300, 0)
    assert got(pins, "a", 1) == "one"
    put(pins, "c", "one", 300, 1)
    assert [got(pins, key, 2) for key in "abc"] == ["one", None, "one"]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["get", "put"]),
            st.sampled_from("abcdef"),
            st.sampled_from(["one", "two"]),
            st.sampled_from([300.0, 3600.0]),
            st.floats(0, 500),
        ),
        max_size=40,
    ),
    st.integers(1, 4),
)
def test_it_holds_what_a_plain_list_would(steps: list[tuple[Any, ...]], limit: int) -> None:
    pins = MemoryPins(limit)
    now_s = 0.0
    kept: list[tuple[str, str, float]] = []
    """The most recently used last."""
    for what, key, name, ttl_s, later_s in steps:
        now_s += later_s
        held = next((each for each in kept if each[0] == key), None)
        kept = [each for each in kept if each[0] != key]
        if held is not None and held[2] <= now_s:
            held = None
        if what == "get":
            assert got(pins, key, now_s) == (held[1] if held else None)
            kept += [held] if held else []
        else:
            put(pins, key, name, ttl_s, now_s)
            longer_s = held[2] if held and held[1] == name else 0.0
            kept.append((key, name, max(now_s + ttl_s, longer_s)))
            kept = kept[-limit:]
        assert len(pins) <= limit
