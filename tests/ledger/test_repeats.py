"""A message that two attempts show is charged once."""

from __future__ import annotations

import itertools
import os
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.journal.read import files
from gateway.ledger import schema
from gateway.ledger.folding import fold_once
from gateway.ledger.store import Ledger
from gateway.ledger.verifying import verify
from gateway.prices import shipped
from gateway.unsized import DOCUMENTS, SERVER_TOOLS
from tests.ledger.flat_prices import OUTPUT_PICO
from tests.ledger.journals import NOW_S, End, MadeUp, dump, write
from tests.ledger.keeping import Kept, kept_of
from tests.ledger.one_call import BEGUN, EXACT_PICO, OPUS, USAGE, OneCall
from tests.ledger.records import Placed
from tests.ledger.sums import charged, total, waste

BOOK = shipped()
ENDS = ("complete", "complete", "left", "failed", "silent", "rejected", "broken", "open")


def said(decision: str, output: int, *, at_s: int, **more: str) -> OneCall:
    usage = {**USAGE, "output_tokens": output}
    call = OneCall(decision, at_s=at_s).decided().started(**more).used()
    return call.finished(usage=usage)


def told(draw: st.DrawFn, number: int) -> OneCall:
    """Return a call of which an attempt shows the message of others, however it ends."""
    counts = {
        "output_tokens": draw(st.integers(1, 4)),
        "input_tokens": draw(st.sampled_from([900, 1000, None])),
    }
    served = draw(st.sampled_from([OPUS, OPUS, "claude-haiku-5-5", "claude-next", None]))
    answer = {"usage": {**USAGE, **counts}, "model": served}
    stop_reason = draw(st.sampled_from([None, "end_turn", "max_tokens"]))
    call = OneCall(f"dec_{number}", file=f"journal-{number}.jsonl", at_s=draw(st.integers(0, 2)))
    unsized = draw(st.sampled_from([None, [DOCUMENTS], [SERVER_TOOLS]]))
    call.decided(unsized=unsized).started()
    end = draw(st.sampled_from(ENDS))
    if end == "complete":
        return call.used(model=served).finished(**answer, stop_reason=stop_reason)
    if end == "left":
        return call.used(model=served).finished(whole=False, counted=False, usage=BEGUN)
    if end in {"failed", "silent", "rejected"}:
        state = "rejected" if end == "rejected" else "unknown"
        return call.failed(state=state, message_id="msg_1", **(answer if end == "failed" else {}))
    return call.used().ended("broken") if end == "broken" else call.used()


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


@st.composite
def shown(draw: st.DrawFn) -> list[OneCall]:
    """Return calls whose attempts show one message; several may start at the same time."""
    return [told(draw, number) for number in range(draw(st.integers(3, 6)))]


@st.composite
def in_another_order(draw: st.DrawFn, calls: list[OneCall]) -> list[Placed]:
    """Return the records of calls, those of each in their order."""
    waiting, found = [list(call.records) for call in calls], []
    while waiting := [each for each in waiting if each]:
        found.append(draw(st.sampled_from(waiting)).pop(0))
    return found


@given(calls=shown(), data=st.data())
@settings(max_examples=1000 if os.environ.get("TIDEGATE_NIGHTLY") else 150)
def test_any_order_and_interleaving_gives_the_same_rows(
    calls: list[OneCall], data: st.DataObject
) -> None:
    due = kept_of(*calls)
    records = data.draw(in_another_order(calls))
    cuts = data.draw(st.lists(st.integers(0, len(records)), max_size=5))
    kept = Kept()
    kept.in_batches(records, cuts)
    assert kept.rows == due.rows
    assert kept.sums == due.sums
    ended = [row for row in due.rows.values() if not row.open and row.message_id]
    first = min(ended, key=lambda row: (row.started_us, row.attempt), default=None)
    for row in ended:
        assert row.duplicate_of == (None if row is first else first and first.attempt)


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_any_order_of_folding_gives_the_same_ledger(order: tuple[int, ...], tmp_path: Path) -> None:
    """The files of a journal are folded one by one, as those of several processes are."""
    whole, grown = tmp_path / "whole", tmp_path / "grown"
    grown.mkdir()
    ends: list[End] = ["complete", "left", "complete", "complete"]
    for number, end in enumerate(ends):
        call = MadeUp(number, end, message="msg_a", output=(200, 0, 100, 300)[number])
        write(whole, list(call.told()), now_s=NOW_S + number)
    ledger = Ledger.open("sqlite:///ledger.sqlite3", tmp_path)
    paths = files(whole)
    for each in order:
        shutil.copy(paths[each], grown)
        fold_once(ledger, grown, BOOK)
    fresh = Ledger.open("sqlite:///fresh.sqlite3", tmp_path)
    fold_once(fresh, whole, BOOK)
    found = dump(ledger)
    assert [each["duplicate_of"] for each in found["attempts"]].count(f"dec_{0:024x}.1") == 3
    assert found == dump(fresh)
    report = verify(ledger, [grown], BOOK)
    assert report.ok, report.differences
    with ledger.writing() as writing:
        wrong = schema.attempts.update().where(schema.attempts.c.decision == f"dec_{3:024x}")
        writing.connection.execute(wrong.values(duplicate_of=f"dec_{2:024x}.1"))
    assert not verify(ledger, [grown], BOOK).ok
    ledger.close()
    fresh.close()


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
