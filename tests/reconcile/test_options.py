"""Options: hours that were asked for wholly, and shares."""

from __future__ import annotations

from decimal import Decimal

import pytest

from gateway.reconcile.options import tolerances, window
from gateway.reconcile.spans import Span
from gateway.reconcile.statement import BadStatement
from tests.reconcile.attempts import at_us
from tests.reconcile.sides import FIRST

NOW_US = at_us("2026-11-03T06:30:00")


@pytest.mark.parametrize(
    ("since", "until", "hours"),
    [
        ("2026-11-02", "2026-11-03", FIRST),
        ("2026-11-02T10:30:00Z", "2026-11-02T12:30:00+00:00", Span(11, 12)),
        ("2026-11-02T12:00:00+02:00", "2026-11-02T12:00:00Z", Span(10, 12)),
        ("2d", "today", FIRST),
    ],
)
def test_only_hours_that_were_asked_for_wholly_count(since: str, until: str, hours: Span) -> None:
    asked = window(since, until, NOW_US)
    expected = hours if hours is FIRST else Span(FIRST.start + hours.start, FIRST.start + hours.end)
    assert (asked.spans, asked.asserted) == ((expected,), True)


def test_an_end_alone_asserts_nothing() -> None:
    asked = window(None, "2026-11-03", NOW_US)
    assert (asked.asserted, asked.spans[0].end) == (False, FIRST.end)
    assert asked.spans[0].start < 0


@pytest.mark.parametrize(
    ("since", "until"), [("2026-11-03", "2026-11-02"), ("today", "today"), ("never", None)]
)
def test_a_time_that_is_none_is_refused(since: str, until: str | None) -> None:
    with pytest.raises(BadStatement):
        window(since, until, NOW_US)


def test_a_share_widens_what_both_sides_have_and_not_what_one_lacks() -> None:
    rules = tolerances("0.5%")["usd"]
    assert (rules.we_high.relative, rules.we_low.relative) == (Decimal("0.005"), Decimal("0.005"))
    assert rules.we_high.absolute == tolerances(None)["usd"].we_high.absolute
    assert rules.missing_here == tolerances(None)["usd"].missing_here


@pytest.mark.parametrize("text", ["5", "five%", "-1%", "101%", "%", "NaN%", "1e3%"])
def test_what_is_no_share_is_refused(text: str) -> None:
    with pytest.raises(BadStatement, match=r"write one such as 0\.5%"):
        tolerances(text)
