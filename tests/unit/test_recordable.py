from __future__ import annotations

import pytest

from gateway.recordable import MAX_MEMBERS, NO_NAME, bounded, short


@pytest.mark.parametrize("name", ["claude-opus-5-5", "global.anthropic.x-v1:0", "phi", None])
def test_a_name_stays(name: str | None) -> None:
    assert short(name) == name


@pytest.mark.parametrize("name", ["", "two words", "a\nb", "é", "x" * 257, '{"a"}'])
def test_what_could_be_a_text_does_not(name: str) -> None:
    assert short(name) == NO_NAME


def test_a_report_keeps_its_counts_and_words_only() -> None:
    report = {
        "input_tokens": 3,
        "tier": "standard",
        "note": "a text",
        "a text": 1,
        "list": [1, "b c"],
    }
    assert bounded(report) == {
        "input_tokens": 3,
        "tier": "standard",
        "note": None,
        "list": [1, None],
    }


def test_no_more_than_so_many_members_and_no_deeper_than_so_far() -> None:
    many = bounded({"list": list(range(1000)), "after": 1})
    assert many == {"list": list(range(MAX_MEMBERS - 1))}
    deep = bounded({"a": {"b": {"c": {"d": {"e": 1}}}}})
    assert deep == {"a": {"b": {"c": {"d": None}}}}
    assert bounded({"x" * 65: 1, "x" * 64: "y" * 65}) == {"x" * 64: None}
