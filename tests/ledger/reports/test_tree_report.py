"""What the tree says of a session: every agent, its calls, and what they come to."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from gateway.ledger.reports.asked import BadParameter, Setting
from gateway.ledger.row import Row, State
from gateway.ledger.store import Ledger
from tests.ledger.reports.rows import ask, emptied, fill, histories, row, summed

USD = 10**12


def of(minute: int, agent: str = "", parent: str = "", **more: Any) -> Row:
    return row(minute, **{"session": "s", "agent": agent, "parent_agent": parent} | more)


def test_agents_and_their_calls(ledger: Ledger) -> None:
    fill(
        ledger,
        [
            of(1, price_pico=USD),
            of(2, "a", price_pico=2 * USD),
            of(3, "b", "a", price_pico=4 * USD, cache_read_tokens=7),
            of(4, "b", "a", decision="dec_4", won=False, state=State.UNKNOWN, price_pico=8 * USD),
            of(5, "b", "a", decision="dec_4", number=2, upstream="bedrock", price_pico=16 * USD),
            row(6, session="another"),
        ],
    )
    report = ask(ledger, "tree", session="s")
    told = [
        (
            each["agent"],
            each["parent"],
            each["depth"],
            each["own"]["net_usd"],
            each["with_agents"]["net_usd"],
        )
        for each in report["agents"]
    ]
    assert told == [("", None, 0, "1", "31"), ("a", "", 1, "2", "30"), ("b", "a", 2, "28", "28")]
    assert report["total"]["net_usd"] == "31"
    first, second = report["agents"][2]["calls"]
    assert (first["decision"], first["cache_read_tokens"], first["won"]) == ("dec_3", 7, True)
    assert (second["attempts"], second["upstream"], second["waste_usd"]) == (2, "bedrock", "8")


def test_an_agent_whose_parent_has_no_call(ledger: Ledger) -> None:
    fill(ledger, [of(1, "b", "a")])
    session, agent = ask(ledger, "tree", session="s")["agents"]
    assert (session["calls"], session["own"]["net_usd"]) == ([], "0")
    assert agent["note"] == "its parent a has no call in this session"


@pytest.mark.parametrize("session", [None, "", ["s", "t"], "nobody's"])
def test_it_is_of_one_session_that_is_there(ledger: Ledger, session: Any) -> None:
    fill(ledger, [of(1)])
    given = {} if session is None else {"session": session}
    with pytest.raises(BadParameter) as caught:
        ask(ledger, "tree", **given)
    assert caught.value.parameter == "session"
    words = "'nobody\\'s' has no attempt" if session == "nobody's" else "is needed"
    assert words in str(caught.value) or '"nobody\'s" has no attempt' in str(caught.value)


def test_a_session_that_is_too_long_is_told_in_parts(ledger: Ledger) -> None:
    fill(ledger, [of(each) for each in range(5)])
    setting = Setting(attempts_most=4)
    with pytest.raises(BadParameter, match="has 5 attempts: choose some of them by from and to"):
        ask(ledger, "tree", session="s", setting=setting)
    later = ask(ledger, "tree", session="s", from_="2026-11-22T00:01:00Z", setting=setting)
    assert later["total"]["attempts"] == 4


@pytest.mark.parametrize("parameter", ["by", "top"])
def test_it_is_not_grouped(ledger: Ledger, parameter: str) -> None:
    with pytest.raises(BadParameter, match="no parameter of this report"):
        ask(ledger, "tree", session="s", **{parameter: "1"})


@settings(
    max_examples=settings().max_examples // 5,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(rows=histories())
def test_it_comes_to_what_usage_says(ledger: Ledger, rows: list[Row]) -> None:
    fill(emptied(ledger), rows)
    mine = [each for each in rows if each.session == "s-1"]
    if not mine:
        return
    tree = ask(ledger, "tree", session="s-1")
    usage = ask(ledger, session="s-1", from_="2026-11-01")["total"]
    assert tree["total"].items() <= usage.items()
    assert summed(mine).items() <= tree["total"].items()
    calls = [call for agent in tree["agents"] for call in agent["calls"]]
    for name in ("net_usd", "high_usd", "waste_usd", "charged_low_usd"):
        assert sum(Decimal(call[name]) for call in calls) == Decimal(tree["total"][name])
        own = sum(Decimal(agent["own"][name]) for agent in tree["agents"])
        assert own == Decimal(tree["total"][name])
    assert tree["agents"][0]["with_agents"] == tree["total"]
