"""What pricing comes to is what an oracle comes to that was written apart."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal, localcontext
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gateway.money import pico
from gateway.prices.amounts import amount, ratio
from tests.unit.prices import oracle
from tests.unit.prices.books import HAIKU, HEAD, OPUS, SONNET, asked, at, book, contract, row, used

MODELS = st.sampled_from([OPUS, SONNET, HAIKU])
COUNT = st.one_of(st.just(0), st.integers(0, 30), st.integers(0, 2_000_000))
RATES = ("input", "output", "cache_write_5m", "cache_write_1h", "cache_read")
GEOS = 'geo_scopes = { us = "geo", global = "global" }\nwaives_empty_refusals = true\n'
CHANGE = dt.date(2026, 7, 1)
Rows = list[dict[str, Any]]


@st.composite
def price(draw: st.DrawFn) -> str:
    whole = draw(st.integers(0, 200))
    places = draw(st.integers(0, 9))
    return f"{whole}.{draw(st.integers(0, 10**places - 1)):0{places}d}" if places else str(whole)


@st.composite
def rates(draw: st.DrawFn) -> dict[str, str | None]:
    found: dict[str, str | None] = {name: draw(price()) for name in RATES}
    for name in RATES[2:]:
        if draw(st.integers(0, 9)) == 0:
            found[name] = None
    return found


@st.composite
def price_rows(draw: st.DrawFn) -> Rows:
    """Rows of two scopes and speeds; some change in July, some are dearer for large prompts."""
    found: Rows = []
    for model in (OPUS, SONNET, HAIKU):
        for scope in ("global", "geo"):
            for speed in ("standard", "fast"):
                if draw(st.integers(0, 7)) == 0:
                    continue
                sizes = [None, *draw(st.lists(st.integers(1, 200_000), max_size=2, unique=True))]
                periods: list[tuple[dt.date, dt.date | None]] = [(dt.date(2026, 1, 1), None)]
                if draw(st.booleans()):
                    periods = [(dt.date(2026, 1, 1), CHANGE), (CHANGE, None)]
                tiers = draw(st.sampled_from([["standard"], ["standard", "priority"]]))
                found += [
                    {
                        "model": model,
                        "scope": scope,
                        "speed": speed,
                        "tiers": tiers,
                        "over_input_tokens": size,
                        "effective_from": first,
                        "effective_until": end,
                        **draw(rates()),
                    }
                    for size in sizes
                    for first, end in periods
                ]
    return found


@st.composite
def counts(draw: st.DrawFn) -> dict[str, Any]:
    found: dict[str, Any] = {"input_tokens": draw(COUNT), "output_tokens": draw(COUNT)}
    if draw(st.booleans()):
        found["cache_read_input_tokens"] = draw(COUNT)
    if draw(st.booleans()):
        found["cache_creation_input_tokens"] = draw(COUNT)
    if draw(st.booleans()):
        names = ("ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens")
        found["cache_creation"] = {name: draw(COUNT) for name in names}
    return found


@st.composite
def usages(draw: st.DrawFn) -> dict[str, Any]:
    found = draw(counts())
    for name, values in (
        ("speed", [None, "standard", "fast"]),
        ("inference_geo", [None, "us", "global", "not_available"]),
        ("service_tier", [None, "standard", "priority"]),
    ):
        found[name] = draw(st.sampled_from(values))
    kinds = st.sampled_from(["message", "fallback_message", "compaction", "advisor_message"])
    if draw(st.booleans()):
        found["iterations"] = [
            {**draw(counts()), "type": draw(kinds), "model": draw(st.none() | MODELS)}
            for _ in range(draw(st.integers(1, 4)))
        ]
    return found


CONTEXTS = st.fixed_dictionaries(
    {
        "model": MODELS,
        "served": st.none() | MODELS,
        "scope": st.sampled_from(["global", "geo"]),
        "at_s": st.sampled_from([at("2026-06-30T23:59:59"), at("2026-07-01"), at()]),
        "stop_reason": st.sampled_from([None, "end_turn", "refusal"]),
    }
)


@given(price_rows(), price(), usages(), CONTEXTS)
def test_the_cost_is_that_of_the_oracle(
    rows: Rows, discount: str, usage: dict[str, Any], context: dict[str, Any]
) -> None:
    multiplier = discount if Decimal(discount) <= 10 else "0.82"
    tables = "".join(row(**each) for each in rows) or "rows = []"
    prices = book(HEAD + GEOS + tables, contract(multiplier, platforms=["anthropic"]))
    cost = prices.cost(used(usage), asked(**context))
    try:
        expected = oracle.cost(rows, multiplier, usage, context)
    except oracle.Unpriced:
        assert (cost.list_pico, cost.net_pico, cost.uncached_pico) == (None, None, None)
        assert cost.unpriced
        return
    assert (cost.list_pico, cost.net_pico, cost.uncached_pico) == expected
    assert sum(line.list_pico for line in cost.lines) == cost.list_pico
    assert sum(line.net_pico for line in cost.lines) == cost.net_pico


@given(st.integers(0, 2**53), price(), price())
def test_a_line_is_rounded_as_money_is(count: int, rate: str, multiplier: str) -> None:
    with localcontext(prec=100):
        usd = Decimal(count) * Decimal(rate) * Decimal(multiplier) / 1_000_000
    assert amount(count, ratio(Decimal(rate), 1_000_000, Decimal(multiplier))) == pico(usd)


def test_a_half_is_rounded_to_even() -> None:
    halves = [amount(count, (1, 2)) for count in range(8)]
    assert halves == [0, 0, 1, 2, 2, 2, 3, 4]
    assert [amount(count, (1, 3)) for count in range(4)] == [0, 0, 1, 1]
