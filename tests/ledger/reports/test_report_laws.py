"""What holds of every report, whatever is in the ledger: groups, sums and parts agree."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.ledger.parts import Part, part
from gateway.ledger.reports.asked import Setting
from gateway.ledger.row import Row, State
from gateway.ledger.store import Ledger
from gateway.money import usd
from tests.ledger import sums
from tests.ledger.reports.rows import (
    BEGIN_US,
    HOUR_US,
    ask,
    emptied,
    figures,
    fill,
    grouped,
    histories,
    summed,
    value,
)

BY = (
    ["day"],
    ["model", "day"],
    ["platform", "upstream", "state"],
    ["team", "caller", "class", "environment"],
    ["tag:job"],
    ["day", "tag:job", "state"],
    ["tag:team", "environment"],
    ["session"],
    ["agent", "outcome"],
    ["day", "session"],
    ["tag:job", "tag:team"],
    ["tag:job", "model"],
)
FILTERS = (
    "model",
    "upstream",
    "team",
    "caller",
    "session",
    "agent",
    "class",
    "environment",
    "state",
    "outcome",
    "tag:job",
    "tag:team",
)
PARTS = ("charged", "absorbed", "waste", "open")

laws = settings(
    max_examples=settings().max_examples // 12,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def money(rows: Any, names: str, *ends: str) -> list[Decimal]:
    return [Decimal(rows[f"{name}{end}_usd"]) for name in names.split() for end in ends or ("",)]


def added(groups: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the sums over groups, as a report would write them."""
    found: dict[str, Any] = {}
    for group in groups:
        for name, amount in figures(group).items():
            some = Decimal(amount) if isinstance(amount, str) else amount
            found[name] = found.get(name, 0) + some
    return {
        name: usd(int(some * 10**12)) if isinstance(some, Decimal) else some
        for name, some in found.items()
    }


@laws
@given(rows=histories(), charge_partial=st.booleans())
def test_groups_are_what_their_attempts_come_to(
    ledger: Ledger, rows: list[Row], *, charge_partial: bool
) -> None:
    fill(emptied(ledger), rows)
    for by in BY:
        report = ask(ledger, by=by, setting=Setting(charge_partial=charge_partial))
        check_groups(rows, by, report)
        check_parts(rows, report["total"], charge_partial=charge_partial)
        if rows:
            assert added(report["groups"]) == report["total"]


def check_groups(rows: list[Row], by: list[str], report: dict[str, Any]) -> None:
    """A report has the groups that attempts fall into, and their sums."""
    expected = {key: summed(some) for key, some in grouped(rows, by).items()}
    got = {tuple(group["key"].values()): figures(group) for group in report["groups"]}
    assert got.keys() == expected.keys()
    assert all(expected[key].items() <= got[key].items() for key in got)
    assert report["others"] is None
    assert summed(rows).items() <= report["total"].items()


def check_parts(rows: list[Row], total: dict[str, Any], *, charge_partial: bool) -> None:
    """The parts of a cost add up to it, and are what the ledger's own sums say."""
    for end, whole in (("", "net"), ("_low", "low"), ("_high", "high")):
        assert sum(money(total, " ".join(PARTS), end)) == Decimal(total[f"{whole}_usd"])
    charged, waste = sums.charged(rows, charge_partial=charge_partial), sums.waste(rows)
    for name, found in (("charged", charged), ("waste", waste)):
        assert total[f"{name}_low_usd"] == usd(found.low_pico)
        assert total[f"{name}_high_usd"] == usd(found.high_pico)
        assert total[f"{name}_unbounded"] == found.unbounded
    assert sum(total[f"{name}_unbounded"] for name in PARTS) == total["unbounded"]


@laws
@given(rows=histories(), data=st.data())
def test_a_filter_leaves_what_the_group_has(
    ledger: Ledger, rows: list[Row], data: st.DataObject
) -> None:
    fill(emptied(ledger), rows)
    name = data.draw(st.sampled_from(FILTERS))
    values = sorted({value(each, name) for each in rows}) or ["final"]
    wanted = data.draw(st.lists(st.sampled_from(values), min_size=1, unique=True))
    by = data.draw(st.sampled_from(BY))
    tag = name.removeprefix("tag:")
    given: dict[str, Any] = (
        {"tag": [f"{tag}={each}" for each in wanted]} if tag != name else {name: wanted}
    )
    report = ask(ledger, by=by, **given)
    left = [each for each in rows if value(each, name) in wanted]
    check_groups(left, by, report)


@laws
@given(
    rows=histories(),
    cut=st.lists(st.integers(-12, 108), min_size=3, max_size=3, unique=True),
    by=st.sampled_from(BY),
)
def test_two_periods_beside_each_other_are_one(
    ledger: Ledger, rows: list[Row], cut: list[int], by: list[str]
) -> None:
    fill(emptied(ledger), rows)
    first, middle, end = sorted(BEGIN_US + each * HOUR_US for each in cut)
    reports = [
        ask(ledger, by=by, from_=_text(since), to=_text(until))
        for since, until in ((first, middle), (middle, end), (first, end))
    ]
    within = [each for each in rows if first <= each.started_us < end]
    assert summed(within).items() <= reports[2]["total"].items()
    assert added([reports[0]["total"], reports[1]["total"]]) == reports[2]["total"]


def _text(moment_us: int) -> str:
    from gateway.ledger.reports.period import written  # noqa: PLC0415

    text = written(moment_us)
    assert text is not None
    return text


@pytest.mark.parametrize("report", ["usage", "cache", "waste"])
@laws
@given(rows=histories(), by=st.sampled_from(BY), top=st.integers(1, 4))
def test_those_left_out_are_in_the_others(
    ledger: Ledger, report: str, rows: list[Row], by: list[str], top: int
) -> None:
    fill(emptied(ledger), rows)
    every = ask(ledger, report, by=by)
    some = ask(ledger, report, by=by, top=str(top))
    assert some["total"] == every["total"]
    assert len(some["groups"]) == min(top, len(every["groups"]))
    others = some["others"]
    assert (others["groups"] if others else 0) == len(every["groups"]) - len(some["groups"])
    if some["groups"]:
        told = [*some["groups"], *([others] if others else [])]
        without_rate = [
            {name: each for name, each in group.items() if name != "hit_rate"} for group in told
        ]
        assert added(without_rate).items() <= some["total"].items()


@laws
@given(rows=histories())
def test_waste_is_the_waste_of_usage(ledger: Ledger, rows: list[Row]) -> None:
    fill(emptied(ledger), rows)
    total, waste = ask(ledger)["total"], ask(ledger, "waste")["total"]
    for end, amount in (("", "net"), ("_low", "low"), ("_high", "high")):
        assert waste[f"{amount}_usd"] == total[f"waste{end}_usd"]


@given(
    state=st.sampled_from(State),
    won=st.booleans(),
    is_open=st.booleans(),
    charge_partial=st.booleans(),
)
def test_each_attempt_is_in_one_part(
    *, state: State, won: bool, is_open: bool, charge_partial: bool
) -> None:
    found = part(state, won=won, is_open=is_open, charge_partial=charge_partial)
    charged = state is State.FINAL or (state is State.PARTIAL and charge_partial)
    assert (found is Part.OPEN) == is_open
    assert (found is Part.CHARGED) == (not is_open and won and charged)
    assert (found is Part.WASTE) == (not is_open and not won)
