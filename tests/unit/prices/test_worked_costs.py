"""Costs worked out by hand from the price pages, against the book that is shipped."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.money import usd
from gateway.prices import shipped
from tests.unit.prices.books import (
    HAIKU,
    HEAD,
    MICRO,
    OPUS,
    SONNET,
    asked,
    at,
    book,
    contract,
    row,
    used,
)

NO_CACHE = {"cache_read_input_tokens": 0, "cache_creation_input_tokens": 0}
ADVISOR: dict[str, Any] = {
    "input_tokens": 412,
    "output_tokens": 531,
    **NO_CACHE,
    "iterations": [
        {"type": "message", "input_tokens": 412, "output_tokens": 89, **NO_CACHE},
        {
            "type": "advisor_message",
            "model": OPUS,
            "input_tokens": 823,
            "output_tokens": 1612,
            **NO_CACHE,
        },
        {
            "type": "message",
            "input_tokens": 1348,
            "output_tokens": 442,
            "cache_read_input_tokens": 412,
            "cache_creation_input_tokens": 0,
        },
    ],
}
"""The example of the advisor tool's documentation, with an Opus 5.5 as the advisor."""


def test_the_advisor_is_billed_by_its_own_price() -> None:
    cost = shipped().cost(used(ADVISOR), asked(SONNET))
    assert cost.net_pico == cost.list_pico == 44_403_200_000
    assert cost.top_level_pico == 6_134 * MICRO
    assert (cost.unpriced, cost.flags) == ((), ())
    assert usd(cost.net_pico) == "0.0444032"
    assert [(line.run, line.model, line.category, line.quantity) for line in cost.lines] == [
        ("message", SONNET, "input", 412),
        ("message", SONNET, "output", 89),
        ("advisor_message", OPUS, "input", 823),
        ("advisor_message", OPUS, "output", 1612),
        ("message", SONNET, "input", 1348),
        ("message", SONNET, "cache_read", 412),
        ("message", SONNET, "output", 442),
    ]


def test_all_tokens_at_the_executors_price_would_be_another_sum() -> None:
    runs = ADVISOR["iterations"]
    total = {
        name: sum(run[name] for run in runs)
        for name in ("input_tokens", "output_tokens", "cache_read_input_tokens")
    }
    cost = shipped().cost(used(total), asked(SONNET))
    assert cost.net_pico is not None
    assert cost.net_pico // MICRO == 26_637


