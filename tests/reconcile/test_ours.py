"""What is read of a ledger, in both databases."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.ledger.pruning import Retention, prune
from gateway.ledger.row import Adjustment, Row, State
from gateway.ledger.store import Ledger
from gateway.prices import shipped
from gateway.prices.bounds import ADDED_TOKENS
from gateway.reconcile.ours import attempts_of, booked, reach
from gateway.reconcile.spans import Span
from gateway.reconcile.sums import Bounded, Cell, Sums, added
from tests.reconcile.attempts import OPUS, SONNET, at_us, attempt, put
from tests.reconcile.sides import FIRST, PICO

USAGE = {"input_tokens": 100, "output_tokens": 20, "cache_read_input_tokens": 7}


def read(ledger: Ledger, rows: list[Row], **more: Any) -> list[Sums]:
    put(ledger, rows)
    with ledger.reading() as connection:
        return attempts_of(
            connection,
            more.pop("platform", "anthropic"),
            more.pop("hours", FIRST),
            lines_of=shipped().cost,
            **more,
        )


def whole(found: list[Sums], model: str = OPUS) -> dict[Cell, Bounded]:
    return added(pair for each in found if each.model == model for pair in each.cells.items())


def exactly(tokens: int) -> Bounded:
    return Bounded.exactly(tokens * PICO)


def test_attempts_of_an_hour_are_one_sum(ledger: Ledger) -> None:
    rows = [attempt(usage=USAGE), attempt(usage=USAGE), attempt("2026-11-02T11:00:00", USAGE)]
    found = read(ledger, rows)
    assert [(each.start_h - FIRST.start, each.attempts) for each in found] == [(10, 2), (11, 1)]
    cells = whole(found)
    assert cells[Cell("tokens", "input")] == exactly(300)
    assert cells[Cell("tokens", "output")] == exactly(60)
    assert cells[Cell("tokens", "cache_read")] == exactly(21)
    assert Cell("tokens", "cache_write_5m") not in cells
    assert cells[Cell("usd", "tokens")] == Bounded.exactly(3 * (rows[0].net_pico or 0))
    assert rows[0].net_pico


def test_what_costs_nothing_or_somebody_else_is_left_out(ledger: Ledger) -> None:
    rows = [
        attempt(usage=USAGE, state=State.NOT_SENT),
        attempt(usage=USAGE, state=State.REJECTED),
        attempt(usage=USAGE, kind="count_tokens"),
        attempt(usage=USAGE, payer="user_profile"),
        attempt(usage=USAGE, duplicate_of="dec_x.1"),
        attempt(usage=USAGE, platform="bedrock"),
        attempt("2026-11-01T23:00:00", USAGE),
        attempt("2026-11-03T00:00:00", USAGE),
    ]
    assert read(ledger, rows) == []


def test_only_the_upstreams_that_were_asked_for_count(ledger: Ledger) -> None:
    rows = [attempt(usage=USAGE), attempt(usage=USAGE, upstream="other")]
    assert [each.attempts for each in read(ledger, rows, upstreams=("other",))] == [1]


def test_attempts_that_reach_into_the_time_are_there(ledger: Ledger) -> None:
    rows = [attempt("2026-11-01T23:50:00", USAGE, ended_us=at_us("2026-11-02T00:10:00"))]
    (found,) = read(ledger, rows)
    assert (found.start_h, found.end_h) == (FIRST.start - 1, FIRST.start)


def test_the_answer_says_where_it_ran_and_by_which_tier(ledger: Ledger) -> None:
    rows = [
        attempt(usage=USAGE | {"inference_geo": "us", "service_tier": "priority"}),
        attempt(usage=USAGE | {"inference_geo": "not_available"}, scope="geo"),
        attempt(usage=USAGE, scope="geo"),
    ]
    found = read(ledger, rows)
    assert sorted((each.scope, each.tier) for each in found) == [
        ("global", ""), ("regional", ""), ("regional", "priority"),
    ]  # fmt: skip


def test_the_model_that_answered_is_the_one_that_counts(ledger: Ledger) -> None:
    rows = [
        attempt(usage=USAGE, served_model="claude-haiku-4-5-20251001"),
        attempt(usage=USAGE, served_model=None, model=SONNET),
        attempt(usage=USAGE, served_model="claude-nobody-1"),
    ]
    found = read(ledger, rows)
    assert {each.model for each in found} == {"claude-haiku-4-5", SONNET, "claude-nobody-1"}
    assert [each.unpriced for each in found if each.model == "claude-nobody-1"] == [1]


def test_writes_of_an_untold_time_to_live_are_the_usual_ones(ledger: Ledger) -> None:
    split = {"ephemeral_5m_input_tokens": 30, "ephemeral_1h_input_tokens": 5}
    rows = [
        attempt(usage=USAGE | {"cache_creation_input_tokens": 50}),
        attempt(usage=USAGE | {"cache_creation_input_tokens": 40, "cache_creation": split}),
    ]
    cells = whole(read(ledger, rows))
    # Or they are those of an hour, all of them.
    assert cells[Cell("tokens", "cache_write_5m")] == Bounded(85 * PICO, 30 * PICO, 85 * PICO)
    assert cells[Cell("tokens", "cache_write_1h")] == Bounded(5 * PICO, 5 * PICO, 60 * PICO)


def test_a_partial_answer_is_bounded_by_what_it_may_have_made(ledger: Ledger) -> None:
    row = attempt(usage=USAGE, state=State.PARTIAL)
    (found,) = read(ledger, [row])
    assert found.cells[Cell("tokens", "input")] == exactly(100)
    assert found.cells[Cell("tokens", "output")] == Bounded(20 * PICO, 20 * PICO, 1000 * PICO)
    money = found.cells[Cell("usd", "tokens")]
    assert money == Bounded(row.net_pico or 0, row.low_pico or 0, row.high_pico)
    assert money.low < money.value < (money.high or 0)
    assert found.uncertain == 1


def test_what_nobody_told_is_bounded_by_the_request(ledger: Ledger) -> None:
    row = attempt(state=State.UNKNOWN, served_model=None, open=True, ended_us=None)
    (found,) = read(ledger, [row])
    most = (2000 + ADDED_TOKENS) * PICO
    assert found.cells[Cell("tokens", "input")] == Bounded(0, 0, most)
    assert found.cells[Cell("tokens", "cache_write_1h")] == Bounded(0, 0, most)
    assert found.cells[Cell("tokens", "output")] == Bounded(0, 0, 1000 * PICO)
    assert found.cells[Cell("usd", "tokens")] == Bounded(0, row.low_pico or 0, row.high_pico)
    assert row.high_pico


def test_where_the_platform_runs_tools_there_is_no_bound(ledger: Ledger) -> None:
    tools = attempt(usage=USAGE, state=State.PARTIAL, flags=("server_tools",))
    (found,) = read(ledger, [tools, attempt(usage=USAGE, state=State.PARTIAL)])
    assert found.cells[Cell("tokens", "input")].high is None
    assert found.cells[Cell("usd", "tokens")].high is None
    assert found.cells[Cell("usd", "tokens")].low == 2 * (tools.low_pico or 0)


def test_what_stands_outside_of_the_body_has_no_bound_in_tokens(ledger: Ledger) -> None:
    row = attempt(state=State.UNKNOWN, served_model=None, flags=("documents",))
    (found,) = read(ledger, [row])
    assert found.cells[Cell("tokens", "input")].high is None
    assert found.cells[Cell("usd", "tokens")].high == row.high_pico
    assert row.high_pico


def test_without_a_size_there_is_no_bound(ledger: Ledger) -> None:
    row = attempt(state=State.UNKNOWN, max_tokens=None, body_bytes=None)
    (found,) = read(ledger, [row])
    assert found.cells[Cell("tokens", "output")].high is None
    assert found.cells[Cell("tokens", "input")].high is None
    assert found.unpriced == 1


def test_a_refusal_without_output_may_not_be_billed(ledger: Ledger) -> None:
    usage = {"input_tokens": 100, "output_tokens": 0}
    (found,) = read(ledger, [attempt(usage=usage, stop_reason="refusal")])
    assert found.cells[Cell("tokens", "input")] == Bounded(100 * PICO, 0, 100 * PICO)
    assert found.cells[Cell("usd", "tokens")] == Bounded()


def test_a_refusal_that_is_priced_may_still_be_free(ledger: Ledger) -> None:
    """No document says whether Bedrock bills refusals without output."""
    usage = {"input_tokens": 100, "output_tokens": 0}
    row = attempt(usage=usage, stop_reason="refusal", platform="bedrock")
    (found,) = read(ledger, [row], platform="bedrock")
    assert row.net_pico
    assert found.cells[Cell("usd", "tokens")] == Bounded(row.net_pico, 0, row.net_pico)
    assert found.uncertain == 1


def test_what_is_told_apart_has_no_money_where_the_whole_has_none(ledger: Ledger) -> None:
    advisor = {"type": "advisor_message", "model": OPUS, "input_tokens": 8, "output_tokens": 1}
    own = {"type": "message", "input_tokens": 5, "output_tokens": 2}
    usage = {"input_tokens": 5, "output_tokens": 2, "iterations": [own, advisor]}
    row = attempt(usage=usage, served_model="claude-nobody-1")
    found = read(ledger, [row])
    assert row.net_pico is None
    assert whole(found)[Cell("tokens", "input")] == exactly(8)
    money = [bounded for each in found for cell, bounded in each.cells.items() if cell[0] == "usd"]
    assert money == [Bounded()]
    assert sum(each.unpriced for each in found) == 1


def test_an_advisor_is_told_apart_with_its_tokens_and_its_money(ledger: Ledger) -> None:
    """The example of the advisor tool's page: 44,403.2 millionths of a dollar in all."""
    runs = [
        {"type": "message", "input_tokens": 412, "output_tokens": 89},
        {
            "type": "advisor_message", "model": OPUS, "input_tokens": 823, "output_tokens": 1612,
        },
        {
            "type": "message", "input_tokens": 1348, "output_tokens": 442,
            "cache_read_input_tokens": 412,
        },
    ]  # fmt: skip
    usage = {"input_tokens": 412, "output_tokens": 531, "iterations": runs}
    row = attempt(usage=usage, model=SONNET, served_model=SONNET)
    found = read(ledger, [row])
    ours, advisor = whole(found, SONNET), whole(found, OPUS)
    assert ours[Cell("tokens", "input")] == exactly(412 + 1348)
    assert ours[Cell("tokens", "output")] == exactly(531)
    assert advisor[Cell("tokens", "output")] == exactly(1612)
    parts = [cells[Cell("usd", "tokens")].value for cells in (ours, advisor)]
    assert parts[1] == 823 * 4_000_000 + 1612 * 20_000_000
    assert sum(parts) == row.net_pico
    assert sum(each.attempts for each in found) == 1


