"""One call, and what its records come to."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from gateway.ledger.row import Row, State
from gateway.prices import shipped
from tests.ledger.flat_prices import INPUT_PICO, OUTPUT_PICO, READ_PICO, WRITE_PICO
from tests.ledger.keeping import Kept, kept_of
from tests.ledger.one_call import BEGUN, EXACT_PICO, OPUS, USAGE, OneCall
from tests.ledger.records import START_US

MOST_PICO = 40_000 * WRITE_PICO + 1024 * OUTPUT_PICO
"""What the usual call can cost where nothing was told."""
BEGUN_PICO = EXACT_PICO - 49 * OUTPUT_PICO


def rows_of(*calls: OneCall) -> tuple[Row, ...]:
    """Return the rows of calls, one batch each."""
    kept = kept_of(*calls)
    assert not kept.troubles
    return tuple(kept.rows.values())


def money(row: Row) -> tuple[int | None, int | None, int | None, int | None]:
    return row.list_pico, row.net_pico, row.low_pico, row.high_pico


def test_a_row_says_who_asked_for_what_and_what_came_of_it() -> None:
    (row,) = rows_of(OneCall().decided().started().used().finished())
    assert msgspec.structs.asdict(row) == {
        "attempt": "dec_1.1",
        "decision": "dec_1",
        "number": 1,
        "kind": "messages",
        "streamed": True,
        "started_us": START_US + 1_000_000,
        "ended_us": START_US + 3_000_000,
        "environment": "prod",
        "door": "server",
        "caller": "web",
        "data_class": "customer",
        "team": "search",
        "tags": {"team": "search", "task": "sum"},
        "session": "session-1",
        "agent": "agent-1",
        "parent_agent": "agent-0",
        "payer": "",
        "request_id": "req_1",
        "platform_request_id": "req_platform",
        "message_id": "msg_1",
        "upstream": "direct",
        "platform": "anthropic",
        "account": "org-1",
        "region": "",
        "scope": "global",
        "model": OPUS,
        "wire_model": OPUS,
        "served_model": OPUS,
        "state": "final",
        "open": False,
        "won": True,
        "outcome": "complete",
        "stop_reason": "end_turn",
        "refusal_category": None,
        "input_tokens": 1000,
        "output_tokens": 50,
        "cache_write_tokens": 30,
        "cache_write_5m_tokens": 20,
        "cache_write_1h_tokens": 10,
        "cache_read_tokens": 400,
        "thinking_tokens": None,
        "web_searches": None,
        "usage": row.usage,
        "list_pico": EXACT_PICO,
        "net_pico": EXACT_PICO,
        "low_pico": EXACT_PICO,
        "high_pico": EXACT_PICO,
        "uncached_pico": 1430 * INPUT_PICO + 50 * OUTPUT_PICO,
        "unpriced": None,
        "price_digest": f"flat-1-{OPUS}",
        "flags": (),
        "duplicate_of": None,
        "own": None,
        "file": "journal-1.jsonl",
        "seq": 1,
        "max_tokens": 1024,
        "body_bytes": 40_000,
    }
    assert msgspec.json.decode(row.usage or "") == USAGE


def test_a_row_grows_with_its_records() -> None:
    kept, call = Kept(), OneCall().decided().started().used().finished()
    seen = []
    for placed in call.records[1:]:
        kept.fold([*call.records[:1], placed])
        kept.restart()
        (row,) = kept.rows.values()
        seen.append((row.state, row.open, money(row)))
    assert seen == [
        ("unknown", True, (None, None, 0, MOST_PICO)),
        (
            "partial",
            True,
            (
                BEGUN_PICO + 1023 * OUTPUT_PICO // 2,
                BEGUN_PICO + 1023 * OUTPUT_PICO // 2,
                BEGUN_PICO,
                BEGUN_PICO + 1023 * OUTPUT_PICO,
            ),
        ),
        ("final", False, (EXACT_PICO,) * 4),
    ]
    assert not kept.open_calls


@pytest.mark.parametrize("state", ["not_sent", "rejected"])
def test_what_was_not_sent_or_was_rejected_costs_nothing(state: str) -> None:
    (row,) = rows_of(OneCall().decided().started().failed(state=state).ended("failed"))
    assert (row.state, row.open, row.won, row.outcome) == (state, False, False, "ill")
    assert money(row) == (0, 0, 0, 0)
    assert row.request_id == "req_1"


def test_what_policy_stopped_was_not_sent() -> None:
    (row,) = rows_of(OneCall().decided().started().withdrawn().ended("withdrawn"))
    assert (row.state, row.outcome, money(row)) == ("not_sent", "withdrawn", (0, 0, 0, 0))


@pytest.mark.parametrize("state", ["unknown", "partial", "teleported", None])
def test_a_failure_that_says_no_usage_may_have_cost_nothing_or_all(state: str | None) -> None:
    (row,) = rows_of(OneCall().decided().started().failed(state=state))
    assert (row.state, row.open) == ("unknown", False)
    assert money(row) == (None, None, 0, MOST_PICO)


@pytest.mark.parametrize("state", ["unknown", "rejected", "partial", "final"])
def test_a_failure_that_says_usage_is_partial_whatever_its_kind(state: str) -> None:
    call = OneCall().decided().started()
    call.failed(state=state, usage=BEGUN, message_id="msg_1", model=OPUS)
    (row,) = rows_of(call)
    assert (row.state, row.open, row.message_id) == ("partial", False, "msg_1")
    assert row.input_tokens == 1000
    assert row.low_pico == BEGUN_PICO
    assert "estimated" in row.flags


def test_a_cut_answer_keeps_its_exact_input() -> None:
    call = OneCall().decided().started().used()
    call.finished(state="failed", usage={}, whole=False, counted=False, stop_reason=None)
    (row,) = rows_of(call)
    assert (row.state, row.won, row.outcome) == ("partial", True, "failed")
    assert (row.input_tokens, row.cache_read_tokens, row.output_tokens) == (1000, 400, 1)
    assert row.list_pico == row.net_pico
    assert row.price_digest == f"flat-1-{OPUS}"


@pytest.mark.parametrize("used", [False, True])
def test_what_the_platform_may_run_on_top_has_no_upper_bound(used: bool) -> None:
    call = OneCall().decided(unsized=["of_a_later_version"]).started()
    (row,) = rows_of((call.used() if used else call).ended("broken"))
    assert row.low_pico == (BEGUN_PICO if used else 0)
    assert (row.high_pico, row.unpriced) == (None, None)
    assert "server_tools" in row.flags
    (done,) = rows_of(OneCall().decided(unsized=["server_tools"]).started().finished())
    assert (money(done), done.flags) == ((EXACT_PICO,) * 4, ())


def test_documents_that_stand_elsewhere_are_bounded_by_the_window() -> None:
    kept = Kept(shipped())
    for decision, more in (("dec_1", {}), ("dec_2", {"unsized": ["documents"]})):
        kept.fold(OneCall(decision).decided(bytes=900, **more).started().ended("broken").records)
    usual, other = kept.rows.values()
    assert (usual.high_pico or 0) < 10**12 < (other.high_pico or 0)
    assert other.flags == ("documents",)


def test_of_a_call_whose_request_is_not_on_record_nothing_bounds_the_most() -> None:
    (row,) = rows_of(OneCall().started().used().ended("broken"))
    assert "no_decision" in row.flags
    assert (row.low_pico, row.high_pico) == (BEGUN_PICO, None)


def test_a_usage_with_a_usage_in_it_is_read_as_the_header_reads_it() -> None:
    odd = {**USAGE, "usage": {"input_tokens": 1, "output_tokens": 1}, "type": "message"}
    call = OneCall().decided().started().finished(usage=odd)
    (row,) = rows_of(call)
    assert (row.input_tokens, row.net_pico) == (1000, EXACT_PICO)


def test_a_cut_answer_whose_last_counts_came_is_final() -> None:
    call = OneCall().decided().started().used().finished(state="left", whole=False)
    (row,) = rows_of(call)
    assert (row.state, row.won, row.outcome, row.net_pico) == ("final", True, "left", EXACT_PICO)


@pytest.mark.parametrize(
    ("usage", "state"),
    [({}, "unknown"), ({"input_tokens": 7}, "partial"), ({"output_tokens": 7}, "partial")],
)
def test_an_answer_that_is_whole_and_not_counted_is_not_priced_as_if(
    usage: dict[str, Any], state: str
) -> None:
    (row,) = rows_of(OneCall().decided(stream=False).started().finished(usage=usage))
    assert (row.state, row.flags[-1]) == (state, "uncounted")


def test_a_journal_of_before_says_by_the_whole_answer_that_counts_are_final() -> None:
    old = OneCall().decided().started().finished(counted=None)
    cut = OneCall("dec_2").decided().started().finished(counted=None, whole=False, message_id="m")
    one, other = rows_of(old, cut)
    assert (one.state, other.state) == ("final", "partial")


def test_members_that_older_journals_do_not_have_are_unknown() -> None:
    call = (
        OneCall()
        .say("decision", plan=["direct"])
        .say("started", attempt=1)
        .say("failed", attempt=1)
    )
    (row,) = rows_of(call)
    assert (row.platform, row.model, row.caller, row.scope, row.kind) == ("",) * 5
    assert money(row) == (None,) * 4
    assert row.unpriced == "neither its usage nor its size is on record"


def test_counting_tokens_costs_nothing_however_it_ends() -> None:
    def counting(decision: str) -> OneCall:
        return OneCall(decision).decided(call="count_tokens", stream=False, max_tokens=None)

    nothing: dict[str, Any] = {"usage": {}, "message_id": None, "model": None}
    rows = rows_of(
        counting("dec_1").started().finished(**nothing),
        counting("dec_2").started().failed(state="unknown"),
        counting("dec_3").started(),
        counting("dec_4").started().finished(**nothing, state="left", whole=False),
    )
    assert [row.state for row in rows] == ["final", "unknown", "unknown", "unknown"]
    assert {money(row) for row in rows} == {(0, 0, 0, 0)}


def test_what_somebody_else_pays_costs_nothing_and_says_so() -> None:
    (row,) = rows_of(OneCall().decided(payer="user_profile").started().finished())
    assert (row.payer, row.net_pico, row.state) == ("user_profile", 0, "final")


def test_a_failover_has_a_row_for_each_attempt_and_one_that_won() -> None:
    call = OneCall().decided().started().failed(state="unknown").started(2).finished(2)
    kept = Kept()
    for placed in call.records:
        kept.fold([placed])
        kept.restart()
    one, other = kept.rows.values()
    assert (one.won, other.won) == (False, True)
    assert (one.request_id, other.request_id) == ("req_1", "req_1")
    assert kept.rows == {row.attempt: row for row in rows_of(call)}
    assert not kept.open_calls


@pytest.mark.parametrize("state", ["left", "broken", "failed"])
def test_a_call_that_ends_without_an_answer_ends_what_still_waits(state: str) -> None:
    one, other = rows_of(
        OneCall().decided().started().ended(state),
        OneCall("dec_2").decided().started().used().ended(state),
    )
    assert (one.state, one.open, one.outcome, one.ended_us) == (
        "unknown",
        False,
        state,
        START_US + 2_000_000,
    )
    assert (other.state, other.open, other.outcome, other.won) == ("partial", False, state, False)


def test_an_attempt_whose_end_was_not_written_ends_with_its_call() -> None:
    one, other = rows_of(OneCall().decided().started().started(2).finished(2))
    assert (one.state, one.open, one.outcome, one.won) == ("unknown", False, "", False)
    assert other.won


def test_a_refused_call_has_no_row_and_is_not_waited_for() -> None:
    kept = kept_of(OneCall().say("decision", plan=[], rejected=[], refused="no"))
    assert not kept.rows
    assert not kept.open_calls


def test_a_call_goes_on_in_another_file() -> None:
    call, later = OneCall().decided().started(), OneCall(file="journal-2.jsonl", at_s=9).finished()
    kept = Kept()
    assert kept.fold(call.records).files == {"dec_1": "journal-1.jsonl"}
    kept.restart()
    assert not kept.fold(later.records).files
    (row,) = kept.rows.values()
    assert (row.state, row.file, row.seq) == ("final", "journal-1.jsonl", 1)


@pytest.mark.parametrize(
    ("named", "served", "priced"),
    [
        (None, None, True),
        (OPUS, OPUS, True),
        ("claude-haiku-5-5-20260801", "claude-haiku-5-5", True),
        ("arn:aws:bedrock:eu-west-1:1:application-inference-profile/x", OPUS, True),
        ("claude-nova-1", "claude-nova-1", False),
    ],
)
def test_a_row_says_which_model_answered(
    named: str | None, served: str | None, priced: bool
) -> None:
    wire_model = "arn:aws:bedrock:eu-west-1:1:application-inference-profile/x"
    call = OneCall().decided().started(model=wire_model).finished(model=named)
    (row,) = rows_of(call)
    assert (row.served_model, row.wire_model) == (served, wire_model)
    assert (row.net_pico is not None) == priced
    assert (row.unpriced is None) == priced


def test_what_has_no_price_says_why_and_is_not_free() -> None:
    known, begun = rows_of(
        OneCall().decided(model="claude-nova-1").started().finished(model="claude-nova-1"),
        OneCall("dec_2").decided(model="claude-nova-1").started(scope="mars"),
    )
    assert money(known) == money(begun) == (None,) * 4
    assert known.unpriced == "claude-nova-1 has no price"
    assert begun.unpriced == "claude-nova-1 has no price on anthropic (mars)"


def test_counts_that_are_none_are_left_out_and_named() -> None:
    usage = {"input_tokens": -1, "output_tokens": True, "cache_read_input_tokens": 2**60}
    (row,) = rows_of(OneCall().decided().started().finished(usage=usage))
    assert (row.input_tokens, row.output_tokens, row.cache_read_tokens) == (None, None, None)
    assert row.state is State.UNKNOWN
    assert {flag.partition(":")[0] for flag in row.flags} == {
        "cache_read_input_tokens",
        "input_tokens",
        "output_tokens",
        "uncounted",
    }


def test_the_counts_are_those_of_all_runs() -> None:
    runs = [
        {"type": "message", "input_tokens": 10, "output_tokens": 5},
        {"type": "advisor_message", "model": OPUS, "input_tokens": 3, "output_tokens": 2},
        {"type": "message", "input_tokens": 20, "output_tokens": 6, "cache_read_input_tokens": 9},
    ]
    usage = {"input_tokens": 10, "output_tokens": 11, "iterations": runs}
    (row,) = rows_of(OneCall().decided().started().finished(usage=usage))
    assert (row.input_tokens, row.output_tokens, row.cache_read_tokens) == (33, 13, 9)
    assert row.cache_write_tokens is None
    assert row.net_pico == 33 * INPUT_PICO + 13 * OUTPUT_PICO + 9 * READ_PICO


@pytest.mark.parametrize(("category", "billed"), [(None, 0), ("cyber", 0), ("bio", 1)])
def test_a_refusal_without_output_is_billed_by_its_category(
    category: str | None, billed: int
) -> None:
    usage = {"input_tokens": 1_000_000, "output_tokens": 0}
    kept = Kept(shipped())
    call = OneCall().decided().started().used(usage=usage)
    call.finished(usage=usage, stop_reason="refusal", refusal_category=category)
    kept.fold(call.records)
    (row,) = kept.rows.values()
    assert (row.net_pico, row.refusal_category) == (billed * 4 * 10**12, category)


def test_what_a_call_asks_for_narrows_the_bounds() -> None:
    def high_pico(speed: str | None) -> int:
        kept = Kept(shipped())
        kept.fold(OneCall().decided(speed=speed).started().records)
        return kept.rows["dec_1.1"].high_pico or 0

    assert high_pico("standard") < high_pico(None) == high_pico("fast")


def test_flags_of_usage_and_price_are_on_the_row() -> None:
    usage = {"input_tokens": 1, "output_tokens": 1, "cache_creation_input_tokens": 5, "speed": 3}
    (row,) = rows_of(OneCall().decided().started().finished(usage=usage))
    assert row.flags == ("assumed_ttl", "speed: not text")


def test_the_prices_behind_a_digest_are_handed_out_once() -> None:
    kept = Kept()
    first = kept.fold(OneCall().decided().started().finished().records)
    second = kept.fold(OneCall("dec_2").decided().started().finished(message_id="msg_2").records)
    assert list(first.price_rows) == [f"flat-1-{OPUS}"]
    assert not second.price_rows
    assert kept.rows["dec_2.1"].price_digest in first.price_rows
