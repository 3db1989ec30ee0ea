"""Bounds of attempts whose last count never came: they hold, and what is known narrows them."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.prices import shipped
from gateway.prices.bounds import ADDED_TOKENS
from gateway.prices.cost import Bounds, Context, Sizes
from gateway.usage import Usage
from tests.unit.prices.books import (
    HAIKU,
    HEAD,
    MICRO,
    OPUS,
    SONNET,
    asked,
    book,
    contract,
    row,
    used,
)


def bounds(sizes: Sizes, usage: Usage | None, context: Context) -> Bounds:
    found = shipped().bounds(sizes, usage, context)
    assert found is not None
    return found


def test_of_an_attempt_that_told_nothing_the_most_is_the_body_and_max_tokens() -> None:
    found = bounds(Sizes(body_bytes=904, max_tokens=1000, speed="standard"), None, asked())
    # 5000 tokens written for an hour in the US, at 8.8, and 1000 of output, at 22.
    assert (found.low_pico, found.high_pico) == (0, (44_000 + 22_000) * MICRO)
    # 302 tokens, and the root of 1 x 1000.
    assert found.estimate_pico == (302 * 4 + 31 * 20) * MICRO


def test_where_nobody_knows_the_speed_it_may_have_been_the_dearest() -> None:
    usual = bounds(Sizes(body_bytes=904, max_tokens=1000, speed="standard"), None, asked())
    for speed in (None, "fast"):
        sizes = Sizes(body_bytes=904, max_tokens=1000, speed=speed)
        assert bounds(sizes, None, asked()).high_pico == 2 * (usual.high_pico or 0)


def test_a_platform_that_tells_no_geography_is_bounded_by_the_upstreams_own() -> None:
    context = asked(platform="bedrock", scope="global")
    found = bounds(Sizes(body_bytes=904, max_tokens=1000), None, context)
    assert found.high_pico == (40_000 + 20_000) * MICRO


def test_the_models_window_and_output_bound_what_nothing_else_does() -> None:
    context = asked(platform="bedrock")
    found = bounds(Sizes(body_bytes=32 << 20), None, context)
    assert found.high_pico == (1_000_000 * 8 + 128_000 * 20) * MICRO
    least = bounds(Sizes(body_bytes=32 << 20, max_tokens=10**9), None, context)
    assert least.high_pico == found.high_pico


def test_what_was_told_of_the_input_is_exact() -> None:
    usage = used(
        input_tokens=1000, output_tokens=2, cache_read_input_tokens=5000, inference_geo="global"
    )
    found = bounds(Sizes(body_bytes=10**6, max_tokens=100), usage, asked())
    assert found.low_pico == (4000 + 1000 + 40) * MICRO
    assert found.high_pico == (4000 + 1000 + 2000) * MICRO
    assert found.estimate_pico == (4000 + 1000 + 14 * 20) * MICRO


def test_a_last_count_over_max_tokens_is_believed() -> None:
    usage = used(input_tokens=1000, output_tokens=500)
    found = bounds(Sizes(body_bytes=10, max_tokens=100), usage, asked())
    assert (found.low_pico, found.high_pico) == (14_000 * MICRO, 14_000 * MICRO)


def test_runs_that_were_told_are_exact_and_the_rest_is_the_last_executors() -> None:
    runs = [
        {"type": "message", "input_tokens": 100, "output_tokens": 10},
        {"type": "advisor_message", "model": OPUS, "input_tokens": 100, "output_tokens": 1000},
        {"type": "message", "input_tokens": 200, "output_tokens": 5},
    ]
    usage = used(input_tokens=100, output_tokens=15, iterations=runs)
    found = bounds(Sizes(body_bytes=10, max_tokens=100), usage, asked(SONNET))
    low = 200 + 100 + 400 + 20_000 + 400 + 50
    assert (found.low_pico, found.high_pico) == (low * MICRO, (low + 850) * MICRO)


def test_the_dearer_price_of_large_prompts_is_within_the_bounds() -> None:
    sizes = Sizes(body_bytes=200_000, max_tokens=1, speed="standard")
    found = bounds(sizes, None, asked(HAIKU, platform="bedrock"))
    assert found.high_pico == 204_096 * MICRO + 2_500_000


@pytest.mark.parametrize(("prompt", "rate"), [(100_000, 200_000), (100_001, 1_000_000)])
def test_the_threshold_is_met_to_the_token(prompt: int, rate: int) -> None:
    sizes = Sizes(body_bytes=prompt - ADDED_TOKENS, max_tokens=0)
    assert bounds(sizes, None, asked(HAIKU, platform="bedrock")).high_pico == prompt * rate


def test_output_that_was_told_alone_is_the_least() -> None:
    found = bounds(Sizes(body_bytes=904, max_tokens=1000), used(output_tokens=100), asked())
    assert found.low_pico == 2000 * MICRO
    less = bounds(Sizes(body_bytes=904, max_tokens=10), used(output_tokens=100), asked())
    assert less.high_pico == (2 * 44_000 + 100 * 44) * MICRO


def test_what_another_pays_costs_nothing_either_way() -> None:
    context = asked(paid_by_other=True)
    nothing = Bounds(low_pico=0, estimate_pico=0, high_pico=0)
    assert bounds(Sizes(body_bytes=9), None, context) == nothing
    for server_tools in (False, True):
        sizes = Sizes(body_bytes=9, max_tokens=4, server_tools=server_tools)
        found = bounds(sizes, used(input_tokens=5), context)
        assert (found.low_pico, found.estimate_pico, found.high_pico) == (0, 0, 0)
        assert found.list_pico == (20 + 2 * 20) * MICRO


def test_what_stands_elsewhere_is_bounded_by_the_window() -> None:
    sizes = Sizes(body_bytes=904, max_tokens=1000, speed="standard", documents=True)
    found = bounds(sizes, None, asked(platform="bedrock"))
    assert found.high_pico == (1_000_000 * 8 + 20_000) * MICRO
    told = bounds(sizes, used(input_tokens=1000, output_tokens=0), asked(platform="bedrock"))
    assert told.high_pico == (4000 + 20_000) * MICRO


@pytest.mark.parametrize("usage", [None, {"input_tokens": 1000, "output_tokens": 2}])
def test_where_the_platform_may_run_more_there_is_no_most(usage: dict[str, Any] | None) -> None:
    told = None if usage is None else used(usage)
    usual = bounds(Sizes(body_bytes=904, max_tokens=1000), told, asked())
    found = bounds(Sizes(body_bytes=904, max_tokens=1000, server_tools=True), told, asked())
    assert found.high_pico is None
    assert (found.low_pico, found.estimate_pico) == (usual.low_pico, usual.estimate_pico)


def test_bounds_name_the_prices_they_rest_on() -> None:
    prices = shipped()
    for told, rows in ((used(input_tokens=9), 1), (None, 4)):
        found = prices.bounds(Sizes(body_bytes=904, max_tokens=9), told, asked())
        assert found is not None
        assert len(json.loads(prices.told(found.digest) or "")) == rows


def test_the_best_guess_has_a_list_price_where_the_answer_began() -> None:
    own = contract("0.5", platforms=["anthropic"])
    prices = book(HEAD + row(), own)
    found = prices.bounds(Sizes(body_bytes=904, max_tokens=1), used(input_tokens=100), asked())
    assert found is not None
    assert found.list_pico == 2 * found.estimate_pico == (400 + 20) * MICRO
    nothing = prices.bounds(Sizes(body_bytes=904, max_tokens=1), None, asked())
    assert nothing is not None
    assert nothing.list_pico is None


def test_a_contract_lowers_the_bounds() -> None:
    own = contract("0.5", platforms=["anthropic"])
    found = book(HEAD + row(), own).bounds(Sizes(body_bytes=904, max_tokens=1000), None, asked())
    assert found is not None
    assert found.high_pico == (20_000 + 10_000) * MICRO


@pytest.mark.parametrize(
    ("usage", "context"),
    [
        (None, {"model": "claude-x"}),
        (None, {"scope": None}),
        (None, {"platform": "elsewhere"}),
        ({"input_tokens": 5, "speed": "turbo"}, {}),
        ({"output_tokens": 5, "service_tier": "flex"}, {}),
        ({"input_tokens": 5, "inference_geo": "mars"}, {}),
    ],
)
def test_without_a_price_there_are_no_bounds(
    usage: dict[str, Any] | None, context: dict[str, Any]
) -> None:
    told = None if usage is None else used(usage)
    assert shipped().bounds(Sizes(body_bytes=9), told, asked(**context)) is None


@st.composite
def attempts(draw: st.DrawFn) -> tuple[Sizes, dict[str, Any], Context, int]:
    """An attempt, all that it used in the end, and how much of its output was told at first."""
    body = draw(st.integers(0, 400_000))
    window = body + ADDED_TOKENS
    prompt = draw(st.integers(0, min(window, 1_000_000)))
    read = draw(st.integers(0, prompt))
    hour = draw(st.integers(0, prompt - read))
    asks = draw(st.integers(1, 128_000))
    output = draw(st.integers(1, asks))
    model = draw(st.sampled_from([OPUS, SONNET, HAIKU]))
    platform = draw(st.sampled_from(["anthropic", "bedrock", "vertex"]))
    tells = platform == "anthropic"
    usage = {
        "input_tokens": prompt - read - hour,
        "cache_read_input_tokens": read,
        "cache_creation_input_tokens": hour,
        "cache_creation": {"ephemeral_1h_input_tokens": hour, "ephemeral_5m_input_tokens": 0},
        "inference_geo": draw(st.sampled_from([None, "us", "global"])) if tells else None,
        "speed": draw(st.sampled_from([None, "standard"] + ["fast"] * (tells and model == OPUS))),
        "output_tokens": output,
    }
    sizes = Sizes(body_bytes=body, max_tokens=asks)
    return sizes, usage, asked(model, platform=platform), draw(st.integers(0, output))


@given(attempts())
def test_the_bill_is_within_the_bounds_and_more_known_never_widens_them(
    attempt: tuple[Sizes, dict[str, Any], Context, int],
) -> None:
    sizes, usage, context, begun = attempt
    bill = shipped().cost(used(usage), context).net_pico
    assert bill is not None
    stages = [
        bounds(Sizes(body_bytes=sizes.body_bytes), None, context),
        bounds(sizes, None, context),
        bounds(sizes, used(output_tokens=begun), context),
        bounds(sizes, used({**usage, "output_tokens": begun}), context),
        bounds(sizes, used(usage), context),
    ]
    highs = [each.high_pico or 0 for each in stages]
    for each, high in zip(stages, highs, strict=True):
        assert each.low_pico <= each.estimate_pico <= high
        assert each.low_pico <= bill <= high
    for less, more in pairwise(stages):
        assert less.low_pico <= more.low_pico
    assert highs == sorted(highs, reverse=True)
