"""The shipped prices: whole, well formed, and in the proportions that the platforms document."""

from __future__ import annotations

import datetime as dt
import re
import tomllib
from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import gateway
from gateway.prices.files import shipped_files
from gateway.prices.rows import PriceFile, PriceRow
from gateway.prices.witness import TOKENS, Sku, book
from gateway.prices.witness_check import newest
from providers import catalog, data_files

FILES = {each.name: each.prices for each in shipped_files()}
ROWS = [(name, row) for name, file in FILES.items() for row in file.rows]
DAY = newest(list(FILES.values()))
BOOK = book(FILES.values(), DAY)
FOLDER = Path(gateway.__file__).parent / "data" / "prices"
DECIMAL = re.compile(r"0|[1-9]\d*|(?:0|[1-9]\d*)\.\d*[1-9]")
FIRST = dt.date(2025, 9, 29)
"""The oldest of the models was released then."""
PARTNERS = ("bedrock", "bedrock_mantle", "vertex")
READ = {
    **dict.fromkeys(("claude-fable-5-2", "claude-mythos-5-2"), "0.025"),
    **dict.fromkeys(("claude-fable-5-1", "claude-mythos-5-1"), "0.025"),
    **dict.fromkeys(("claude-opus-5-5", "claude-sonnet-5-5"), "0.05"),
}
"""What a cache read costs of the input's price, where it is not a tenth."""


def in_force(platform: str, scope: str, model: str, *kind: str) -> dict[str, Decimal]:
    return dict(BOOK[Sku(platform, scope, model, *kind)][0])


def served(platform: str) -> dict[str, data_files.PlatformModelRow]:
    return data_files.read(platform, data_files.PlatformFile).models.rows


def test_every_model_has_a_price_somewhere() -> None:
    assert {row.model for _, row in ROWS} == {each.id for each in catalog.models()}


def test_what_the_claude_api_serves_has_prices_for_every_way_to_ask() -> None:
    geos = data_files.read("anthropic", data_files.PlatformFile).geos
    assert geos is not None
    for model in served("anthropic"):
        for scope in ["global", *(["geo"] if model in geos.models else [])]:
            for processing in ("standard", "batch"):
                assert Sku("anthropic", scope, model, processing) in BOOK
    assert not [
        sku for sku in BOOK if sku[:2] == ("anthropic", "geo") and sku[2] not in geos.models
    ]


def test_what_bedrock_serves_has_prices_for_each_of_its_profiles() -> None:
    scopes = {"global": "global", "us-gov": "government"}
    for model, row in served("bedrock").items():
        for profile in row.profiles:
            assert Sku("bedrock", scopes.get(profile, "geo"), model) in BOOK
        if row.in_region:
            assert Sku("bedrock", "government", model) in BOOK


def test_what_vertex_serves_has_prices_for_every_location() -> None:
    for model in served("vertex"):
        for scope in ("global", "geo", "in_region"):
            for processing in ("standard", "batch"):
                assert Sku("vertex", scope, model, processing) in BOOK


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.toml")), ids=lambda path: path.stem)
def test_no_number_is_a_float(path: Path) -> None:
    def values(of: Any) -> Iterator[Any]:
        inner = of.values() if isinstance(of, dict) else of if isinstance(of, list) else ()
        for each in inner:
            yield from values(each)
        yield of

    assert not [
        each for each in values(tomllib.loads(path.read_text("utf-8"))) if type(each) is float
    ]


def test_rates_are_decimal_text() -> None:
    for row in ROWS:
        rates = [getattr(row[1], each) for each in TOKENS]
        assert all(DECIMAL.fullmatch(text) and text != "0" for text in rates if text), row


def test_caches_have_a_price_wherever_they_are_sold() -> None:
    without = [
        (name, row.model, row.processing)
        for name, row in ROWS
        if None in (row.cache_write_5m, row.cache_write_1h, row.cache_read)
    ]
    batches = {("bedrock", model, "batch") for model in bedrock_batches()}
    # A rate of the past that no source tells.
    assert set(without) == batches | {("vertex", "claude-opus-4-6", "standard")}


def bedrock_batches() -> set[str]:
    return {sku.model for sku in BOOK if sku[0] == "bedrock" and sku.processing == "batch"}


def test_dates_are_sane() -> None:
    for _, row in ROWS:
        assert FIRST <= row.effective_from <= row.checked_on <= dt.date(2100, 1, 1), row
        assert row.effective_until is None or row.effective_until > row.effective_from, row


