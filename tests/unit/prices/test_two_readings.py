"""Where what is told can be read in two ways, the bounds of a cost hold both."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.prices import shipped
from gateway.prices.cost import Cost, Sizes
from tests.unit.prices.books import HEAD, MICRO, OPUS, asked, book, contract, row, used

REFUSED = {"input_tokens": 412, "output_tokens": 0}
WRITTEN = {"input_tokens": 10, "output_tokens": 10, "cache_creation_input_tokens": 100}
REDEEMED = {"fallback_credit": {"status": {"type": "redeemed"}}}
TOKENS = st.integers(0, 50_000)


def ends(cost: Cost) -> tuple[int | None, int | None, int | None]:
    """Return the least, the best guess and the most, in microdollars."""
    found = (cost.low_pico, cost.net_pico, cost.high_pico)
    low, net, high = (None if each is None else each // MICRO for each in found)
    return low, net, high


def split(five_minutes: int, hour: int) -> dict[str, Any]:
    counts = {"ephemeral_5m_input_tokens": five_minutes, "ephemeral_1h_input_tokens": hour}
    return {"cache_creation": counts, "cache_creation_input_tokens": five_minutes + hour}


def test_what_is_told_in_one_way_is_exact() -> None:
    cost = shipped().cost(used(WRITTEN, **split(60, 40)), asked())
    assert ends(cost) == (860, 860, 860)


def test_writes_of_unknown_time_may_be_of_an_hour() -> None:
    assert ends(shipped().cost(used(WRITTEN), asked())) == (740, 740, 1040)
    some = used(WRITTEN, cache_creation={"ephemeral_1h_input_tokens": 60})
    assert ends(shipped().cost(some, asked())) == (920, 920, 1040)


def test_where_writes_of_an_hour_have_no_price_nothing_bounds_what_may_be_one() -> None:
    cost = book(HEAD + row(cache_write_1h=None)).cost(used(WRITTEN), asked())
    assert ends(cost) == (740, 740, None)


def test_a_redeemed_credit_may_have_billed_all_writes_as_reads() -> None:
    cost = shipped().cost(used(WRITTEN, **split(60, 40), **REDEEMED), asked())
    assert ends(cost) == (260, 860, 860)
    both = shipped().cost(used(WRITTEN, **REDEEMED), asked())
    assert ends(both) == (260, 740, 1040)


def test_a_refusal_that_is_not_surely_waived_may_be_free() -> None:
    prices = book(HEAD + row())
    assert ends(prices.cost(used(REFUSED), asked(stop_reason="refusal"))) == (0, 1648, 1648)
    written = used(WRITTEN, output_tokens=0)
    assert ends(prices.cost(written, asked(stop_reason="refusal"))) == (0, 540, 840)
    credited = used(WRITTEN, output_tokens=0, **REDEEMED)
    assert ends(prices.cost(credited, asked(stop_reason="refusal"))) == (0, 540, 840)


def test_in_a_chain_only_the_last_refusal_is_in_doubt() -> None:
    run = {"type": "message", "input_tokens": 100, "output_tokens": 5}
    last = {"type": "fallback_message", "model": "claude-sonnet-5-5", **REFUSED}
    usage = used(input_tokens=100, output_tokens=0, iterations=[{**run, "model": OPUS}, last])
    prices = book(HEAD + row() + row("claude-sonnet-5-5"))
    assert ends(prices.cost(usage, asked(stop_reason="refusal"))) == (500, 2148, 2148)


def test_searches_of_a_refusal_are_billed_either_way() -> None:
    usage = used(REFUSED, server_tool_use={"web_search_requests": 2})
    prices = book(f'web_search = "0.01"\n{HEAD}{row()}')
    assert ends(prices.cost(usage, asked(stop_reason="refusal"))) == (20_000, 21_648, 21_648)


def test_a_refusal_that_is_waived_or_billed_for_sure_is_exact() -> None:
    assert ends(shipped().cost(used(REFUSED), asked(stop_reason="refusal"))) == (0, 0, 0)
    sure = asked(stop_reason="refusal", refusal_category="bio")
    assert ends(book(HEAD + row()).cost(used(REFUSED), sure)) == (1648, 1648, 1648)


def test_what_another_pays_is_nothing_either_way() -> None:
    for usage in (used(WRITTEN, **REDEEMED), used(REFUSED)):
        assert ends(book(HEAD + row()).cost(usage, asked(paid_by_other=True))) == (0, 0, 0)


def test_what_has_no_price_has_no_bounds() -> None:
    assert ends(shipped().cost(used(WRITTEN), asked("claude-x"))) == (None, None, None)


@pytest.mark.parametrize("multiplier", ["1", "0.5"])
@given(st.tuples(TOKENS, TOKENS, TOKENS), st.integers(0, 100), st.booleans())
def test_every_way_to_bill_is_within_the_bounds(
    multiplier: str, tokens: tuple[int, int, int], hour_percent: int, credited: bool
) -> None:
    """The bill splits the writes as it likes; where there is a credit it reads them instead."""
    fresh, written, read = tokens
    prices = book(HEAD + row(), contract(multiplier, platforms=["anthropic"]))
    counts = {"input_tokens": fresh, "output_tokens": 7, "cache_read_input_tokens": read}
    told = used(counts, cache_creation_input_tokens=written, **(REDEEMED if credited else {}))
    cost = prices.cost(told, asked())
    hour = written * hour_percent // 100
    bills = [prices.cost(used(counts, **split(written - hour, hour)), asked())]
    if credited:
        reread = used({**counts, "cache_read_input_tokens": read + written})
        bills.append(prices.cost(reread, asked()))
    for bill in bills:
        assert bill.net_pico == bill.low_pico == bill.high_pico
        assert (cost.low_pico or 0) <= (bill.net_pico or 0) <= (cost.high_pico or 0)
    assert (cost.low_pico or 0) <= (cost.net_pico or 0) <= (cost.high_pico or 0)


def test_the_bounds_of_a_broken_answer_hold_both_readings() -> None:
    told = used(WRITTEN)
    bounds = shipped().bounds(Sizes(body_bytes=10, max_tokens=20), told, asked())
    assert bounds is not None
    assert (bounds.low_pico, bounds.high_pico) == (740 * MICRO, 1240 * MICRO)
