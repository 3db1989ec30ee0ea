"""Agents form a tree, whatever their calls say."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.ledger.reports.agents import ROOT, Place, tree

NAMES = st.sampled_from(["", "a", "b", "c", "d", "e"])


@given(st.lists(st.tuples(NAMES, NAMES), max_size=12))
def test_every_agent_stands_once_after_its_parent(named: list[tuple[str, str]]) -> None:
    places = tree(named)
    depths: dict[str, int] = {}
    for place in places:
        assert place.agent not in depths
        if place.parent is None:
            assert (place.agent, place.depth) == (ROOT, 0)
        else:
            assert place.depth == depths[place.parent] + 1
        depths[place.agent] = place.depth
    assert depths.keys() == {ROOT, *(agent for agent, _ in named)}


@given(st.lists(st.tuples(NAMES, NAMES), max_size=12))
def test_a_parent_that_can_hold_holds(named: list[tuple[str, str]]) -> None:
    first: dict[str, str] = {}
    for agent, parent in named:
        if parent and agent:
            first.setdefault(agent, parent)
    for place in tree(named):
        if place.agent and place.note is None:
            assert place.parent == first.get(place.agent, ROOT)


def test_siblings_stand_in_the_order_they_began() -> None:
    places = tree([("", ""), ("b", ""), ("a", ""), ("a1", "a"), ("b1", "b")])
    assert [place.agent for place in places] == ["", "b", "b1", "a", "a1"]


def test_a_parent_without_a_call() -> None:
    assert tree([("b", "a")])[1] == Place("b", "", 1, "its parent a has no call in this session")


def test_a_circle_is_cut_where_it_began() -> None:
    places = tree([("x", "c"), ("b", "a"), ("c", "b"), ("a", "c"), ("me", "me")])
    assert [(place.agent, place.parent) for place in places[1:]] == [
        ("b", ""),
        ("c", "b"),
        ("x", "c"),
        ("a", "c"),
        ("me", ""),
    ]
    assert [place.agent for place in places if place.note] == ["b", "me"]


def test_a_parent_that_is_named_later() -> None:
    assert tree([("b", ""), ("b", "a"), ("b", "c"), ("a", "")])[2] == Place("b", "a", 2)


def test_a_very_deep_tree() -> None:
    places = tree([(str(each + 1), str(each) if each else "") for each in range(20_000)])
    assert places[-1].depth == 20_000
