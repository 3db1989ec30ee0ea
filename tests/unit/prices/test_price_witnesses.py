"""What other price lists are taken to say: only what they really have."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from gateway.config import ConfigError
from gateway.prices.witness import Sku, compare
from gateway.prices.witness_genai import GenaiPrices
from gateway.prices.witness_litellm import LitellmMap

DAY = dt.date(2026, 11, 28)
OPUS = {
    "input_cost_per_token": 4e-06,
    "output_cost_per_token": 2e-05,
    "cache_creation_input_token_cost": 5e-06,
    "cache_creation_input_token_cost_above_1hr": 8e-06,
    "cache_read_input_token_cost": 2e-07,
    "input_cost_per_token_batches": 2e-06,
    "provider_specific_entry": {"us": 1.1, "fast": 2},
}


@pytest.fixture(scope="module")
def genai() -> GenaiPrices:
    return GenaiPrices.on(DAY)


def litellm(tmp_path: Path, **entries: Any) -> LitellmMap:
    path = tmp_path / "map.json"
    path.write_text(json.dumps({key.replace("__", "/"): each for key, each in entries.items()}))
    return LitellmMap.read(path)


@pytest.mark.parametrize(
    "sku",
    [
        # Each of these `calc_price` answers with some other price, and says nothing.
        Sku("anthropic", "geo", "claude-opus-5-5"),
        Sku("anthropic", "global", "claude-opus-5-5", "batch", "fast"),
        Sku("anthropic", "global", "claude-sonnet-5-5", "standard", "fast"),
        Sku("anthropic", "global", "claude-opus-4-60"),
        Sku("bedrock", "global", "claude-opus-5-5", "batch"),
        Sku("bedrock", "government", "claude-opus-5-5"),
        Sku("vertex", "global", "claude-sonnet-5"),
        Sku("vertex", "global", "claude-opus-5-5", "batch"),
        Sku("vertex", "geo", "claude-opus-5-5"),
        Sku("vertex", "global", "claude-mythos-5-2"),
        Sku("foundry", "global", "claude-opus-5-5"),
        Sku("aws", "global", "claude-opus-5-5"),
    ],
    ids="-".join,
)
def test_genai_prices_says_nothing_of_what_it_does_not_model(genai: GenaiPrices, sku: Sku) -> None:
    assert genai.quotes(sku) == ()


def test_genai_prices_is_read_by_its_own_entries(genai: GenaiPrices) -> None:
    (quote,) = genai.quotes(Sku("bedrock", "in_region", "claude-opus-5-5"))
    assert quote.id == "aws/regional.anthropic.claude-opus-5-5"
    assert quote.bands[0]["cache_read"] == Decimal("0.22")
    (quote,) = genai.quotes(Sku("anthropic", "global", "claude-opus-5-5", "standard", "fast"))
    assert quote.bands == {
        0: {
            "input": Decimal(8),
            "output": Decimal(40),
            "cache_write_5m": Decimal(10),
            "cache_write_1h": Decimal(16),
            "cache_read": Decimal("0.4"),
        }
    }


def test_genai_prices_has_its_thresholds_and_searches(genai: GenaiPrices) -> None:
    (quote,) = genai.quotes(Sku("anthropic", "global", "claude-haiku-5-5"))
    assert quote.bands[0]["web_search"] == Decimal("0.01")
    assert quote.bands[0]["output"] * 5 == quote.bands[100_000]["output"] == Decimal("2.5")


def test_genai_prices_is_asked_for_a_day() -> None:
    sku = Sku("anthropic", "global", "claude-opus-4-6")
    (before,) = GenaiPrices.on(dt.date(2026, 3, 12)).quotes(sku)
    (after,) = GenaiPrices.on(dt.date(2026, 3, 13)).quotes(sku)
    assert (sorted(before.bands), sorted(after.bands)) == ([0, 200_000], [0])


def test_litellms_floats_are_read_as_the_decimals_they_are_written_as(tmp_path: Path) -> None:
    found = litellm(tmp_path, **{"claude-opus-5-5": OPUS})
    (quote,) = found.quotes(Sku("anthropic", "global", "claude-opus-5-5"))
    assert quote.bands[0]["cache_read"] == Decimal("0.2")
    (quote,) = found.quotes(Sku("anthropic", "geo", "claude-opus-5-5", "standard", "fast"))
    assert quote.bands[0]["cache_read"] == Decimal("0.44")


def test_litellm_says_nothing_of_what_its_entry_has_no_field_for(tmp_path: Path) -> None:
    entry = {key: value for key, value in OPUS.items() if key != "provider_specific_entry"}
    found = litellm(tmp_path, **{"claude-opus-5-5": entry})
    assert found.quotes(Sku("anthropic", "geo", "claude-opus-5-5")) == ()
    assert found.quotes(Sku("anthropic", "global", "claude-opus-5-5", "standard", "fast")) == ()
    assert found.quotes(Sku("anthropic", "global", "claude-opus-5")) == ()
    (quote,) = found.quotes(Sku("anthropic", "global", "claude-opus-5-5", "batch"))
    assert quote.bands == {0: {"input": Decimal(2)}}


def test_a_threshold_of_the_other_processing_alone_is_not_guessed(tmp_path: Path) -> None:
    over = {"input_cost_per_token_above_100k_tokens": 2e-05}
    found = litellm(tmp_path, **{"claude-opus-5-5": OPUS | over})
    sku = Sku("anthropic", "global", "claude-opus-5-5", "batch")
    assert found.quotes(sku)[0].bands == {0: {"input": Decimal(2)}, 100_000: {}}
    ours = {0: {"input": Decimal(2)}, 100_000: {"input": Decimal(10)}}
    assert compare(sku, ours, found).differences == ()


def test_a_threshold_that_one_side_lacks_is_a_difference(tmp_path: Path) -> None:
    found = litellm(tmp_path, **{"claude-opus-5-5": OPUS})
    sku = Sku("anthropic", "global", "claude-opus-5-5")
    ours = {0: {"input": Decimal(4)}, 100_000: {"input": Decimal(20)}}
    (difference,) = [
        each for each in compare(sku, ours, found).differences if each.category == "input"
    ]
    assert difference.over == 100_000
    assert (difference.ours, difference.theirs) == (Decimal(20), Decimal(4))
    # Nor does a price that we do not have at all count as agreement.
    assert {each.category for each in compare(sku, ours, found).differences} > {"input", "output"}


def test_entries_that_ask_the_same_are_told_together(tmp_path: Path) -> None:
    entries = {f"{each}.anthropic.claude-opus-5-5": OPUS for each in ("us", "eu")}
    found = litellm(tmp_path, **entries)
    finding = compare(Sku("bedrock", "geo", "claude-opus-5-5"), {0: {"input": Decimal(5)}}, found)
    assert finding.ids == tuple(entries)
    assert finding.differences[0].ids == tuple(entries)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("{", "is no JSON"),
        ("[]", "has no entries of Claude models"),
        ('{"gpt-6": {}}', "has no entries of Claude models"),
        ('{"claude-opus-5-5": 3}', "has no entries of Claude models"),
    ],
)
def test_a_file_that_is_no_map_is_named(tmp_path: Path, text: str, what: str) -> None:
    path = tmp_path / "map.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match=what) as caught:
        LitellmMap.read(path)
    assert str(path) in str(caught.value)
    assert "model_prices_and_context_window_backup.json" in str(caught.value)


@pytest.mark.parametrize("value", ["4", True, -1, [4], float("nan")])
def test_a_price_that_is_none_is_named(tmp_path: Path, value: object) -> None:
    found = litellm(tmp_path, **{"claude-opus-5-5": OPUS | {"input_cost_per_token": value}})
    with pytest.raises(ConfigError, match="claude-opus-5-5: input_cost_per_token is no price"):
        found.quotes(Sku("anthropic", "global", "claude-opus-5-5"))
