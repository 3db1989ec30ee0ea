"""Adjustments: their ids, their sums, and what stands in the way of one."""

from __future__ import annotations

import pytest

from gateway.ledger.row import Adjustment
from gateway.reconcile.adjusting import adjustments, not_adjusted, source
from gateway.reconcile.booking import Booked, Chosen, Conflict
from gateway.reconcile.matching import Comparison, compare
from gateway.reconcile.spans import Span
from gateway.reconcile.statement import Charge, File
from gateway.reconcile.terms import Class
from tests.reconcile.sides import FIRST, OPUS, PICO, SONNET, WEEK, charge, statement, sums
from tests.reconcile.test_laws import booked

ALL_OF_IT = Chosen()


def due(
    *charges: Charge, before: list[Booked] | None = None, chosen: Chosen = ALL_OF_IT, usd: str = "5"
) -> list[Adjustment]:
    return adjustments(found(*charges, before=before, chosen=chosen, usd=usd), before or [], chosen)


def found(
    *charges: Charge, before: list[Booked] | None = None, chosen: Chosen = ALL_OF_IT, usd: str = "5"
) -> Comparison:
    return compare(statement(*charges), [sums(usd=usd)], WEEK, booked=before or [], chosen=chosen)


def test_an_adjustment_says_what_it_is_for_and_who_says_so() -> None:
    told = statement(charge(usd="7"), files=(File("cur.csv", "ab" * 32),))
    comparison = compare(told, [sums(usd="5")], WEEK)
    (made,) = adjustments(comparison, [], Chosen(upstreams=("frankfurt",)))
    assert (made.day, made.platform, made.upstream) == ("2026-11-02", "bedrock", "frankfurt")
    assert (made.model, made.amount_pico) == (OPUS, 2 * PICO)
    assert made.reason == ("reconciliation of tokens global: statement 7 USD, attempts 5 USD")
    assert made.source == source(comparison) == f"aws-cur: cur.csv sha256:{'ab' * 32}"
    assert len(made.id) <= 64


def test_what_matches_closely_is_adjusted_to_the_last_digit() -> None:
    (made,) = due(charge(usd="5.00000000000000000049"), charge(usd="0.000000000001"))
    assert made.amount_pico == 1


def test_where_nothing_differs_nothing_is_written() -> None:
    assert due(charge(usd="5")) == []


def test_the_same_statement_has_the_same_ids() -> None:
    assert due(charge(usd="7")) == due(charge(usd="7"))
    assert due(charge(usd="7"))[0].id != due(charge(usd="8"))[0].id
    assert due(charge(usd="7"))[0].id != due(charge(usd="7"), usd="4")[0].id


def test_written_twice_before_anybody_looked_it_is_written_once() -> None:
    """Two that run at the same time write the same ids, and the ledger takes an id once."""
    first, second = due(charge(usd="7")), due(charge(usd="7"))
    assert {each.id for each in first} == {each.id for each in second}


def test_back_and_forth_each_change_has_an_id_of_its_own() -> None:
    made = due(charge(usd="7"))
    made += due(charge(usd="9"), before=booked(made))
    made += due(charge(usd="7"), before=booked(made))
    assert [each.amount_pico for each in made] == [2 * PICO, 2 * PICO, -2 * PICO]
    assert len({each.id for each in made}) == 3


def test_late_attempts_are_taken_off_an_adjustment() -> None:
    made = due(charge(usd="7"))
    later = due(charge(usd="7"), before=booked(made), usd="6")
    assert [each.amount_pico for each in later] == [-PICO]


def test_what_is_no_group_any_more_is_taken_back() -> None:
    made = due(charge(usd="5"), charge(usd="3", model=SONNET))
    (back,) = due(charge(usd="5"), before=booked(made))
    assert (back.model, back.amount_pico) == (SONNET, -3 * PICO)
    assert due(charge(usd="5"), before=booked([*made, back])) == []


def test_with_what_was_adjusted_before_a_group_matches() -> None:
    made = due(charge(usd="7"))
    (group,) = found(charge(usd="7"), before=booked(made)).groups
    assert (group.found.kind, group.booked_pico, group.difference) == (Class.MATCH, 2 * PICO, 0)


def test_what_is_not_a_request_is_booked_where_it_belongs_to_the_cost() -> None:
    code = charge("other", usd="2.5", what="code_execution", model=None, scope=None)
    credit = charge("other", usd="-4", what="credit", model=None, scope=None)
    (made,) = due(charge(usd="5"), code, credit)
    assert (made.model, made.amount_pico) == ("", 5 * PICO // 2)
    assert "code_execution" in made.reason
    assert due(charge(usd="5"), code, credit, before=booked([made])) == []


def test_a_day_that_was_compared_in_part_is_left_alone() -> None:
    afternoon = (Span(FIRST.start + 12, FIRST.end),)
    hour = charge(usd="7", period=Span(FIRST.start + 13, FIRST.start + 14))
    comparison = compare(statement(hour), [], afternoon)
    assert [each.found.kind for each in comparison.groups] == [Class.MISSING_HERE]
    assert adjustments(comparison, [], Chosen()) == []
    assert not_adjusted(comparison) == list(comparison.groups)


def test_other_adjustments_than_comparisons_stay_apart() -> None:
    by_hand = Booked(
        id="by-hand", day="2026-11-02", platform="bedrock", upstream="", model=OPUS,
        amount_pico=PICO,
    )  # fmt: skip
    (made,) = due(charge(usd="7"), before=[by_hand])
    assert made.amount_pico == 2 * PICO


@pytest.mark.parametrize(
    ("first", "then", "clash"),
    [
        (Chosen(), Chosen(upstreams=("a",)), True),
        (Chosen(upstreams=("a",)), Chosen(), True),
        (Chosen(upstreams=("a",)), Chosen(upstreams=("b",)), False),
        (Chosen(upstreams=("a",)), Chosen(upstreams=("a", "b")), True),
        (Chosen(upstreams=("a",)), Chosen(upstreams=("a",), lines=("account=1",)), True),
        (Chosen(upstreams=("a", "b")), Chosen(upstreams=("a", "b")), False),
    ],
)
def test_choices_that_may_have_the_same_attempts_do_not_adjust_the_same_day(
    first: Chosen, then: Chosen, *, clash: bool
) -> None:
    made = booked(due(charge(usd="7"), chosen=first))
    if clash:
        with pytest.raises(Conflict, match="was adjusted before for another choice"):
            due(charge(usd="9"), before=made, chosen=then)
    else:
        due(charge(usd="9"), before=made, chosen=then)


def test_another_day_is_nobodys_business() -> None:
    made = booked(due(charge(usd="7"), chosen=Chosen(upstreams=("a",))))
    next_day = Span(FIRST.end, FIRST.end + 24)
    comparison = compare(
        statement(charge(usd="3", period=next_day), spans=(next_day,)), [], WEEK, booked=made
    )
    assert [each.day for each in adjustments(comparison, made, Chosen())] == ["2026-11-03"]
