"""What the waste report says: what was lost where and why, and by which calls."""

from __future__ import annotations

from typing import Any

from gateway.ledger.row import State
from gateway.ledger.store import Ledger
from tests.ledger.reports.rows import ask, fill, keys, row

USD = 10**12
LOST: dict[str, Any] = {"won": False, "outcome": "ill", "state": State.UNKNOWN}
BOUNDED = {"net_pico": None, "low_pico": 0}


def test_by_upstream_outcome_and_state(ledger: Ledger) -> None:
    fill(
        ledger,
        [
            row(1, **LOST | BOUNDED, high_pico=3 * USD),
            row(2, **LOST | BOUNDED, high_pico=2 * USD),
            row(3, **LOST | {"outcome": "cut", "state": State.PARTIAL}, upstream="bedrock"),
            row(4),
        ],
    )
    report = ask(ledger, "waste")
    assert keys(report) == [("direct", "ill", "unknown"), ("bedrock", "cut", "partial")]
    amounts = [
        (each["attempts"], each["net_usd"], each["low_usd"], each["high_usd"])
        for each in report["groups"]
    ]
    assert amounts == [(2, "0", "0", "5"), (1, "1", "1", "1")]


def test_what_cost_nothing_or_is_not_over_is_none(ledger: Ledger) -> None:
    fill(
        ledger,
        [
            row(1, won=False, state=State.REJECTED, price_pico=0),
            row(2, **LOST, open=True),
            row(3, **LOST, duplicate_of="dec_9.1"),
        ],
    )
    report = ask(ledger, "waste")
    assert (report["total"]["attempts"], report["requests"]) == (0, [])


def test_without_a_price_it_may_have_cost(ledger: Ledger) -> None:
    fill(ledger, [row(1, **LOST, price_pico=None, unpriced="no row")])
    report = ask(ledger, "waste")
    assert (report["total"]["attempts"], report["total"]["unpriced"]) == (1, 1)
    (call,) = report["requests"]
    assert (call["high_usd"], call["attempts"][0]["net_usd"]) == ("0", None)


def test_what_nothing_bounds_is_waste_of_at_least_so_much(ledger: Ledger) -> None:
    fill(ledger, [row(1, **LOST | BOUNDED, high_pico=None), row(2, **LOST)])
    report = ask(ledger, "waste")
    total = report["total"]
    assert (total["attempts"], total["unbounded"], total["high_usd"]) == (2, 1, "1")
    ends = {each["decision"]: (each["low_usd"], each["high_usd"]) for each in report["requests"]}
    assert ends == {"dec_1": ("0", None), "dec_2": ("1", "1")}


def test_the_calls_that_wasted_most(ledger: Ledger) -> None:
    for number in range(12):
        fill(
            ledger,
            [
                row(number, **LOST, price_pico=number * USD, caller="alice", session="s"),
                row(number, decision=f"dec_{number}", number=2, upstream="bedrock"),
            ],
        )
    calls = ask(ledger, "waste", upstream="direct")["requests"]
    assert [call["decision"] for call in calls] == [f"dec_{each}" for each in range(11, 1, -1)]
    assert calls[0] == {
        "decision": "dec_11",
        "request_id": None,
        "caller": "alice",
        "team": "",
        "session": "s",
        "model": "claude-opus-5-5",
        "at": "2026-11-22T00:11:00Z",
        "answered": True,
        "net_usd": "11",
        "low_usd": "11",
        "high_usd": "11",
        "attempts": [
            {
                "attempt": f"dec_11.{each}",
                "upstream": upstream,
                "outcome": outcome,
                "state": state,
                "won": won,
                **dict.fromkeys(("net_usd", "low_usd", "high_usd"), cost),
            }
            for each, upstream, outcome, state, won, cost in (
                (1, "direct", "ill", "unknown", False, "11"),
                (2, "bedrock", "complete", "final", True, "1"),
            )
        ],
    }
