from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.lines import key_lines

TEXT = '''\
# [not.a.table] not_a_key = 1
top = 1
"quoted key" = "a # no comment, [no] = {table}"
a.b."c.d" = 2

[table] # a comment
text = """
[inside]
not_a_key = 1 \\""" still
"""
raw = \'\'\'
x = 1\'\'\'
inline = { one = 1, two = { three = [1,
  { four = 4 } ] } }
list = [
  1, # [x]
  [2,
   3],
]
[ table . sub ]
"\\u0061" = 1979-05-27 07:32:00
[[many]]
name = "first"
[[many]]
name = ""
[many.below]
x = -1e5
'''


def test_every_kind_of_key_has_its_line() -> None:
    assert key_lines(TEXT) == {
        ("top",): 2,
        ("quoted key",): 3,
        ("a",): 4,
        ("a", "b"): 4,
        ("a", "b", "c.d"): 4,
        ("table",): 6,
        ("table", "text"): 7,
        ("table", "raw"): 11,
        ("table", "inline"): 13,
        ("table", "inline", "one"): 13,
        ("table", "inline", "two"): 13,
        ("table", "inline", "two", "three"): 13,
        ("table", "inline", "two", "three", 0): 13,
        ("table", "inline", "two", "three", 1): 14,
        ("table", "inline", "two", "three", 1, "four"): 14,
        ("table", "list"): 15,
        ("table", "list", 0): 16,
        ("table", "list", 1): 17,
        ("table", "list", 1, 0): 17,
        ("table", "list", 1, 1): 18,
        ("table", "sub"): 20,
        ("table", "sub", "a"): 21,
        ("many",): 22,
        ("many", 0): 22,
        ("many", 0, "name"): 23,
        ("many", 1): 24,
        ("many", 1, "name"): 25,
        ("many", 1, "below"): 26,
        ("many", 1, "below", "x"): 27,
    }


def test_the_scanner_sees_what_tomllib_sees() -> None:
    assert set(key_lines(TEXT)) == paths(tomllib.loads(TEXT))


def paths(value: Any, base: tuple[str | int, ...] = ()) -> set[tuple[str | int, ...]]:
    items = list(value.items()) if isinstance(value, dict) else list(enumerate(value))
    found = {(*base, key) for key, _ in items}
    for key, below in items:
        if isinstance(below, (dict, list)):
            found |= paths(below, (*base, key))
    return found


names = st.text("abc", min_size=1, max_size=2) | st.sampled_from(["x y", "a.b", 'q"q', "#", "[é]"])
scalars = st.sampled_from(
    ["1", '"x"', "'y'", '"\\"]"', "1.5e3", "true", '""', "''", '"""\n"" x\n"""', "'''\n[k]\n'''"]
)
values = st.recursive(
    scalars,
    lambda below: (
        st.lists(below, max_size=3).map(lambda found: "[" + ", # ]\n".join(found) + "\n]")
        | st.dictionaries(names, below, max_size=3).map(
            lambda found: "{" + ", ".join(f"{quoted(k)} = {v}" for k, v in found.items()) + "}"
        )
    ),
    max_leaves=6,
)


def quoted(name: str) -> str:
    return '"' + name.replace('"', '\\"') + '"'


@given(st.dictionaries(names, st.dictionaries(names, values, max_size=3), max_size=4))
def test_any_text_tomllib_takes_is_walked_whole(tables: dict[str, dict[str, str]]) -> None:
    text = ""
    lines: dict[tuple[str, ...], int] = {}
    for name, table in tables.items():
        lines[name,] = text.count("\n") + 1
        text += f"[{quoted(name)}]\n"
        for key, value in table.items():
            lines[name, key] = text.count("\n") + 1
            text += f"{quoted(key)} = {value} # done\n"
    found = key_lines(text)
    assert set(found) == paths(tomllib.loads(text))
    assert {key: found[tuple(key)] for key in lines} == lines


@pytest.mark.parametrize(
    "text", ["= 1", "[", "a = [", "a = {", "a", "]", "a = [,", '"', "[[a", "{}"]
)
def test_a_broken_text_ends(text: str) -> None:
    assert all(line == 1 for line in key_lines(text).values())


@given(st.text("[]{}=\"'#,.ab \n\\", max_size=40))
def test_any_text_ends(text: str) -> None:
    key_lines(text)
