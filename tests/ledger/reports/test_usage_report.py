"""What the usage report says of single cases: failover, partial answers, adjustments, old days."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.ledger.pruning import Retention, prune
from gateway.ledger.reports.asked import Setting
from gateway.ledger.row import Adjustment, State
from gateway.ledger.store import Ledger
from tests.ledger.reports.rows import BEGIN_US, DAY_US, NOW_US, ask, fill, keys, row

USD = 10**12


def parts(total: dict[str, Any]) -> dict[str, str]:
    names = ("charged", "absorbed", "waste", "open")
    return {name: total[f"{name}_usd"] for name in names if total[f"{name}_usd"] != "0"}


def test_of_a_failover_the_caller_is_charged_for_the_answer_only(ledger: Ledger) -> None:
    failed = {"state": State.PARTIAL, "won": False, "outcome": "cut", "upstream": "bedrock"}
    fill(
        ledger,
        [
            row(1, decision="dec_1", price_pico=2 * USD, **failed),
            row(2, decision="dec_1", number=2, price_pico=3 * USD),
        ],
    )
    total = ask(ledger)["total"]
    assert (total["attempts"], total["net_usd"]) == (2, "5")
    assert parts(total) == {"charged": "3", "waste": "2"}


@pytest.mark.parametrize(("charge_partial", "part"), [(True, "charged"), (False, "absorbed")])
def test_an_answer_that_broke_off(ledger: Ledger, *, charge_partial: bool, part: str) -> None:
    fill(ledger, [row(1, state=State.PARTIAL)])
    total = ask(ledger, setting=Setting(charge_partial=charge_partial))["total"]
    assert parts(total) == {part: "1"}


def test_what_nobody_told_is_absorbed_and_bounded(ledger: Ledger) -> None:
    bounds = {"net_pico": None, "low_pico": 0, "high_pico": 2 * USD}
    fill(ledger, [row(1, state=State.UNKNOWN, **bounds)])
    total = ask(ledger)["total"]
    assert (total["net_usd"], total["low_usd"], total["high_usd"]) == ("0", "0", "2")
    assert (total["absorbed_usd"], total["absorbed_high_usd"]) == ("0", "2")


def test_what_has_no_upper_bound_is_counted_and_named_and_no_amount_ends_below_another(
    ledger: Ledger,
) -> None:
    bounds = {"net_pico": 3 * USD, "low_pico": 2 * USD, "high_pico": None}
    lost = {"net_pico": None, "low_pico": 0, "high_pico": None, "won": False}
    fill(
        ledger,
        [row(1, state=State.PARTIAL, **bounds), row(2, state=State.UNKNOWN, **lost), row(3)],
    )
    for by in ("day", "session"):
        report = ask(ledger, by=by)
        total = report["total"]
        assert (total["low_usd"], total["net_usd"], total["high_usd"]) == ("3", "4", "4")
        counts = ("unbounded", "charged_unbounded", "waste_unbounded", "open_unbounded")
        assert [total[name] for name in counts] == [2, 1, 1, 0]
        assert total["unpriced"] == 0
        (note,) = report["notes"]
        assert note.startswith("2 attempts have no upper bound: ")


def test_what_has_no_price_is_counted_and_named(ledger: Ledger) -> None:
    fill(ledger, [row(1, price_pico=None, unpriced="no row"), row(2)])
    report = ask(ledger)
    assert (report["total"]["unpriced"], report["total"]["net_usd"]) == (1, "1")
    assert report["notes"] == ["1 attempt has no price: nothing of it is in these amounts"]


def test_attempts_under_way_are_in_it_and_named(ledger: Ledger) -> None:
    going = {"open": True, "won": False, "outcome": "", "state": State.UNKNOWN}
    fill(ledger, [row(1, **going), row(2, **going), row(3)])
    report = ask(ledger)
    assert (report["total"]["attempts"], report["total"]["open_attempts"]) == (3, 2)
    assert parts(report["total"]) == {"charged": "1", "open": "2"}
    assert report["notes"] == [
        "2 attempts have no end on record: still running, or its process died"
    ]


def test_an_empty_ledger_says_so(ledger: Ledger) -> None:
    report = ask(ledger)
    assert (report["groups"], report["total"]["attempts"]) == ([], 0)
    assert report["notes"] == ["no attempt of this kind is on record for this period"]


def test_days_come_in_their_order_and_others_by_their_cost(ledger: Ledger) -> None:
    days = [row(each, started_us=BEGIN_US + each * DAY_US, price_pico=each) for each in (2, 0, 1)]
    fill(ledger, days)
    by_day = ask(ledger, by=["day"])
    assert keys(by_day) == [("2026-11-22",), ("2026-11-23",), ("2026-11-24",)]
    fill(ledger, [row(4, upstream="a"), row(5, upstream="b", price_pico=2 * USD)])
    assert keys(ask(ledger, by=["upstream"])) == [("b",), ("a",), ("direct",)]
    assert keys(ask(ledger, by=["upstream"], top="1")) == [("b",)]


def test_many_small_amounts_are_more_than_a_large_one(ledger: Ledger) -> None:
    small = [row(each, session="small", price_pico=900_000_000_000) for each in range(5)]
    fill(ledger, [*small, row(9, session="large", price_pico=2 * USD)])
    assert keys(ask(ledger, by=["session"], top="1")) == [("small",)]


def adjustment(amount_pico: int, **more: Any) -> Adjustment:
    common: dict[str, Any] = {
        "id": f"adj_{amount_pico}",
        "at_us": BEGIN_US,
        "day": "2026-11-22",
        "platform": "anthropic",
        "reason": "high",
        "source": "report.json",
    }
    return Adjustment(amount_pico=amount_pico, **common | more)


def test_adjustments_stand_beside_the_cost(ledger: Ledger) -> None:
    fill(
        ledger,
        [row(1)],
        [adjustment(3 * USD, upstream="direct"), adjustment(-USD, day="2026-11-23")],
    )
    total = ask(ledger)["total"]
    assert (total["attempts"], total["net_usd"], total["adjusted_usd"]) == (1, "1", "2")
    by_upstream = ask(ledger, by=["upstream"])["groups"]
    assert {each["key"]["upstream"]: each["adjusted_usd"] for each in by_upstream} == {
        "direct": "3",
        "": "-1",
    }
    for by in (["session"], ["tag:job"], ["day", "team"], ["platform", "model"]):
        assert ask(ledger, by=by)["total"] == total
    assert ask(ledger, upstream="direct")["total"]["adjusted_usd"] == "3"
    assert ask(ledger, team="red")["total"]["adjusted_usd"] == "0"
    assert ask(ledger, from_="2026-11-23")["total"]["adjusted_usd"] == "-1"
    assert ask(ledger, to="2026-11-22T23:00:00Z")["total"]["adjusted_usd"] == "0"


def test_sums_outlive_their_attempts(ledger: Ledger) -> None:
    old = [row(each, team="red", session="s", tags={"job": "x"}) for each in range(3)]
    fill(ledger, [*old, row(9, started_us=BEGIN_US + DAY_US)])
    before = [ask(ledger, by=[by]) for by in ("day", "team", "tag:job")]
    prune(ledger, Retention(attempts_days=2, rollups_days=30), NOW_US / 10**6)
    assert [ask(ledger, by=[by]) for by in ("day", "team", "tag:job")] == before
    by_session = ask(ledger, by=["session"])
    assert by_session["total"]["attempts"] == 1
    assert by_session["notes"] == [
        "3 attempts before 2026-11-23 are no longer kept one by one, and not in this report"
    ]
    assert ask(ledger, by=["session"], from_="2026-11-23")["notes"] == []
    for report in ("cache", "waste"):
        assert ask(ledger, report)["notes"] == by_session["notes"]


def test_sums_too_large_for_64_bits(ledger: Ledger) -> None:
    rows = [row(each, price_pico=2**63 - 1, session="s") for each in range(30)]
    fill(ledger, rows)
    for by in ("day", "session"):
        total = ask(ledger, by=[by])["total"]
        assert total["net_usd"] == total["charged_high_usd"] == "276701161.10564327421"
