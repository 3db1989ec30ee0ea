from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.journal.record import LINE_LIMIT_BYTES
from gateway.recordable import MAX_MEMBERS, NO_NAME, bounded, kept_usage, short

RUN = {
    "type": "message",
    "model": "claude-opus-5-5",
    "input_tokens": 1,
    "output_tokens": 2,
    "cache_creation_input_tokens": 3,
    "cache_creation": {"ephemeral_5m_input_tokens": 1, "ephemeral_1h_input_tokens": 2},
    "cache_read_input_tokens": 4,
}


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
    assert many == {"after": 1, "list": list(range(MAX_MEMBERS - 2))}
    deep = bounded({"a": {"b": {"c": {"d": {"e": 1}}}}})
    assert deep == {"a": {"b": {"c": {"d": None}}}}
    assert bounded({"x" * 65: 1, "x" * 64: "y" * 65}) == {"x" * 64: None}


@given(st.integers(0, 200))
def test_a_real_usage_is_kept_whole(runs: int) -> None:
    usage = {"iterations": [RUN] * runs, "input_tokens": 1, "output_tokens": 2 * runs}
    assert kept_usage(usage).told == {"usage": usage}


@pytest.mark.parametrize(
    "much",
    [
        {"iterations": [RUN] * 10_000},
        {f"{'x' * 58}{at}": "y" * 64 for at in range(10_000)},
        {"iterations": [{f"{'x' * 60}{at}": 10**4000} for at in range(10_000)]},
        {"x": [[[[1] * 100] * 100] * 100] * 100},
    ],
)
def test_a_hostile_usage_keeps_its_own_counts_and_says_that_it_is_cut(much: dict[str, Any]) -> None:
    kept = kept_usage({**much, "input_tokens": 1, "output_tokens": 2})
    assert kept.cut
    assert kept.told["usage_cut"]
    assert len(msgspec.json.encode(kept.told)) < LINE_LIMIT_BYTES - 64 * 1024
    nested = kept_usage({"iterations": [RUN] * 10_000, "input_tokens": 1, "output_tokens": 2})
    assert (nested.counts["input_tokens"], nested.counts["output_tokens"]) == (1, 2)


@pytest.mark.parametrize("count", [10**4000, -(10**4000)])
def test_a_number_is_no_longer_than_a_count(count: int) -> None:
    (kept,) = kept_usage({"input_tokens": count}).counts.values()
    assert (kept > 0) == (count > 0)
    assert 2**53 < abs(kept) <= 2**63


def test_a_text_in_a_usage_leaves_something_that_has_no_price() -> None:
    usage = {"speed": "a text", "iterations": [{"model": "a text"}]}
    assert kept_usage(usage).counts == {"speed": NO_NAME, "iterations": [{"model": NO_NAME}]}