def test_web_searches_are_told_apart(ledger: Ledger) -> None:
    usage = USAGE | {"server_tool_use": {"web_search_requests": 3}}
    row = attempt(usage=usage)
    cells = whole(read(ledger, [row]))
    assert cells[Cell("tokens", "web_search")] == exactly(3)
    assert cells[Cell("usd", "web_search")] == Bounded.exactly(3 * PICO // 100)
    tokens = cells[Cell("usd", "tokens")]
    assert tokens.value + 3 * PICO // 100 == row.net_pico


def test_what_was_priced_otherwise_then_stays_what_it_was(ledger: Ledger) -> None:
    row = attempt(usage=USAGE | {"server_tool_use": {"web_search_requests": 3}})
    row.net_pico = row.low_pico = row.high_pico = 123_456_789_012
    cells = whole(read(ledger, [row]))
    money = [bounded.value for cell, bounded in cells.items() if cell.measure == "usd"]
    assert sum(money) == 123_456_789_012


def test_sums_may_be_larger_than_64_bits_hold(ledger: Ledger) -> None:
    rows = [attempt(usage=USAGE) for _ in range(3)]
    for row in rows:
        row.net_pico = row.low_pico = row.high_pico = 2**63 - 1
    assert whole(read(ledger, rows))[Cell("usd", "tokens")].value == 3 * (2**63 - 1)


def test_the_ledger_reaches_from_its_second_hour_on(ledger: Ledger) -> None:
    until_us, start = at_us("2026-11-03T05:59:59"), FIRST.start
    with ledger.reading() as connection:
        assert reach(connection, until_us) == ()
    put(ledger, [attempt("2026-11-02T10:30:00", USAGE)])
    with ledger.reading() as connection:
        assert reach(connection, until_us) == (Span(start + 11, start + 29),)
        (said,) = reach(connection, until_us, whole=True)
    assert (said.start < 0, said.end) == (True, start + 29)


def test_what_was_pruned_is_not_compared_whatever_anybody_says(ledger: Ledger) -> None:
    put(ledger, [attempt("2026-11-02T10:30:00", USAGE), attempt("2026-10-02T10:30:00", USAGE)])
    until_us = at_us("2026-11-03T05:59:59")
    prune(ledger, Retention(attempts_days=5, rollups_days=99), at_us("2026-11-06T12:00:00") / 10**6)
    with ledger.reading() as connection:
        for whole in (True, False):
            assert reach(connection, until_us, whole=whole) == (
                Span(FIRST.start - 24, FIRST.end + 5),
            )


def test_adjustments_are_read_back(ledger: Ledger) -> None:
    made = [
        Adjustment(
            id=f"rec_a_b_{platform}", at_us=5, day="2026-11-02", platform=platform, amount_pico=-7,
            reason="r", source="s", model=OPUS, upstream="direct",
        )
        for platform in ("anthropic", "bedrock")
    ]  # fmt: skip
    put(ledger, made)
    with ledger.reading() as connection:
        (found,) = booked(connection, "anthropic")
    assert (found.id, found.amount_pico, found.upstream) == ("rec_a_b_anthropic", -7, "direct")


@pytest.mark.parametrize("usage", [None, {}])
def test_an_attempt_that_told_nothing_has_a_row(ledger: Ledger, usage: Any) -> None:
    (found,) = read(ledger, [attempt(usage=usage, state=State.UNKNOWN)])
    assert found.attempts == 1
