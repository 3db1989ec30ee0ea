"""What groups turn out to be, what is not compared, and that every sum is somewhere."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from gateway.reconcile.matching import Comparison, Group, compare
from gateway.reconcile.spans import ALL, Span
from gateway.reconcile.statement import Charge, Gathered, Statement
from gateway.reconcile.sums import Sums
from gateway.reconcile.terms import Class, Tolerance, Tolerances
from tests.reconcile.sides import FIRST, OPUS, PICO, SONNET, WEEK, charge, statement, sums


def usd(comparison: Comparison) -> list[Group]:
    return [each for each in comparison.groups if each.key.family.measure == "usd"]


def only(comparison: Comparison) -> Group:
    (group,) = comparison.groups
    return group


@pytest.mark.parametrize(
    ("theirs", "ours", "kind"),
    [
        (100, 100, Class.MATCH),
        (100, 101, Class.WE_HIGH),
        (101, 100, Class.WE_LOW),
        (100, None, Class.MISSING_HERE),
        (None, 100, Class.MISSING_THERE),
        (0, 100, Class.MISSING_THERE),
    ],
)
def test_tokens_are_the_same_or_they_are_not(
    theirs: int | None, ours: int | None, kind: Class
) -> None:
    charges = [] if theirs is None else [charge(tokens=theirs)]
    attempts = [] if ours is None else [sums(input=ours)]
    comparison = compare(statement(*charges), attempts, WEEK)
    group = only(comparison)
    assert (group.found.kind, group.found.within_bounds) == (kind, False)
    assert group.difference == ((theirs or 0) - (ours or 0)) * PICO
    assert comparison.matches == (kind is Class.MATCH)


@pytest.mark.parametrize(
    ("theirs", "ours", "kind"),
    [
        ("12.345", "12.345", Class.MATCH),
        ("12.345", "12.3459", Class.MATCH),  # A tenth of a cent.
        ("12.345", "12.3471", Class.WE_HIGH),
        ("12.345", "12.3429", Class.WE_LOW),
        ("1000", "1000.09", Class.MATCH),  # A hundredth of a percent.
        ("1000", "1000.11", Class.WE_HIGH),
    ],
)
def test_money_may_be_rounded_but_not_wrong(theirs: str, ours: str, kind: Class) -> None:
    comparison = compare(statement(charge(usd=theirs)), [sums(usd=ours)], WEEK)
    assert only(comparison).found.kind is kind


def test_what_a_little_group_lacks_is_no_difference() -> None:
    assert only(compare(statement(charge(usd="0.0009")), [], WEEK)).found.kind is Class.MATCH
    assert only(compare(statement(), [sums(usd="0.0009")], WEEK)).found.kind is Class.MATCH


@pytest.mark.parametrize(
    ("theirs", "kind", "within"),
    [
        ("4.99", Class.MATCH, True),
        ("3", Class.MATCH, True),
        ("2.9", Class.WE_HIGH, False),
        ("8", Class.MATCH, True),
        ("8.1", Class.WE_LOW, False),
        ("5", Class.MATCH, False),
    ],
)
def test_a_sum_within_the_bounds_of_what_nobody_told_matches(
    theirs: str, kind: Class, within: bool
) -> None:
    ours = sums(usd="5", bounds=("3", "8"), attempts=4, uncertain=2)
    comparison = compare(statement(charge(usd=theirs)), [ours], WEEK)
    group = only(comparison)
    assert (group.found.kind, group.found.within_bounds) == (kind, within)
    assert group.ours is not None
    assert (group.ours.low, group.ours.high) == (3 * PICO, 8 * PICO)
    assert any(note.endswith("may not be billed: 2") for note in group.notes)


def test_attempts_that_may_have_cost_nothing_may_be_missing_there() -> None:
    ours = sums(usd="1", bounds=("0", "2"), uncertain=1)
    assert only(compare(statement(), [ours], WEEK)).found == (Class.MATCH, True)
    assert only(compare(statement(charge(usd="2")), [ours], WEEK)).found == (Class.MATCH, True)


def test_attempts_without_a_price_never_match() -> None:
    ours = sums(usd="0", unpriced=3, attempts=3)
    group = only(compare(statement(charge(usd="4")), [ours], WEEK))
    assert group.found.kind is Class.WE_LOW
    assert "attempts without a price: 3" in group.notes


def test_groups_are_as_fine_as_the_statement() -> None:
    ours = [
        sums(input=1, model=OPUS), sums(input=2, model=SONNET),
        sums(input=4, model=OPUS, scope="regional"),
    ]  # fmt: skip
    fine = [
        charge(tokens=1), charge(tokens=2, model=SONNET), charge(tokens=4, scope="regional"),
    ]  # fmt: skip
    assert [each.found.kind for each in compare(statement(*fine), ours, WEEK).groups] == [
        Class.MATCH
    ] * 3
    by_model = [charge(tokens=5, scope=None), charge(tokens=2, model=SONNET, scope=None)]
    comparison = compare(statement(*by_model), ours, WEEK)
    assert comparison.matches
    assert {(each.key.model, each.key.scope) for each in comparison.groups} == {
        (OPUS, None), (SONNET, None),
    }  # fmt: skip
    all_in_one = compare(statement(charge(tokens=7, model=None, scope=None)), ours, WEEK)
    assert all_in_one.matches
    assert (only(all_in_one).key.model, only(all_in_one).attempts) == (None, 3)


def test_what_some_lines_do_not_tell_is_told_by_none() -> None:
    ours = [sums(input=1, model=OPUS), sums(input=2, model=SONNET, scope="regional")]
    charges = [charge(tokens=1), charge(tokens=2, model=None, scope=None)]
    comparison = compare(statement(*charges), ours, WEEK)
    assert comparison.matches
    assert (only(comparison).key.model, only(comparison).key.scope) == (None, None)


def test_a_model_nobody_knows_is_a_group_of_its_own() -> None:
    charges = [charge(tokens=5), charge(tokens=3, model=None, named="Claude9Oracle")]
    comparison = compare(statement(*charges), [sums(input=5)], WEEK)
    assert [(each.key.model, each.found.kind) for each in comparison.groups] == [
        ("Claude9Oracle", Class.MISSING_HERE),
        (OPUS, Class.MATCH),
    ]


def test_a_line_that_is_not_understood_is_never_passed_over() -> None:
    odd = charge("not_understood", usd="0.7", model=None, named="holograms", scope=None)
    comparison = compare(statement(charge(usd="5"), odd), [sums(usd="5")], WEEK)
    missing = next(each for each in comparison.groups if each.found.kind is not Class.MATCH)
    assert (missing.key.model, missing.found.kind) == ("holograms", Class.MISSING_HERE)
    assert missing.difference == 7 * PICO // 10


def test_one_sum_for_everything_is_held_against_everything() -> None:
    ours = sums(usd="5")
    charges = [charge("all", usd="5", model=None, scope=None)]
    assert compare(statement(*charges), [ours], WEEK).matches


def test_days_are_compared_apart_unless_lines_cover_several() -> None:
    next_day = Span(FIRST.end, FIRST.end + 24)
    ours = [sums(input=3), sums(input=4, start_h=FIRST.end + 5)]
    shifted = [charge(tokens=4), charge(tokens=3, period=next_day)]
    kinds = [each.found.kind for each in compare(statement(*shifted), ours, WEEK).groups]
    assert kinds == [Class.WE_LOW, Class.WE_HIGH]
    both = charge(tokens=7, period=Span(FIRST.start, next_day.end))
    assert compare(statement(both), ours, WEEK).matches


def test_hours_make_up_their_day() -> None:
    hours = [
        charge(tokens=3, period=Span(FIRST.start + 1, FIRST.start + 2)),
        charge(tokens=4, period=Span(FIRST.start + 20, FIRST.start + 21)),
    ]
    assert compare(statement(*hours), [sums(input=7)], WEEK).matches


@pytest.mark.parametrize(("tokens", "next_tokens"), [(10, 5), (7, 8)])
def test_an_attempt_over_midnight_may_be_in_either_day(tokens: int, next_tokens: int) -> None:
    next_day = Span(FIRST.end, FIRST.end + 24)
    ours = [
        sums(input=7), sums(input=3, start_h=FIRST.end - 1, end_h=FIRST.end),
        sums(input=5, start_h=FIRST.end + 3),
    ]  # fmt: skip
    charges = [charge(tokens=tokens), charge(tokens=next_tokens, period=next_day)]
    comparison = compare(statement(*charges), ours, WEEK)
    assert comparison.matches
    assert all(any("ran over an edge" in note for note in each.notes) for each in comparison.groups)


def test_what_days_hide_the_total_shows() -> None:
    """An attempt over midnight is in one of the days: that it is in none, no day can tell."""
    next_day = Span(FIRST.end, FIRST.end + 24)
    ours = [
        sums(input=7), sums(input=3, start_h=FIRST.end - 1, end_h=FIRST.end),
        sums(input=5, start_h=FIRST.end + 3),
    ]  # fmt: skip
    charges = [charge(tokens=7), charge(tokens=5, period=next_day)]
    comparison = compare(statement(*charges), ours, WEEK)
    assert [each.found.kind for each in comparison.groups] == [Class.MATCH, Class.MATCH]
    assert [each.found.kind for each in comparison.totals] == [Class.WE_HIGH]
    assert not comparison.matches


@pytest.mark.parametrize(
    ("covered", "window", "why"),
    [
        ((Span(FIRST.end, FIRST.end + 24),), ALL, "the ledger has nothing of that time"),
        ((Span(FIRST.start + 10, FIRST.end),), ALL, "the ledger has only a part of that time"),
        (WEEK, (Span(FIRST.start + 1, FIRST.end),), "only a part of that time was asked for"),
    ],
)
def test_time_that_is_covered_in_part_is_named_and_not_compared(
    covered: Any, window: Any, why: str
) -> None:
    ours = sums(input=1, usd="1", start_h=FIRST.start + 12)
    comparison = compare(statement(charge(tokens=9, usd="9")), [ours], covered, window)
    assert comparison.groups == ()
    there, *here = comparison.left
    assert (there.why, there.lines, there.usd) == (why, 1, Decimal(9))
    assert [(each.attempts, each.period) for each in here] == [(1, FIRST)]


def test_a_line_left_out_takes_others_of_its_time_with_it() -> None:
    month = charge(usd="50", period=Span(FIRST.start - 24, FIRST.end))
    day = charge(usd="9")
    comparison = compare(
        statement(month, day, spans=(Span(FIRST.start - 24, FIRST.end),)), [], (FIRST,)
    )
    assert comparison.groups == ()
    assert sorted(each.why for each in comparison.left) == [
        "other lines of that time are not compared either",
        "the ledger has only a part of that time",
    ]


def test_attempts_outside_of_what_the_statement_speaks_about_are_none_of_its_business() -> None:
    later = sums(input=4, start_h=FIRST.end + 1)
    comparison = compare(statement(charge(tokens=1), spans=(FIRST,)), [sums(input=1), later], WEEK)
    assert comparison.matches
    assert comparison.left == ()


def test_what_is_no_request_stands_beside() -> None:
    code = charge("other", usd="2.5", what="code_execution", model=None, scope=None)
    credit = charge("other", usd="-1", what="credit", model=None, scope=None)
    comparison = compare(statement(code, credit, charge(usd="3")), [sums(usd="3")], WEEK)
    assert comparison.matches
    assert [(each.what, each.pico, each.booked) for each in comparison.residuals] == [
        ("code_execution", 5 * PICO // 2, True),
        ("credit", -PICO, False),
    ]


def test_what_stands_beside_days_that_are_not_compared_is_told_and_not_booked() -> None:
    code = charge("other", usd="2.5", what="code_execution", model=None, scope=None)
    comparison = compare(statement(code), [], (Span(FIRST.end, FIRST.end + 24),))
    assert [each.booked for each in comparison.residuals] == [False]


def test_sums_are_exact_to_the_last_digit() -> None:
    large, small = charge(usd="999999999999999"), charge(usd="0.000000000001")
    (group,) = compare(statement(large, small), [], WEEK).groups
    assert group.theirs == 999_999_999_999_999 * PICO + 1
    lines = Gathered()
    for each in (large, charge(usd="0.000000000000000000000001"), charge(usd="-999999999999999")):
        lines.add(each)
    assert [each.amount for each in lines.charges()] == [Decimal("1E-24")]


def test_the_costs_of_a_tier_that_is_not_in_the_statement_stand_beside() -> None:
    ours = [sums(usd="3"), sums(usd="4", tier="priority")]
    comparison = compare(statement(charge(usd="3"), leaves_out_tiers=("priority",)), ours, WEEK)
    assert comparison.matches
    (beside,) = comparison.residuals
    assert (beside.what, beside.pico, beside.booked) == ("priority_tier", -4 * PICO, False)


def test_tokens_of_that_tier_are_compared_all_the_same() -> None:
    ours = [sums(input=3), sums(input=4, tier="priority")]
    charges = [charge(tokens=3), charge(tokens=4, tier="priority")]
    comparison = compare(statement(*charges, leaves_out_tiers=("priority",)), ours, WEEK)
    assert comparison.matches
    assert "lines of the tier priority: 1" in only(comparison).notes


def test_a_tolerance_of_ones_own_holds_instead() -> None:
    wide = Tolerance(relative=Decimal("0.1"), absolute=Decimal(0))
    rules = Tolerances(we_high=wide, we_low=wide, missing_here=wide, missing_there=wide)
    found = compare(
        statement(charge(usd="10")), [sums(usd="9.01")], WEEK,
        tolerance={"usd": rules, "tokens": rules},
    )  # fmt: skip
    assert found.matches


def test_a_report_of_tokens_alone_says_nothing_of_money() -> None:
    told: Statement = statement(charge(tokens=5), measures=("tokens",))
    ours: list[Sums] = [sums(input=5, usd="3")]
    assert [each.key.family.measure for each in compare(told, ours, WEEK).groups] == ["tokens"]


def test_all_groups_of_one_statement_have_tags_of_their_own() -> None:
    charges: list[Charge] = [charge(usd="1"), charge(usd="1", model=SONNET), charge(tokens=1)]
    groups = compare(statement(*charges), [], WEEK).groups
    assert len({each.tag for each in groups}) == len(groups) == 3
