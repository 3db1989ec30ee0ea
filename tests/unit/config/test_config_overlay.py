from __future__ import annotations

import copy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gateway.config.overlay import overlay

names = st.text("ab", min_size=1, max_size=2)
tables: st.SearchStrategy[dict[str, Any]] = st.dictionaries(
    names,
    st.recursive(
        st.integers(0, 3) | st.lists(st.integers(0, 3), max_size=2),
        lambda below: st.dictionaries(names, below, max_size=3),
        max_leaves=6,
    ),
    max_size=3,
)


def test_tables_merge_and_all_else_replaces() -> None:
    base = {"order": ["a", "b"], "up": {"a": {"x": 1, "y": 2}, "b": {"x": 3}}}
    over = {"order": ["b"], "up": {"a": {"y": 9}, "c": {"z": 0}}}
    assert overlay(base, over) == {
        "order": ["b"],
        "up": {"a": {"x": 1, "y": 9}, "b": {"x": 3}, "c": {"z": 0}},
    }


def test_a_table_replaces_a_scalar_and_a_scalar_a_table() -> None:
    assert overlay({"a": 1, "b": {"c": 1}}, {"a": {"d": 2}, "b": 3}) == {"a": {"d": 2}, "b": 3}


@given(tables)
def test_nothing_over_or_under_changes_nothing(table: dict[str, Any]) -> None:
    assert overlay(table, {}) == overlay({}, table) == table


@given(tables, tables)
def test_laying_over_twice_is_laying_over_once(base: dict[str, Any], over: dict[str, Any]) -> None:
    once = overlay(base, over)
    assert overlay(once, over) == once
    assert overlay(base, base) == base


@given(tables, tables)
def test_the_arguments_stay_as_they_were(base: dict[str, Any], over: dict[str, Any]) -> None:
    before = copy.deepcopy((base, over))
    overlay(base, over)
    assert (base, over) == before


def shape(table: dict[str, Any]) -> dict[tuple[str, ...], bool]:
    found: dict[tuple[str, ...], bool] = {}
    for key, value in table.items():
        found[key,] = isinstance(value, dict)
        if isinstance(value, dict):
            found |= {(key, *path): kind for path, kind in shape(value).items()}
    return found


@given(tables, tables, tables)
def test_order_of_merging_is_free_where_no_table_meets_a_scalar(
    one: dict[str, Any], two: dict[str, Any], three: dict[str, Any]
) -> None:
    shapes = [shape(table) for table in (one, two, three)]
    every = {path for found in shapes for path in found}
    alike = all(len({found[path] for found in shapes if path in found}) == 1 for path in every)
    if alike:
        assert overlay(overlay(one, two), three) == overlay(one, overlay(two, three))
