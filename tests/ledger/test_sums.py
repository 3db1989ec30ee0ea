"""What a caller is charged, what was wasted, and what all of it cost."""

from __future__ import annotations

from gateway.ledger.row import Row, State
from tests.ledger.sums import Sum, charged, total, waste

BIG = 9_000_000 * 10**12


def row(
    number: int,
    state: State,
    net: int | None,
    low: int,
    high: int,
    *,
    won: bool = False,
    open_: bool = False,
) -> Row:
    return Row(
        attempt=f"dec_1.{number}",
        decision="dec_1",
        number=number,
        kind="messages",
        streamed=True,
        started_us=0,
        upstream="direct",
        platform="anthropic",
        scope="global",
        model="claude-opus-5-5",
        state=state,
        net_pico=net,
        low_pico=low,
        high_pico=high,
        won=won,
        open=open_,
    )


ROWS = [
    row(1, State.REJECTED, 0, 0, 0),
    row(2, State.UNKNOWN, None, 0, 700),
    row(3, State.PARTIAL, 40, 30, 90),
    row(4, State.FINAL, BIG, BIG, BIG, won=True),
    row(5, State.PARTIAL, 40, 30, 90, won=True),
    row(6, State.UNKNOWN, None, 0, 5, won=True),
    row(7, State.UNKNOWN, None, 0, 11, open_=True),
]


def test_the_total_is_exact_or_between_bounds_of_any_size() -> None:
    assert total(ROWS) == Sum(
        rows=7, exact_pico=BIG, low_pico=BIG + 60, high_pico=BIG + 896, unpriced=0
    )
    assert total(ROWS + ROWS).exact_pico == 2 * BIG


def test_a_caller_is_charged_for_answers_and_for_broken_ones_where_that_is_wished() -> None:
    assert charged(ROWS, charge_partial=False) == Sum(
        rows=1, exact_pico=BIG, low_pico=BIG, high_pico=BIG
    )
    assert charged(ROWS, charge_partial=True) == Sum(
        rows=2, exact_pico=BIG, low_pico=BIG + 30, high_pico=BIG + 90
    )


def test_waste_is_what_ended_and_did_not_win() -> None:
    assert waste(ROWS) == Sum(rows=3, low_pico=30, high_pico=790)


def test_rows_without_a_price_are_counted_and_in_no_amount() -> None:
    unpriced = row(8, State.FINAL, None, 0, 0, won=True)
    unpriced.low_pico = unpriced.high_pico = None
    assert total([unpriced, ROWS[3]]) == Sum(
        rows=2, exact_pico=BIG, low_pico=BIG, high_pico=BIG, unpriced=1
    )


def test_sums_add_up() -> None:
    added = Sum()
    for each in ROWS:
        added += total([each])
    assert added == total(ROWS)
