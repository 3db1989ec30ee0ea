"""A message that two attempts show is charged once."""

from __future__ import annotations

import itertools

import pytest

from tests.ledger.flat_prices import OUTPUT_PICO
from tests.ledger.keeping import Kept, kept_of
from tests.ledger.one_call import BEGUN, EXACT_PICO, USAGE, OneCall
from tests.ledger.sums import charged, total, waste


def said(decision: str, output: int, *, at_s: int, **more: str) -> OneCall:
    usage = {**USAGE, "output_tokens": output}
    call = OneCall(decision, at_s=at_s).decided().started(**more).used()
    return call.finished(usage=usage)


def test_the_second_attempt_is_charged_nothing() -> None:
    rows = kept_of(said("dec_1", 50, at_s=0), said("dec_2", 50, at_s=10)).rows
    first, again = rows.values()
    assert (first.net_pico, first.duplicate_of, first.flags) == (EXACT_PICO, None, ())
    assert (again.net_pico, again.low_pico, again.high_pico, again.list_pico) == (0, 0, 0, 0)
    assert (again.duplicate_of, again.state, again.output_tokens) == ("dec_1.1", "final", 50)
    assert total(rows.values()).exact_pico == EXACT_PICO


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_counts_that_differ_are_raised_and_named_in_any_order(order: tuple[int, ...]) -> None:
    calls = [said(f"dec_{each}", output, at_s=each) for each, output in enumerate((100, 98, 101))]
    rows = kept_of(*(calls[each] for each in order)).rows
    (first,) = (row for row in rows.values() if row.duplicate_of is None)
    assert first.attempt == "dec_0.1"
    assert first.output_tokens == 101
    assert first.net_pico == EXACT_PICO + 51 * OUTPUT_PICO
    assert first.flags == ("conflict", "conflict: output_tokens")
    assert total(rows.values()).exact_pico == first.net_pico


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_a_conflict_is_not_forgotten_when_an_earlier_attempt_agrees(order: tuple[int, ...]) -> None:
    calls = [said(f"dec_{each}", output, at_s=each) for each, output in enumerate((100, 98, 100))]
    rows = kept_of(*(calls[each] for each in order)).rows
    assert rows["dec_0.1"].flags == ("conflict", "conflict: output_tokens")
    assert (rows["dec_0.1"].duplicate_of, rows["dec_0.1"].output_tokens) == (None, 100)


def test_a_row_that_was_just_named_is_raised_and_keeps_its_name() -> None:
    kept, call = Kept(), OneCall().decided().started()
    call.failed(state="unknown", message_id="msg_1", usage=BEGUN).started(2)
    kept.fold(call.records)
    call.finished(2, message_id="msg_2")
    kept.fold([*call.records[-1:], *said("dec_2", 50, at_s=20).records])
    row = kept.rows["dec_1.1"]
    assert (row.request_id, row.state, row.net_pico) == ("req_1", "final", EXACT_PICO)


@pytest.mark.parametrize("more", [{"account": "org-2"}, {"platform": "bedrock"}])
def test_another_account_or_platform_is_another_message(more: dict[str, str]) -> None:
    rows = kept_of(said("dec_1", 50, at_s=0), said("dec_2", 50, at_s=10, **more)).rows
    assert [row.net_pico for row in rows.values()] == [EXACT_PICO, EXACT_PICO]


def test_an_answer_that_broke_off_and_came_again_is_charged_to_who_got_it() -> None:
    call = OneCall().decided().started()
    call.failed(state="unknown", message_id="msg_1", usage=BEGUN).started(2).finished(2)
    rows = kept_of(call).rows.values()
    first, again = rows
    assert (first.state, first.net_pico, first.won) == ("final", EXACT_PICO, True)
    assert (again.duplicate_of, again.net_pico) == ("dec_1.1", 0)
    assert charged(rows, charge_partial=False).exact_pico == EXACT_PICO
    assert waste(rows).high_pico == 0
    assert "estimated" not in first.flags


def test_an_open_attempt_is_charged_until_it_proves_to_be_a_repeat() -> None:
    kept = Kept()
    kept.fold(said("dec_1", 50, at_s=0).records)
    call = OneCall("dec_2", at_s=9).decided().started().used()
    kept.fold(call.records)
    kept.restart()
    assert kept.rows["dec_2.1"].duplicate_of is None
    kept.fold(call.ended("broken").records)
    row = kept.rows["dec_2.1"]
    assert (row.duplicate_of, row.state, row.high_pico) == ("dec_1.1", "partial", 0)
