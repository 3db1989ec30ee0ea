"""Price files: what is shipped is whole, and each mistake is named with file and line."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from typing import Any

import pytest

from gateway.config import ConfigError
from gateway.prices.files import read_files, shipped_files
from tests.unit.prices.books import HEAD, OPUS, row


def mistakes(*texts: str) -> list[str]:
    names = ("anthropic.toml", "other.toml")
    with pytest.raises(ConfigError) as raised:
        read_files(zip(names, texts, strict=False))
    return [str(each) for each in raised.value.mistakes]


def test_what_is_shipped_has_no_mistake() -> None:
    files = shipped_files()
    assert {"anthropic", "bedrock", "vertex"} <= {each.name for each in files}
    assert all(each.prices.rows for each in files if each.name in {"anthropic", "bedrock"})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            row("claude-opus-55"),
            "3: rows[0].model: claude-opus-55 is no model (did you mean claude-opus-5-5?)",
        ),
        (
            row("claude-haiku-4-5-20251001"),
            "claude-haiku-4-5-20251001 is another name of a model (write claude-haiku-4-5)",
        ),
        (
            row(input="-4"),
            "anthropic.toml:5: rows[0].input: '-4' is negative (write it as text, like \"0.25\")",
        ),
        (
            row(cache_read="0,2"),
            "anthropic.toml:9: rows[0].cache_read: '0,2' is no decimal number",
        ),
        (
            row(output="NaN"),
            "anthropic.toml:6: rows[0].output: 'NaN' is no decimal number",
        ),
        (
            row(output=20),
            '6: rows[0].output: expected `str`, got `int` (write it as text, like "0.25")',
        ),
        (
            row(effective_until=dt.date(2026, 1, 1)),
            "anthropic.toml:13: rows[0].effective_until: is not after effective_from",
        ),
        (
            row(over_input_tokens=1000),
            "anthropic.toml:13: rows[0].over_input_tokens: has no row without it for tier standard",
        ),
        (
            row() + row(effective_from=dt.date(2026, 5, 1)),
            "anthropic.toml:21: rows[1].effective_from: is within the period of row 1",
        ),
        (
            row(tiers=["standard", "priority"]) + row(tiers=["priority"]),
            "anthropic.toml:22: rows[1].effective_from: is within the period of row 1",
        ),
        (
            row(tiers=[]),
            "anthropic.toml:13: rows[0].tiers: is empty: the row is for nothing (leave it out)",
        ),
        (
            row(over_input_tokens=0),
            "anthropic.toml:13: rows[0].over_input_tokens: is not more than 0 (leave it out)",
        ),
        (row(price=1), "anthropic.toml:2: rows[0]: object contains unknown field `price`"),
        (row(output=None), "anthropic.toml:2: rows[0]: object missing required field `output`"),
        (row(scope="moon"), "anthropic.toml:4: rows[0].scope: invalid enum value 'moon'"),
    ],
)
def test_a_mistake_in_a_row_names_it(text: str, told: str) -> None:
    found = mistakes(HEAD + text)
    assert any(told in each for each in found), found


def test_a_threshold_needs_the_smaller_price_in_all_of_its_period() -> None:
    half = row(effective_until=dt.date(2026, 6, 1)) + row(over_input_tokens=1000)
    assert len(mistakes(HEAD + half)) == 1
    late = row(effective_from=dt.date(2026, 6, 2), input="5")
    assert len(mistakes(HEAD + half + late)) == 1
    rest = row(effective_from=dt.date(2026, 6, 1), input="5")
    assert read_files([("anthropic.toml", HEAD + half + rest)])


def test_a_row_may_follow_another_on_the_day_that_it_ends() -> None:
    text = row(effective_until=dt.date(2026, 6, 1)) + row(effective_from=dt.date(2026, 6, 1))
    assert read_files([("anthropic.toml", HEAD + text)])


def test_a_batch_is_served_by_one_tier_under_two_names() -> None:
    batch: dict[str, Any] = {"processing": "batch"}
    text = row(**batch, tiers=["batch"]) + row(**batch, tiers=["standard"])
    assert any("prices the same" in each for each in mistakes(HEAD + text))


def test_two_files_may_not_price_one_platform() -> None:
    assert mistakes(HEAD + row(), HEAD + row()) == [
        "other.toml:1: platforms: anthropic is priced in anthropic.toml too (name it in one)"
    ]


def test_all_mistakes_of_all_files_come_at_once() -> None:
    found = mistakes(
        HEAD + row(input="x") + row("y"), 'platforms = []\nweb_search = "-1"\n' + row()
    )
    assert len(found) == 4


@pytest.mark.parametrize("text", ["platforms = ", "rows = 1", "", HEAD])
def test_what_is_no_price_file_is_named(text: str) -> None:
    assert mistakes(text)[0].startswith("anthropic.toml")


def test_a_source_may_be_a_name_for_words() -> None:
    listed = read_files([("anthropic.toml", f'{HEAD}sources.page = "the page"\n{row()}')])
    assert listed[0].prices.sources == {"page": "the page"}
    assert listed[0].prices.rows[0].model == OPUS


def test_pricing_needs_no_pydantic() -> None:
    code = (
        "import sys, gateway.prices\n"
        "assert not {'tomllib', 'gateway.prices.pricing'} & set(sys.modules)\n"
        "gateway.prices.shipped().digest\n"
        "print(sorted({'pydantic', 'anthropic', 'gateway.config'} & set(sys.modules)))"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"  # noqa: S603 - our own interpreter
