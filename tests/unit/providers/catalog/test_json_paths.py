from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import Raw

from providers.codecs.json_paths import Each, Key, Steps, parse, present, without
from providers.codecs.json_probe import Probe

LAW = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
PATHS = [
    "a",
    "a.b",
    "a[].b",
    "a[x].b",
    "a[x].b[].a",
    "a[y]",
    "a.b.b",
    "b[].a",
    "b",
    "[x].a",
    "[].b[y]",
]
NAMES = st.sampled_from(["a", "b", "type", "role", "x"])
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["x", "y", ""]),
    st.text(),
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(NAMES, inner)),
    max_leaves=12,
)


def steps_of(path: str) -> Steps:
    return parse(path) if not path.startswith("[") else parse(f"top{path}")[1:]


def raw(value: Any) -> Raw:
    return Raw(json.dumps(value).encode())


def test_parse() -> None:
    assert parse("a.b[].c[x]") == (Key("a"), Key("b"), Each(), Key("c"), Each("x"))


@pytest.mark.parametrize("path", ["", "[]", "a[", "a]b", "a[b[c]]", "[x].a"])
def test_what_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="is no path"):
        parse(path)


@pytest.mark.parametrize(
    ("value", "path", "left"),
    [
        ({"a": 1, "b": 2}, "a", {"b": 2}),
        ({"a": 1}, "a", None),
        ({"a": {"b": 1}}, "a.b", None),
        ({"a": {"b": 1}, "c": {}}, "a.b", {"c": {}}),
        ({"a": [{"b": 1}, {"b": 2, "c": 3}, 4]}, "a[].b", {"a": [{}, {"c": 3}, 4]}),
        ({"a": [{"type": "x"}, {"role": "x"}, {"type": "y"}]}, "a[x]", {"a": [{"type": "y"}]}),
        ({"a": [{"type": "x"}], "b": 1}, "a[x]", {"b": 1}),
        ({"a": [{"type": "x", "b": 1}, {"b": 1}]}, "a[x].b", {"a": [{"type": "x"}, {"b": 1}]}),
        ({"a": "text"}, "a[].b", {"a": "text"}),
        ({"a": []}, "a[x]", {"a": []}),
        ({"a": {}}, "a.b", {"a": {}}),
    ],
)
def test_without(value: Any, path: str, left: Any) -> None:
    found = without(raw(value), [parse(path)])
    assert (None if found is None else json.loads(bytes(found))) == left


def test_what_is_not_on_a_path_keeps_its_bytes() -> None:
    value = Raw(b'{ "a" : [ {"b":1,  "keep": { "n" : 1.50, "u":"\\u00e9" } } , [ 1 ] ], "z":1E2 }')
    found = without(value, [parse("a[].b")])
    assert found is not None
    assert bytes(found) == b'{"a":[{"keep":{ "n" : 1.50, "u":"\\u00e9" }},[ 1 ]],"z":1E2}'


@LAW
@given(VALUES, st.sampled_from(PATHS))
def test_nothing_is_present_after_it_is_removed(value: Any, path: str) -> None:
    steps = steps_of(path)
    before = raw(value)
    left = without(before, [steps])
    if not present(before, steps):
        assert left is before
    elif left is not None:
        assert not present(left, steps)


@LAW
@given(VALUES, st.lists(st.sampled_from(PATHS), unique=True))
def test_a_probe_finds_what_each_path_finds(value: Any, paths: list[str]) -> None:
    asked = [(steps_of(path), None) for path in paths]
    found = Probe(asked).found(raw(value))
    assert found == {n for n, (steps, _) in enumerate(asked) if present(raw(value), steps)}


@LAW
@given(VALUES)
def test_a_probe_may_ask_for_one_value(value: Any) -> None:
    asked = [(steps_of("a.b"), "x"), (steps_of("a.b"), None)]
    found = Probe(asked).found(raw(value))
    assert found == {n for n, path in enumerate(asked) if present(raw(value), *path)}


def test_a_probe_does_not_lead_to_what_it_chooses_by() -> None:
    with pytest.raises(ValueError, match="may choose by `type`"):
        Probe([(parse("a.type"), None)])
