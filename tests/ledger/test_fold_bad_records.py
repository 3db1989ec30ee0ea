"""Records that are missing, malformed or of another version: named, and nothing else is lost."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from sqlalchemy import String

from gateway.ledger.row import Adjustment, State
from gateway.ledger.schema import attempts
from tests.ledger.keeping import Kept, kept_of
from tests.ledger.one_call import EXACT_PICO, OPUS, USAGE, OneCall
from tests.ledger.records import START_US, Placed, record

LONG = "x" * 300
ADJUSTMENT = {
    "id": "adj_1",
    "day": "2026-11-22",
    "platform": "anthropic",
    "amount_pico": -5,
    "reason": "credit",
    "source": "cost.json sha256:1",
}


def test_an_attempt_whose_decision_is_not_there_has_a_row() -> None:
    (row,) = kept_of(OneCall().started().finished()).rows.values()
    assert (row.state, row.model, row.flags) == ("final", OPUS, ("no_decision",))
    assert (row.body_bytes, row.max_tokens) == (None, None)


def test_an_attempt_whose_start_is_not_there_has_a_row() -> None:
    kept = kept_of(OneCall().decided().say("started", attempt="one").finished())
    (row,) = kept.rows.values()
    assert (row.upstream, row.state, row.flags) == ("direct", "final", ("no_start",))
    assert row.unpriced is not None
    assert kept.troubles == {"started.attempt": 1}


@pytest.mark.parametrize(
    ("call", "trouble"),
    [
        (OneCall().finished(), "attempt.unseen"),
        (OneCall().failed(), "attempt.unseen"),
        (OneCall().used(), "attempt.unseen"),
        (OneCall().ended("failed"), "finished.unseen"),
    ],
)
def test_the_end_of_a_call_that_nobody_saw_begin_is_named(call: OneCall, trouble: str) -> None:
    kept = kept_of(call)
    assert kept.troubles == {trouble: 1}
    assert not kept.rows
    assert not kept.open_calls


def test_another_end_of_an_attempt_is_named_and_the_first_one_holds() -> None:
    kept = kept_of(OneCall().decided().started().failed().failed(state="unknown").ended("failed"))
    (row,) = kept.rows.values()
    assert row.state is State.REJECTED
    assert kept.troubles == {"failed.again": 1}


def test_another_start_or_usage_of_an_attempt_is_passed_over() -> None:
    call = OneCall().decided().started().started(upstream="elsewhere").used().used(usage=USAGE)
    kept = kept_of(call)
    kept.fold(call.records)
    (row,) = kept.rows.values()
    assert (row.upstream, row.seq, row.output_tokens) == ("direct", 1, 1)


def test_a_member_that_is_wrong_is_named_and_the_others_are_kept() -> None:
    call = OneCall().decided(tags=["search"], bytes=-1, stream=None).started(region="r" * 65)
    kept = kept_of(call.finished(stop_reason=7))
    (row,) = kept.rows.values()
    assert kept.troubles == {
        "decision.tags": 1,
        "decision.bytes": 1,
        "started.region": 1,
        "finished.stop_reason": 1,
    }
    assert (row.caller, row.team, row.net_pico) == ("web", "", EXACT_PICO)


@pytest.mark.parametrize("data", [b"[]", b"{", b"null", b"", b"\xff", b'{"attempt":1}'])
def test_data_that_is_none_is_named(data: bytes) -> None:
    kept = Kept()
    placed = Placed("journal-1.jsonl", record(0, "started", {}))
    kept.fold(
        [placed._replace(record=msgspec.structs.replace(placed.record, data=msgspec.Raw(data)))]
    )
    kept.restart()
    assert kept.troubles == {"started": 1}
    assert not kept.rows


def test_a_time_that_is_none_is_named() -> None:
    call = OneCall().decided().started()
    file, begun = call.records[1]
    kept = Kept()
    kept.fold([call.records[0], Placed(file, msgspec.structs.replace(begun, at="yesterday"))])
    kept.restart()
    (row,) = kept.rows.values()
    assert (row.started_us, kept.troubles) == (0, {"started.at": 1})


def test_kinds_and_members_of_later_versions_are_passed_over() -> None:
    call = OneCall().decided(mood="good").say("teleported", attempt=1).started(orbit=3)
    call.say("policy", files=[]).say("verdicts", id="x").finished(colour="blue")
    assert [row.net_pico for row in kept_of(call).rows.values()] == [EXACT_PICO]


def test_a_call_that_was_kept_and_cannot_be_read_is_named() -> None:
    kept = Kept()
    kept.fold(OneCall().decided().started().records)
    kept.open_calls["dec_1"] = '{"file": 7}'
    kept.restart()
    kept.fold(OneCall("dec_2").decided().started().finished().records)
    kept.restart()
    assert kept.rows["dec_2.1"].state is State.FINAL
    assert kept.rows["dec_1.1"].open
    assert kept.troubles["open_call"] > 0


def test_a_cost_beyond_what_a_row_holds_is_unpriced() -> None:
    huge = {"input_tokens": 2**53, "output_tokens": 2**53}
    one, other = (
        kept_of(OneCall().decided(bytes=2**53).started()),
        kept_of(OneCall().decided().started().finished(usage=huge)),
    )
    for kept in (one, other):
        (row,) = kept.rows.values()
        assert row.unpriced == "it comes to more than a row holds"
        assert (row.list_pico, row.net_pico, row.low_pico, row.high_pico) == (None,) * 4


def test_an_adjustment_is_handed_on() -> None:
    kept = Kept()
    for _ in range(2):
        kept.fold([Placed("journal-1.jsonl", record(0, "adjustment", {**ADJUSTMENT, "x": 1}))])
    expected = msgspec.convert({**ADJUSTMENT, "at_us": START_US}, Adjustment)
    assert kept.adjustments == {"adj_1": expected}
    assert not kept.fold([]).adjustments


@pytest.mark.parametrize("wrong", [{"day": "today"}, {"amount_pico": 1.5}, {"amount_pico": 2**63}])
def test_an_adjustment_that_is_wrong_is_named(wrong: dict[str, Any]) -> None:
    kept = Kept()
    kept.fold([Placed("journal-1.jsonl", record(0, "adjustment", {**ADJUSTMENT, **wrong}))])
    kept.restart()
    assert not kept.adjustments
    assert kept.troubles == {"adjustment": 1, f"adjustment.{next(iter(wrong))}": 1}


def test_what_a_row_takes_from_records_fits_into_its_columns() -> None:
    asked = ("call", "class", "key", "door", "environment", "session", "agent", "parent_agent")
    call = OneCall().decided(**dict.fromkeys((*asked, "payer", "model"), LONG), tags={"x": LONG})
    goes = ("upstream", "platform", "region", "account", "scope", "model")
    call.started(**dict.fromkeys(goes, LONG))
    said = ("message_id", "model", "stop_reason", "platform_request_id", "request_id", "state")
    call.finished(**dict.fromkeys(said, LONG), upstream=None)
    (row,) = kept_of(call).rows.values()
    for column in attempts.columns:
        kind, value = column.type, getattr(row, column.name, None)
        if type(kind) is String and value is not None:
            assert kind.length is not None
            assert len(value) <= kind.length, column.name
