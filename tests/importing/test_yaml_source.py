"""What is read of YAML, with its lines; and what is refused or told, each with its line."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.mistakes import ConfigError
from gateway.importing.yaml_source import MOST_BYTES, parsed


def read(text: str) -> Any:
    return parsed("c.yaml", text)


def mistake(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parsed("c.yaml", text)
    (found,) = caught.value.mistakes
    return str(found)


def test_values_and_lines() -> None:
    source = read('a:\n  - b: 1\n    c: "x"\n  - d: 1.5\n# no\ne: true\nf:\ng: 2026-11-30\n')
    assert source.values == {
        "a": [{"b": 1, "c": "x"}, {"d": 1.5}],
        "e": True,
        "f": None,
        "g": "2026-11-30",
    }
    lines = {("a",): 1, ("a", 0): 2, ("a", 0, "c"): 3, ("a", 1, "d"): 4, ("e",): 6, ("g",): 8}
    assert {key: source.lines[key] for key in lines} == lines
    assert source.line(("a", 0, "c", "unknown", 7)) == 3
    assert source.line(()) == 1


def test_nothing_is_none() -> None:
    assert read("").values is None
    assert read("# only\n").values is None


def test_a_key_that_stands_twice_is_refused_with_both_lines() -> None:
    found = mistake("a:\n  b: 1\n  c: 2\n  b: 3\n")
    assert found == "c.yaml:4: a.b: stands here a second time; the first is in line 2"


@pytest.mark.parametrize(
    ("word", "value"), [("NO", False), ("no", False), ("Yes", True), ("on", True), ("Off", False)]
)
def test_a_word_that_means_a_truth_value_is_told(word: str, value: bool) -> None:
    source = read(f"a: 1\nregion: {word}\n")
    assert source.values["region"] is value
    (doubt,) = source.doubts
    assert (doubt.line, doubt.key) == (2, "region")
    assert f'"{word}" in quotes' in str(doubt)


@pytest.mark.parametrize("word", ["true", "False", "TRUE", '"NO"', "'no'", "Norway"])
def test_a_word_that_looks_like_what_it_is_is_no_doubt(word: str) -> None:
    assert read(f"region: {word}\n").doubts == ()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: 1\nb: [1, 2\nc: 3\n", 3),
        ("a: 1\n  b: 2\n", 2),
        ("a: 1\n\tb: 2\n", 2),
        ("a: *nobody\n", 1),
        ("a: 1\n---\nb: 2\n", 2),
        ("x\x00y", None),
    ],
)
def test_what_is_no_yaml_is_told_with_its_line(text: str, line: int | None) -> None:
    where = "c.yaml" if line is None else f"c.yaml:{line}"
    assert mistake(text).startswith(f"{where}: is no YAML: ")


def test_a_parser_does_not_repeat_what_may_be_a_secret() -> None:
    for text in ("api_key: 'sk-ant-SECRET", "k: @sk-ant-SECRET", "k: *sk-ant-SECRET"):
        assert "SECRET" not in mistake(text)


@pytest.mark.parametrize(
    "text",
    [
        "a: 1\nb: !!python/object/apply:os.system [ls]\n",
        "a: 1\nb: !include other.yaml\n",
        "a: 1\nb: !!binary aGk=\n",
        "a: 1\nb: !!set {x, y}\n",
    ],
)
def test_a_tag_makes_no_object(text: str) -> None:
    assert mistake(text) == "c.yaml:2: b: has a tag that is not read here"


def test_a_merge_goes_under_what_stands_there() -> None:
    source = read("x: &x\n  a: 1\n  b: 2\ny:\n  <<: *x\n  b: 3\nz:\n  <<: [*x, {c: 4}]\n")
    assert source.values["y"] == {"a": 1, "b": 3}
    assert source.values["z"] == {"a": 1, "b": 2, "c": 4}
    assert source.line(("y", "a")) == 2
    assert source.line(("y", "b")) == 6


@pytest.mark.parametrize("text", ["a:\n  <<: 3\n", "a: &a\n  <<: *a\n", "a:\n  <<: [1]\n"])
def test_a_merge_of_something_else_is_refused(text: str) -> None:
    assert mistake(text).startswith('c.yaml:2: a."<<": merges ')


def test_an_alias_in_itself_is_refused() -> None:
    assert "is nested too deeply" in mistake("a: &a [*a]\n")


def test_aliases_that_make_much_of_little_are_refused() -> None:
    rows = ["a: &a [x, x, x, x, x, x, x, x, x, x]"]
    rows += [
        f"{n}: &{n} [{', '.join([f'*{p}'] * 10)}]"
        for p, n in zip("abcdefgh", "bcdefghi", strict=True)
    ]
    assert "more values than are read" in mistake("\n".join(rows))


def test_merges_that_make_much_of_little_are_refused() -> None:
    keys = "".join(f"  k{at}: 1\n" for at in range(1000))
    merged = ", ".join(["*a"] * 1000)
    assert "more values than are read" in mistake(f"a: &a\n{keys}b:\n  <<: [{merged}]\n")


@pytest.mark.parametrize("word", ["!!int ''", "!!float ''", "!!bool maybe", "1:1" + ":1" * 99])
def test_what_is_none_of_its_kind_is_told(word: str) -> None:
    assert mistake(f"a: 1\nb: {word}\n").startswith("c.yaml:2: b: is no ")


@pytest.mark.parametrize(("word", "number"), [("1:30", 90), ("0600", 384), ("0x10", 16)])
def test_a_number_that_counts_in_another_base_is_told(word: str, number: int) -> None:
    source = read(f"a: {word}\n")
    assert source.values == {"a": number}
    assert f"{word} means {number} in YAML" in str(source.doubts[0])


@pytest.mark.parametrize("text", ["[" * 5000, "a: " + "[" * 40 + "]" * 40, "- " * 3000])
def test_deep_nesting_is_refused(text: str) -> None:
    assert mistake(text)


def test_a_large_text_and_a_long_number_are_refused() -> None:
    assert "larger than 512 KiB" in mistake("#" * (MOST_BYTES + 1))
    assert mistake(f"a: 1\nb: {'9' * 5000}\n") == "c.yaml:2: b: is no number that can be read"
    assert mistake("? [a, b]\n: 1\n").endswith("has a key that is no name")


@given(st.text(alphabet=" \n\t:-[]{}#&*!|>'\"%@`,?<=ab01~.", max_size=60))
def test_any_text_is_read_or_told(text: str) -> None:
    with suppress(ConfigError):
        read(text)