def test_periods_of_one_price_do_not_overlap() -> None:
    periods: dict[tuple[object, ...], list[PriceRow]] = {}
    for name, row in ROWS:
        key = (name, row.model, row.scope, row.processing, row.speed, row.over_input_tokens)
        periods.setdefault(key, []).append(row)
    assert any(len(rows) > 1 for rows in periods.values())
    for rows in periods.values():
        for one, later in pairwise(sorted(rows, key=lambda row: row.effective_from)):
            assert one.effective_until is not None, one
            assert one.effective_until <= later.effective_from, (one, later)


@pytest.mark.parametrize("file", FILES.values(), ids=FILES)
def test_each_source_is_told_once_and_used(file: PriceFile) -> None:
    assert {row.source for row in file.rows} == set(file.sources)


def test_models_stand_in_the_order_of_the_models_table() -> None:
    order = [each.id for each in catalog.models()]
    for file in FILES.values():
        places = [order.index(row.model) for row in file.rows]
        assert places == sorted(places)


@pytest.mark.parametrize(
    ("scope", "times"), [("geo", "1.1"), ("in_region", "1.1"), ("government", "1.2")]
)
def test_scopes_cost_what_is_documented(scope: str, times: str) -> None:
    held = 0
    for sku, bands in BOOK.items():
        wide = BOOK.get(sku._replace(scope="global"))
        if sku.scope == scope and wide is not None:
            assert tokens(bands) == tokens(wide, Decimal(times)), sku
            held += 1
    assert held >= 8


@pytest.mark.parametrize(
    ("kind", "times"), [(("batch", "standard"), "0.5"), (("standard", "fast"), "2")]
)
def test_batches_are_half_and_fast_is_twice(kind: tuple[str, str], times: str) -> None:
    skus = [sku for sku in BOOK if sku[3:] == kind]
    assert len(skus) >= 8
    for sku in skus:
        plain = tokens(BOOK[sku._replace(processing="standard", speed="standard")], Decimal(times))
        own = tokens(BOOK[sku])
        assert own == {key: plain[key] for key in own}, sku


def test_caches_cost_what_is_documented() -> None:
    for sku, bands in BOOK.items():
        for rates in bands.values():
            if "cache_read" not in rates:
                continue
            assert rates["cache_write_5m"] == rates["input"] * Decimal("1.25"), sku
            assert rates["cache_write_1h"] == rates["input"] * 2, sku
            assert rates["cache_read"] == rates["input"] * Decimal(READ.get(sku.model, "0.1")), sku


def test_haiku_5_5_costs_five_times_as_much_over_100_000_tokens_everywhere() -> None:
    skus = [sku for sku in BOOK if sku.model == "claude-haiku-5-5"]
    assert {sku.platform for sku in skus} == set(FILES) - {"google_cloud"}
    for sku in skus:
        bands = BOOK[sku]
        assert sorted(bands) == [0, 100_000], sku
        assert {key: rate * 5 for key, rate in bands[0].items() if key in TOKENS} == bands[100_000]


def test_the_price_of_one_row_as_everybody_knows_it() -> None:
    rates = in_force("anthropic", "geo", "claude-opus-5-5", "standard", "fast")
    assert rates["cache_read"] == Decimal("0.44")
    assert in_force("bedrock", "in_region", "claude-opus-5-5")["input"] == Decimal("4.4")
    assert in_force("bedrock", "government", "claude-opus-5-5")["output"] == Decimal(24)
    assert in_force("vertex", "global", "claude-opus-5-5", "batch")["input"] == Decimal(2)


@pytest.mark.parametrize(
    ("day", "read"), [(dt.date(2026, 10, 6), "0.2"), (dt.date(2026, 10, 7), "0.1")]
)
def test_sonnet_5_5s_cache_reads_became_cheaper_on_a_day(day: dt.date, read: str) -> None:
    then = book(FILES.values(), day)[Sku("anthropic", "global", "claude-sonnet-5-5")]
    assert then[0]["cache_read"] == Decimal(read)


@pytest.mark.parametrize(
    ("day", "sizes"), [(dt.date(2026, 3, 12), [0, 200_000]), (dt.date(2026, 3, 13), [0])]
)
def test_opus_4_6s_surcharge_ended_on_a_day(day: dt.date, sizes: list[int]) -> None:
    then = book(FILES.values(), day)[Sku("anthropic", "global", "claude-opus-4-6")]
    assert sorted(then) == sizes


def test_what_partners_asked_before_a_change_is_not_made_up() -> None:
    early = book(FILES.values(), dt.date(2026, 10, 6))
    for platform in PARTNERS:
        assert not [sku for sku in early if sku[0] == platform and sku.model == "claude-sonnet-5-5"]


def tokens(bands: Any, times: Decimal = Decimal(1)) -> dict[tuple[int, str], Decimal]:
    return {
        (over, key): rate * times
        for over, rates in bands.items()
        for key, rate in rates.items()
        if key in TOKENS
    }
