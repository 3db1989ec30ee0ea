"""What a caller is told of a cost, and what the ledger books by the record of the same answer."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import prices
from gateway.costing import Costing
from gateway.ledger.row import Row
from gateway.policy.observed import Said
from gateway.prices import shipped
from gateway.recordable import kept_usage
from gateway.routing import Upstream
from providers.contract import Place
from providers.registry import PROVIDERS
from tests.ledger.keeping import Kept
from tests.ledger.one_call import OPUS, OneCall
from tests.ledger.records import START_US

DIRECT = Upstream("direct", PROVIDERS["anthropic"], PROVIDERS["anthropic"].endpoint(Place()))
COSTING = Costing(prices.shipped(), (DIRECT,), lambda: START_US / 1e6)
COUNTS = st.integers(0, 1_000_000)


def told(usage: dict[str, Any]) -> int | None:
    """Return what the header says."""
    began = COSTING.began(DIRECT, OPUS, paid_by_other=False)
    return COSTING.cost(began, Said(model=OPUS, stop_reason="end_turn", usage=usage)).net_pico


def booked(usage: dict[str, Any], state: str = "complete") -> Row:
    """Return the row of an answer with that usage."""
    kept = Kept(shipped())
    call = OneCall().decided(stream=False).started(platform="anthropic", scope="global")
    kept.fold(call.finished(**kept_usage(usage).told, state=state).records)
    kept.restart()
    assert not kept.troubles
    (row,) = kept.rows.values()
    return row


@st.composite
def runs(draw: st.DrawFn) -> dict[str, Any]:
    five_minutes, hour = draw(COUNTS), draw(COUNTS)
    return {
        "type": draw(st.sampled_from(["message", "compaction", "advisor_message"])),
        "model": draw(st.sampled_from([OPUS, "claude-sonnet-5-5", "a text"])),
        "input_tokens": draw(COUNTS),
        "output_tokens": draw(COUNTS),
        "cache_read_input_tokens": draw(COUNTS),
        "cache_creation_input_tokens": five_minutes + hour,
        "cache_creation": {
            "ephemeral_5m_input_tokens": five_minutes,
            "ephemeral_1h_input_tokens": hour,
        },
    }


@given(
    st.lists(runs(), min_size=1, max_size=4),
    st.integers(1, 200),
    st.sampled_from([None, "standard", "fast", "very fast"]),
)
def test_the_ledger_books_what_the_header_says(
    some: list[dict[str, Any]], many: int, speed: str | None
) -> None:
    listed = (some * many)[:many]
    usage = {"iterations": listed, "input_tokens": 1, "output_tokens": 1, "speed": speed}
    row = booked(usage)
    assert row.net_pico == told(usage)
    assert (row.unpriced is None) == (row.net_pico is not None)


@pytest.mark.parametrize("state", ["complete", "failed"])
def test_a_usage_that_is_cut_has_no_price_and_says_so(state: str) -> None:
    run = {"type": "message", "input_tokens": 1, "output_tokens": 1}
    row = booked({"iterations": [run] * 5000, "input_tokens": 1, "output_tokens": 5000}, state)
    assert row.unpriced == "its usage has more members than are recorded"
    assert {row.net_pico, row.low_pico, row.high_pico, row.list_pico} == {None}
    assert "usage: cut" in row.flags


def test_a_cut_usage_has_no_price_either_when_another_attempt_shows_its_message() -> None:
    run = {"type": "message", "input_tokens": 1, "output_tokens": 1}
    cut = kept_usage({"iterations": [run] * 5000, "output_tokens": 5000}).told
    kept = Kept(shipped())
    for call in (
        OneCall().decided().started().finished(**cut),
        OneCall("dec_2", at_s=9).decided().started().finished(),
    ):
        kept.fold(call.records)
        kept.restart()
    first, again = kept.rows.values()
    assert first.unpriced == "its usage has more members than are recorded"
    assert again.duplicate_of == first.attempt


def test_a_cost_that_can_be_read_in_two_ways_is_booked_between_them() -> None:
    usage = {"input_tokens": 10, "output_tokens": 10, "cache_creation_input_tokens": 100}
    row = booked(usage)
    assert row.state == "final"
    assert row.net_pico == row.low_pico == told(usage) == 740_000_000
    assert row.high_pico == 1_040_000_000
    assert row.flags == ("assumed_ttl",)
    credited = booked({**usage, "fallback_credit": {"status": {"type": "redeemed"}}})
    assert (credited.low_pico, credited.net_pico) == (260_000_000, 740_000_000)
