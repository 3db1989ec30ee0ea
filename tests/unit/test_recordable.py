from __future__ import annotations

import pytest

from gateway.recordable import NO_NAME, bounded, short


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