@pytest.mark.parametrize(
    ("prompt", "pico"),
    [
        (99_999, 9_999_900_000),
        (100_000, 10_000_000_000),
        (100_001, 50_000_500_000),
    ],
)
@pytest.mark.parametrize("split", ["input_tokens", "cache_read_input_tokens"])
def test_over_100_000_tokens_every_token_of_haiku_costs_five_times_as_much(
    prompt: int, pico: int, split: str
) -> None:
    cost = shipped().cost(used({"input_tokens": 0, split: prompt}, output_tokens=0), asked(HAIKU))
    # What is read from the cache is a part of the prompt, at a tenth of the price.
    assert cost.net_pico == (pico if split == "input_tokens" else pico // 10)


def test_the_threshold_counts_the_prompt_of_each_run() -> None:
    one = {"type": "message", "input_tokens": 60_000, "output_tokens": 1000, **NO_CACHE}
    cost = shipped().cost(
        used(input_tokens=60_000, output_tokens=2000, iterations=[one, one]), asked(HAIKU)
    )
    assert cost.net_pico == 2 * (6_000 * MICRO + 500 * MICRO)


def test_a_batch_halves_writes_for_an_hour_too() -> None:
    usage = {
        "input_tokens": 1000,
        "output_tokens": 100,
        "cache_creation_input_tokens": 3000,
        "cache_creation": {"ephemeral_5m_input_tokens": 1000, "ephemeral_1h_input_tokens": 2000},
        "cache_read_input_tokens": 500,
    }
    told = shipped().cost(used(usage, service_tier="batch"), asked())
    known = shipped().cost(used(usage), asked(processing="batch"))
    micro = 2000 + 1000 + 2500 + 8000 + 50
    assert told.net_pico == known.net_pico == micro * MICRO
    assert told.flags == ()


def test_geography_fast_mode_and_the_cache_stack() -> None:
    usage = used(
        input_tokens=0,
        output_tokens=0,
        cache_read_input_tokens=1_000_000,
        speed="fast",
        inference_geo="us",
    )
    cost = shipped().cost(usage, asked())
    assert cost.net_pico is not None
    assert usd(cost.net_pico) == "0.44"
    assert [line.rate.as_tuple().digits for line in cost.lines] == [(4, 4)]


REFUSED = {"input_tokens": 412, "output_tokens": 0, **NO_CACHE}


def test_a_refusal_without_output_is_not_billed() -> None:
    cost = shipped().cost(used(REFUSED), asked(stop_reason="refusal"))
    assert (cost.list_pico, cost.net_pico, cost.uncached_pico) == (0, 0, 0)
    assert [(line.quantity, line.billable) for line in cost.lines] == [(412, False)]
    assert cost.flags == ("waived_refusal",)
    answered = shipped().cost(used(REFUSED), asked(stop_reason="end_turn"))
    assert answered.net_pico == 1648 * MICRO


def test_a_refusal_with_output_is_billed() -> None:
    cost = shipped().cost(used({**REFUSED, "output_tokens": 1}), asked(stop_reason="refusal"))
    assert (cost.net_pico, cost.flags) == (1668 * MICRO, ())


@pytest.mark.parametrize(
    ("category", "moment", "billed"),
    [
        ("bio", "2026-11-22", True),
        ("frontier_llm", "2026-09-24", True),
        ("reasoning_extraction", "2026-11-22", True),
        ("cyber", "2026-11-22", False),
        ("general_harms", "2026-11-22", False),
        (None, "2026-11-22", False),
        ("bio", "2026-09-23", False),
    ],
)
def test_some_categories_are_billed_without_output(
    category: str | None, moment: str, *, billed: bool
) -> None:
    prices = book(f"waives_empty_refusals = true\n{HEAD}{row()}")
    cost = prices.cost(
        used(REFUSED), asked(stop_reason="refusal", refusal_category=category, at_s=at(moment))
    )
    assert cost.net_pico == (1648 * MICRO if billed else 0)


def test_where_nobody_says_that_it_is_free_a_refusal_is_priced_and_flagged() -> None:
    cost = book(HEAD + row()).cost(used(REFUSED), asked(stop_reason="refusal"))
    assert (cost.net_pico, cost.flags) == (1648 * MICRO, ("empty_refusal",))


def hop(kind: str, model: str | None, output: int, tokens: int = 1000) -> dict[str, Any]:
    named = {} if model is None else {"model": model}
    return {"type": kind, **named, "input_tokens": tokens, "output_tokens": output, **NO_CACHE}


def test_in_a_fallback_chain_each_hop_has_its_own_price() -> None:
    chain = [
        hop("message", OPUS, 0),  # Declined before any output: free.
        hop("message", SONNET, 100),  # Declined on the way: 2000 + 1000.
        hop("message", HAIKU, 50),  # The serving model's tool loop: 100 + 25.
        hop("fallback_message", HAIKU, 200),  # 100 + 100.
    ]
    usage = used(input_tokens=1000, output_tokens=250, iterations=chain)
    cost = shipped().cost(usage, asked(OPUS, served=HAIKU))
    assert cost.net_pico == (3000 + 125 + 200) * MICRO
    assert cost.flags == ("declined_hop",)
    assert [line.model for line in cost.lines if not line.billable] == [OPUS]


def test_when_every_hop_declines_all_are_free() -> None:
    chain = [hop("message", OPUS, 0), hop("message", SONNET, 0)]
    usage = used(input_tokens=1000, output_tokens=0, iterations=chain)
    cost = shipped().cost(usage, asked(OPUS, served=SONNET, stop_reason="refusal"))
    assert (cost.net_pico, cost.flags) == (0, ("declined_hop", "waived_refusal"))


def test_a_declined_attempt_that_made_output_before_is_billed_whole() -> None:
    chain = [
        hop("message", OPUS, 40),
        hop("compaction", None, 5),
        hop("message", OPUS, 0),
        hop("fallback_message", SONNET, 10),
    ]
    usage = used(input_tokens=1000, output_tokens=10, iterations=chain)
    cost = shipped().cost(usage, asked(OPUS, served=SONNET))
    assert cost.net_pico == (4800 + 4100 + 4000 + 2100) * MICRO
    assert cost.flags == ()


def test_a_compaction_is_priced_as_the_model_asked_for() -> None:
    usage = used(
        input_tokens=10,
        output_tokens=1,
        iterations=[hop("compaction", None, 300), hop("message", None, 1, 10)],
    )
    cost = shipped().cost(usage, asked(SONNET, served=OPUS))
    assert cost.net_pico == (2000 + 3000 + 40 + 20) * MICRO
    assert cost.top_level_pico == 60 * MICRO


def test_the_price_changes_at_midnight_utc_by_the_start_of_the_request() -> None:
    prices = book(
        HEAD
        + row(cache_read="0.2", effective_until="X", source="before").replace('"X"', "2026-10-07")
        + row(cache_read="0.1", effective_from="X", source="after").replace('"X"', "2026-10-07")
    )
    usage = used(input_tokens=0, output_tokens=0, cache_read_input_tokens=1_000_000)

    def then(moment: str) -> tuple[int | None, str]:
        cost = prices.cost(usage, asked(at_s=at(moment)))
        return cost.net_pico, cost.lines[0].source

    assert then("2026-10-06T23:59:59.999") == (200_000 * MICRO, "before")
    assert then("2026-10-07T00:00:00") == (100_000 * MICRO, "after")
    late = prices.cost(usage, asked(at_s=at("2025-12-31T23:59:59")))
    assert late.net_pico is None


@pytest.mark.parametrize(
    ("usage", "context", "reason"),
    [
        ({}, {"model": "claude-opus-4-60"}, "claude-opus-4-60"),
        ({}, {"served": "claude-opus-9"}, "claude-opus-9"),
        ({}, {"platform": "foundation"}, "foundation"),
        ({}, {"scope": None}, "scope"),
        ({}, {"scope": ""}, "scope"),
        ({}, {"scope": "government"}, "government"),
        ({"speed": "turbo"}, {}, "speed turbo"),
        ({"service_tier": "flex"}, {}, "service_tier flex"),
        ({"inference_geo": "mars"}, {}, "inference_geo mars"),
        ({"speed": "fast", "service_tier": "batch"}, {}, "batch, speed fast"),
        ({"output_tokens": None}, {}, "output_tokens"),
        ({"output_tokens": True}, {}, "output_tokens is not an integer"),
        ({"cache_read_input_tokens": -1}, {}, "cache_read_input_tokens is negative"),
        ({"speed": 1}, {}, "speed is not text"),
        ({"server_tool_use": []}, {}, "server_tool_use is not an object"),
        ({"iterations": "many"}, {}, "iterations is not a list"),
        ({"iterations": [7]}, {}, "iterations.0 is not an object"),
        ({f"{name:03d}": 2**60 for name in range(40)}, {}, "more is wrong with the usage"),
        ({"iterations": [hop("advisor_message", "claude-x", 1)]}, {}, "claude-x"),
        ({"input_tokens": 2**53, "output_tokens": 2**53}, {}, "more than a row"),
        ({"input_tokens": 2**53}, {"paid_by_other": True}, "more than a row"),
    ],
)
def test_what_the_book_does_not_know_has_no_price(
    usage: dict[str, Any], context: dict[str, Any], reason: str
) -> None:
    counts = {"input_tokens": 10, "output_tokens": 10}
    cost = shipped().cost(used(counts | usage), asked(**context))
    assert (cost.list_pico, cost.net_pico, cost.uncached_pico) == (None, None, None)
    assert any(reason in why for why in cost.unpriced), cost.unpriced


def test_a_category_without_a_rate_has_no_price() -> None:
    prices = book(HEAD + row(cache_write_1h=None))
    split = {"ephemeral_1h_input_tokens": 5}
    usage = used(
        input_tokens=1, output_tokens=1, cache_creation_input_tokens=5, cache_creation=split
    )
    cost = prices.cost(usage, asked())
    assert cost.net_pico is None
    assert cost.unpriced == (f"cache_write_1h has no price in anthropic/{OPUS}/global@2026-01-01",)


def test_a_flawed_count_that_another_report_told_is_priced() -> None:
    flawed = used(input_tokens=10, output_tokens="7")
    cost = shipped().cost(type(flawed).merge(flawed, used(output_tokens=7)), asked())
    assert cost.net_pico == (40 + 140) * MICRO


@pytest.mark.parametrize(
    ("split", "pico", "flags"),
    [
        (None, 5 * 100, ("assumed_ttl",)),
        ({"ephemeral_5m_input_tokens": 100, "ephemeral_1h_input_tokens": 0}, 5 * 100, ()),
        ({"ephemeral_1h_input_tokens": 60}, 5 * 40 + 8 * 60, ("assumed_ttl",)),
        (
            {"ephemeral_5m_input_tokens": 20, "ephemeral_1h_input_tokens": 60},
            5 * 40 + 8 * 60,
            ("assumed_ttl",),
        ),
        (
            {"ephemeral_5m_input_tokens": 60, "ephemeral_1h_input_tokens": 60},
            5 * 60 + 8 * 60,
            ("cache_writes_differ",),
        ),
    ],
)
def test_writes_of_unknown_time_to_live_are_taken_for_those_of_5_minutes(
    split: dict[str, int] | None, pico: int, flags: tuple[str, ...]
) -> None:
    usage = used(
        input_tokens=0, output_tokens=0, cache_creation_input_tokens=100, cache_creation=split
    )
    cost = shipped().cost(usage, asked())
    assert (cost.net_pico, cost.flags) == (pico * MICRO, flags)


def test_web_searches_are_counted_once_beside_the_runs() -> None:
    searched = {**ADVISOR, "server_tool_use": {"web_search_requests": 3}}
    cost = shipped().cost(used(searched), asked(SONNET))
    assert cost.net_pico == 44_403_200_000 + 30_000 * MICRO
    assert cost.top_level_pico == 36_134 * MICRO
    # Without a cache the 412 tokens would cost 2 and not 0.1.
    assert cost.uncached_pico == cost.net_pico + 412 * 1_900_000
    line = cost.lines[-1]
    assert (line.category, line.quantity, str(line.rate)) == ("web_search", 3, "0.01")


def test_a_platform_without_web_search_has_no_price_for_one() -> None:
    usage = used(input_tokens=1, output_tokens=1, server_tool_use={"web_search_requests": 1})
    cost = shipped().cost(usage, asked(platform="bedrock"))
    assert cost.unpriced == ("a web search has no price on bedrock",)


def test_without_a_cache_all_input_would_cost_the_same() -> None:
    usage = used(
        input_tokens=100,
        output_tokens=10,
        cache_read_input_tokens=10_000,
        cache_creation_input_tokens=1000,
        cache_creation={"ephemeral_1h_input_tokens": 1000},
    )
    cost = shipped().cost(usage, asked())
    assert cost.net_pico == (400 + 200 + 2000 + 8000) * MICRO
    assert cost.uncached_pico == (4 * 11_100 + 200) * MICRO


def test_what_another_pays_has_a_list_price_and_costs_nothing() -> None:
    cost = shipped().cost(used(ADVISOR), asked(SONNET, paid_by_other=True))
    assert (cost.list_pico, cost.net_pico, cost.uncached_pico) == (44_403_200_000, 0, 0)
    assert all(line.net_pico == 0 for line in cost.lines)


def test_the_answer_says_where_it_ran_and_the_upstream_where_it_does_not() -> None:
    usage = {"input_tokens": 1_000_000, "output_tokens": 0}

    def dollars(geo: str | None, scope: str) -> str:
        found = shipped().cost(used(usage, inference_geo=geo), asked(scope=scope)).net_pico
        return usd(found or 0)

    assert dollars("us", "global") == dollars(None, "geo") == "4.4"
    assert dollars("global", "geo") == dollars(None, "global") == "4"


def test_a_redeemed_fallback_credit_is_flagged() -> None:
    usage = {"input_tokens": 1, "output_tokens": 1}

    def flags(status: Any) -> tuple[str, ...]:
        return shipped().cost(used(usage, fallback_credit={"status": status}), asked()).flags

    assert flags({"type": "redeemed"}) == flags("redeemed") == ("estimated_high",)
    assert flags({"type": "not_applied", "reason": "expired"}) == ()


def test_runs_that_do_not_add_up_are_flagged() -> None:
    usage = used(
        input_tokens=10, output_tokens=99, iterations=[hop("message", None, 1), hop("odd", OPUS, 9)]
    )
    cost = shipped().cost(usage, asked())
    assert cost.flags == ("iterations_differ", "unknown_run")
    assert cost.net_pico == (4000 + 20 + 4000 + 180) * MICRO


def test_plain_runs_are_the_bill_only_where_the_configuration_says_so() -> None:
    runs = [hop("message", None, 1), hop("message", None, 2)]
    usage = used(input_tokens=1000, output_tokens=3, iterations=runs)
    always, mixed = book(HEAD + row()), book(HEAD + row(), iterations="when_mixed")
    assert always.cost(usage, asked()).net_pico == 8060 * MICRO
    assert always.cost(usage, asked()).top_level_pico == 4060 * MICRO
    assert mixed.cost(usage, asked()).net_pico == 4060 * MICRO
    advised = used(
        input_tokens=1000, output_tokens=3, iterations=[*runs, hop("compaction", None, 1)]
    )
    assert mixed.cost(advised, asked()).net_pico == (8060 + 4020) * MICRO


def test_a_tier_that_is_priced_like_the_usual_one_is_flagged() -> None:
    cost = shipped().cost(used(input_tokens=1, output_tokens=0, service_tier="priority"), asked())
    assert (cost.net_pico, cost.flags) == (4 * MICRO, ("tier_priority",))


def test_a_digest_stands_for_the_rows_and_contracts_that_were_used() -> None:
    plain, discounted = book(HEAD + row()), book(HEAD + row(), contract(platforms=["anthropic"]))
    usage = used(input_tokens=1, output_tokens=1)
    one, other = plain.cost(usage, asked()).digest, discounted.cost(usage, asked()).digest
    assert one != other
    assert plain.digest != discounted.digest
    assert plain.told(other) is None
    told = json.loads(discounted.told(other) or "")
    assert [each["row"]["id"] for each in told] == [f"anthropic/{OPUS}/global@2026-01-01"]
    assert told[0]["contract"]["multiplier"] == "0.82"
    assert book(HEAD + row()).cost(usage, asked()).digest == one
