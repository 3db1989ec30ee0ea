"""One conversation: each message once, whatever tells of it."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from anthropic._models import construct_type
from anthropic.lib.streaming import ParsedMessageStopEvent
from anthropic.types import Message, RawMessageStreamEvent
from anthropic.types.beta import BetaMessage
from anthropic.types.messages import MessageBatchIndividualResponse

from gateway.billing import CostTracker, Place
from gateway.ledger.row import State
from tests.unit.billing.hand_priced import (
    INPUT,
    MODEL,
    MOST,
    OUTPUT,
    READ,
    WRITE,
    AssistantMessage,
    HandPriced,
    RateLimitEvent,
    ResultMessage,
    StreamEvent,
    SystemMessage,
    ToolUseBlock,
    UserMessage,
    message,
    stream,
    usage,
)


def tracker() -> CostTracker:
    return CostTracker(HandPriced(), clock=lambda: 5.0)


def agent(message_id: str, counts: dict[str, Any], **more: Any) -> AssistantMessage:
    told: dict[str, Any] = {"content": [], "model": MODEL, "session_id": "s", **more}
    return AssistantMessage(message_id=message_id, usage=counts, **told)


def test_a_message_is_charged_once_however_many_tool_calls_repeat_it() -> None:
    bill = tracker()
    for call in ("toolu_1", "toolu_2", "toolu_3", "toolu_4"):
        block = ToolUseBlock(call, "Read", {})
        bill.add(agent("msg_1", usage(10, 2, 3, 4), content=[block], stop_reason="tool_use"))
    bill.add(message("msg_2", usage(20, 1)))

    assert [charge.id for charge in bill.charges] == ["msg_1", "msg_2"]
    total = bill.total
    assert (total.messages, total.flagged, total.complete) == (2, 0, True)
    assert total.net_pico == 30 * INPUT + 3 * WRITE + 4 * READ + 3 * OUTPUT
    assert total.cost_usd == "0.0001958"
    assert (total.input_tokens, total.cache_write_tokens) == (30, 3)
    assert (total.cache_read_tokens, total.output_tokens) == (4, 3)
    assert total.tokens == 40


@pytest.mark.parametrize("outputs", [(100, 98, 101), (101, 98, 100), (98, 101, 101)])
def test_where_counts_differ_the_highest_is_charged_and_flagged(outputs: tuple[int, ...]) -> None:
    bill = tracker()
    for output in outputs:
        bill.add(message("msg_1", usage(10, output)))

    (charge,) = bill.charges
    assert charge.usage.output_tokens == 101
    assert charge.flags == ("conflict: output_tokens",)
    assert charge.net_pico == 10 * INPUT + 101 * OUTPUT
    assert bill.total.flagged == 1


@pytest.mark.parametrize(
    "thing",
    [
        pytest.param(message("msg_1"), id="mapping"),
        pytest.param(json.dumps(message("msg_1")), id="text"),
        pytest.param(json.dumps(message("msg_1")).encode(), id="bytes"),
        pytest.param(construct_type(type_=Message, value=message("msg_1")), id="message"),
        pytest.param(construct_type(type_=BetaMessage, value=message("msg_1")), id="beta"),
        pytest.param(
            ParsedMessageStopEvent.construct(type="message_stop", message=message("msg_1")),
            id="helper's last event",
        ),
        pytest.param({"type": "assistant", "message": message("msg_1")}, id="stream-json"),
        pytest.param(
            {"type": "assistant", "id": "msg_1", "model": MODEL, "usage": usage()}, id="flat"
        ),
        pytest.param(agent("msg_1", usage(), stop_reason="end_turn"), id="agent sdk"),
        pytest.param(
            {
                "type": "assistant",
                "message": json.loads(json.dumps(message("msg_1"))),
                "parent_tool_use_id": None,
                "uuid": "u",
            },
            id="agent sdk mapping",
        ),
    ],
)
def test_every_form_of_a_message_is_charged_alike(thing: object) -> None:
    bill = tracker()
    bill.add(thing)
    bill.add(message("msg_1"))

    (charge,) = bill.charges
    assert (charge.id, charge.state, charge.model) == ("msg_1", State.FINAL, MODEL)
    assert (charge.net_pico, charge.flags, charge.at_s) == (10 * INPUT + 2 * OUTPUT, (), 5.0)


def test_a_message_that_does_not_speak_of_its_end_is_whole() -> None:
    bill = tracker()
    bill.add({"type": "assistant", "id": "msg_1", "model": MODEL, "usage": usage()})

    assert bill.charges[0].state is State.FINAL


@pytest.mark.parametrize("parsed", [False, True])
def test_a_stream_is_charged_with_its_last_count(parsed: bool) -> None:
    bill = tracker()
    for event in stream("msg_1", usage(10, 70)):
        bill.add(construct_type(type_=RawMessageStreamEvent, value=event) if parsed else event)

    (charge,) = bill.charges
    assert (charge.state, charge.flags) == (State.FINAL, ())
    assert charge.net_pico == 10 * INPUT + 70 * OUTPUT
    assert charge.low_pico == charge.high_pico == charge.net_pico


def test_counts_that_grow_within_a_stream_are_no_conflict() -> None:
    bill = tracker()
    start, *_ = stream("msg_1", usage(10, 70))
    deltas = [
        {"type": "message_delta", "delta": {"stop_reason": None}, "usage": {"output_tokens": 20}},
        {"type": "message_delta", "delta": {"stop_reason": None}, "usage": {"output_tokens": 45}},
    ]
    for event in (start, *deltas):
        bill.add(event)

    (charge,) = bill.charges
    assert (charge.state, charge.flags, charge.usage.output_tokens) == (State.PARTIAL, (), 45)


def test_an_end_with_less_output_than_the_placeholder_stands() -> None:
    bill = tracker()
    for event in stream("msg_1", usage(10, 2)):
        bill.add(event)
    for event in stream("msg_2", usage(10, 0)):
        bill.add(event)
    bill.add(agent("msg_2", usage(10, 3)))

    assert [charge.usage.output_tokens for charge in bill.charges] == [2, 0]
    assert bill.total.flagged == 0


def test_the_model_that_a_message_ends_with_is_charged() -> None:
    """A model may take over from another one within an answer."""
    bill = tracker()
    bill.add(message("msg_1", model=MODEL))
    bill.add(agent("msg_1", usage(), model="claude-x-9"))

    assert (bill.charges[0].model, bill.charges[0].flags) == (MODEL, ())


@pytest.mark.parametrize("names", ["abcdefgh", "hgfedcba"])
def test_of_several_models_the_first_of_the_alphabet_is_charged_and_flagged(names: str) -> None:
    bill = tracker()
    for name in names:
        bill.add(message("msg_1", model=name))

    assert (bill.charges[0].model, bill.charges[0].flags) == ("a", ("conflict: model",))


def test_what_did_not_even_tell_its_input_has_no_upper_bound() -> None:
    bill = tracker()
    bill.add(stream("msg_1", {"output_tokens": 1})[0])

    (charge,) = bill.charges
    assert (charge.low_pico, charge.high_pico) == (3 * OUTPUT, None)
    assert bill.total.uncounted == 1


def test_a_stream_that_died_keeps_what_it_told() -> None:
    bill = tracker()
    for event in stream("msg_1", usage(10, 70, 5, 6), ended=False):
        bill.add(event)

    (charge,) = bill.charges
    assert charge.state is State.PARTIAL
    assert charge.net_pico == charge.low_pico == 10 * INPUT + 5 * WRITE + 6 * READ + 3 * OUTPUT
    assert charge.high_pico == charge.net_pico + (MOST - 3) * OUTPUT
    total = bill.total
    assert (total.partial, total.complete, total.high_pico) == (1, False, charge.high_pico)


def test_of_a_message_that_has_not_ended_nothing_bounds_the_most_where_tools_ran() -> None:
    bill = tracker()
    bill.add(agent("msg_1", usage(10, 8) | {"server_tool_use": {"web_search_requests": 1}}))
    (charge,) = bill.charges
    assert charge.state is State.PARTIAL
    assert charge.low_pico
    assert charge.high_pico is None


def test_a_message_that_says_it_has_not_ended_is_partial_until_its_end_is_told() -> None:
    """Claude Code tells of each block, with the placeholder of the start as its output."""
    bill = tracker()
    bill.add(agent("msg_1", usage(10, 8)))
    bill.add(agent("msg_1", usage(10, 8)))
    assert bill.total.partial == 1

    for event in stream("msg_1", usage(10, 310)):
        bill.add(StreamEvent("u", "s", event))
    (charge,) = bill.charges
    assert (charge.state, charge.usage.output_tokens, charge.flags) == (State.FINAL, 310, ())


def test_counts_that_shrink_are_a_conflict() -> None:
    bill = tracker()
    bill.add(agent("msg_1", usage(10, 310)))
    bill.add(message("msg_1", usage(10, 100)))

    (charge,) = bill.charges
    assert (charge.usage.output_tokens, charge.flags) == (310, ("conflict: output_tokens",))


def test_streams_at_once_are_kept_apart_by_name() -> None:
    bill = tracker()
    one, other = stream("msg_1", usage(10, 70)), stream("msg_2", usage(20, 90))
    for first, second in zip(one, reversed(other), strict=True):
        bill.add(first, stream="one")
        bill.add(second, stream="other")

    assert [charge.usage.output_tokens for charge in bill.charges] == [70, 90]
    assert bill.total.complete


def test_streams_of_two_agents_are_kept_apart_by_themselves() -> None:
    bill = tracker()
    one, other = stream("msg_1", usage(10, 70)), stream("msg_2", usage(20, 90))
    for first, second in zip(one, other, strict=True):
        bill.add(StreamEvent("u", "s", first))
        bill.add({"type": "stream_event", "event": second, "parent_tool_use_id": "toolu_1"})

    assert [charge.usage.output_tokens for charge in bill.charges] == [70, 90]
    assert [charge.labels.agent for charge in bill.charges] == ["", "toolu_1"]


def test_a_stream_whose_start_was_not_seen_has_no_price() -> None:
    bill = tracker()
    bill.add(stream("msg_1", usage(10, 70))[-2], stream="one")

    (charge,) = bill.charges
    assert (charge.id, charge.net_pico) == ("unnamed in one", None)
    assert charge.unpriced == ("no model is named",)
    total = bill.total
    assert (total.net_pico, total.cost_usd, total.unpriced) == (None, None, 1)
    assert (total.output_tokens, total.uncounted, total.high_pico) == (70, 1, None)


def test_what_has_no_price_is_never_zero() -> None:
    bill = tracker()
    bill.add(message("msg_1", model="claude-x-9"))
    assert (bill.total.net_pico, bill.total.list_pico, bill.total.saved_pico) == (None, None, None)

    bill.add(message("msg_2"))
    total = bill.total
    assert (total.unpriced, total.priced, total.complete) == (1, 1, False)
    assert total.net_pico == 10 * INPUT + 2 * OUTPUT
    assert total.high_pico is None
    assert total.input_tokens == 20
    assert bill.charges[0].unpriced == ("no price: claude-x-9",)
    assert bill.charges[0].cost_usd is None


def test_nothing_costs_nothing() -> None:
    total = tracker().total
    assert (total.net_pico, total.cost_usd, total.saved_pico, total.complete) == (0, "0", 0, True)
    assert total.cache_hit_rate is None


def test_what_caching_saved() -> None:
    bill = tracker()
    bill.add(message("msg_1", usage(10, 2, 100, 0)))
    assert bill.total.saved_pico == 100 * (INPUT - WRITE)
    assert bill.total.cache_hit_rate == 0.0

    bill.add(message("msg_2", usage(10, 2, 0, 100)))
    total = bill.total
    assert total.saved_pico == 100 * (INPUT - WRITE) + 100 * (INPUT - READ)
    assert total.saved_usd == "0.00028"
    assert total.cache_hit_rate == 100 / 220


def test_a_batchs_results_are_charged_once_at_its_prices() -> None:
    bill = tracker()
    succeeded = {
        "custom_id": "a",
        "result": {"type": "succeeded", "message": message("msg_1")},
    }
    errored = {"custom_id": "b", "result": {"type": "errored", "error": {"type": "error"}}}
    for _ in range(2):
        bill.add(construct_type(type_=MessageBatchIndividualResponse, value=succeeded))
        bill.add(succeeded)
        bill.add(errored)

    assert bill.total.messages == 1
    assert bill.total.net_pico == (10 * INPUT + 2 * OUTPUT) // 2


def test_a_tier_that_says_batch_is_priced_as_one() -> None:
    bill = tracker()
    bill.add(message("msg_1", {**usage(), "service_tier": "batch"}))

    assert bill.total.net_pico == (10 * INPUT + 2 * OUTPUT) // 2


def test_all_runs_of_an_answer_are_counted() -> None:
    runs = [{"type": "message", **usage(10, 2)}, {"type": "compaction", **usage(100, 20)}]
    bill = tracker()
    bill.add(message("msg_1", {**usage(10, 2), "iterations": runs}))

    total = bill.total
    assert (total.input_tokens, total.output_tokens, total.uncounted) == (110, 22, 0)


def test_what_prices_depend_on_is_passed_on() -> None:
    prices = HandPriced()
    place = Place(platform="bedrock", scope="geo", upstream="bedrock-frankfurt", account="a")
    bill = CostTracker(prices, place=place)
    refusal = {"type": "refusal", "category": "cyber"}
    told = message("msg_1", stop_reason="refusal", stop_details=refusal)
    bill.add({**told, "model": "claude-opus-5-5-20260101"}, at_s=7.0)
    bill.add(construct_type(type_=Message, value=told), at_s=9.0)

    assert bill.total.messages == 1
    asked = prices.asked[-1]
    assert (asked.platform, asked.scope, asked.upstream) == ("bedrock", "geo", "bedrock-frankfurt")
    assert (asked.model, asked.served, asked.at_s) == (MODEL, MODEL, 7.0)
    assert (asked.stop_reason, asked.refusal_category) == ("refusal", "cyber")


def test_platforms_and_accounts_have_ids_of_their_own() -> None:
    bill = tracker()
    for place in (Place(), Place(platform="vertex"), Place(account="b")):
        bill.add(message("msg_1"), place=place)
    bill.add(message("msg_1"), place=Place(scope="geo"))

    assert [charge.platform for charge in bill.charges] == ["anthropic", "anthropic", "vertex"]
    assert [charge.flags for charge in bill.charges].count(("conflict: place",)) == 1


@pytest.mark.parametrize(
    "thing",
    [
        {"type": "ping"},
        {"type": "error", "error": {"type": "overloaded_error", "message": "no"}},
        {"type": "user", "message": {"role": "user", "content": "hello"}},
        {"type": "system", "subtype": "init", "session_id": "s"},
        {"type": "message", "id": "msg_1", "usage": None},
        {"type": "message_delta", "delta": {}},
        {"type": "stream_event", "event": {"type": "ping"}, "session_id": "s"},
        UserMessage("hello"),
        SystemMessage("init"),
        RateLimitEvent(None, "u", "s"),
        AssistantMessage([], MODEL, error="rate_limit"),
        # What Claude Code wrote itself, without asking anybody.
        agent("1f0c", usage(0, 0), model="<synthetic>"),
    ],
)
def test_what_says_nothing_of_usage_is_passed_over(thing: object) -> None:
    bill = tracker()
    bill.add(thing)

    assert bill.charges == ()
    assert bill.reported.sessions == 0


@pytest.mark.parametrize("thing", [None, 3, Path(), object(), [], {"a": 1}, {}])
def test_what_no_sdk_gives_is_refused(thing: object) -> None:
    with pytest.raises(TypeError, match="give a message, a stream event or a result"):
        tracker().add(thing)


@pytest.mark.parametrize("text", ["", "{", "[]", b"\xff", '"\ud800"'])
def test_text_that_is_no_json_object_is_refused(text: str | bytes) -> None:
    with pytest.raises(ValueError, match="is not a JSON object"):
        tracker().add(text)


def test_a_message_without_an_id_needs_one() -> None:
    told = {**message(""), "id": None}
    with pytest.raises(ValueError, match="give message_id="):
        tracker().add(told)

    bill = tracker()
    bill.add(told, message_id="mine")
    bill.add(told, message_id="mine")
    assert [charge.id for charge in bill.charges] == ["mine"]


def result(total: Any = None, **more: Any) -> ResultMessage:
    told: dict[str, Any] = {"subtype": "success", "is_error": False, "session_id": "s", **more}
    return ResultMessage(duration_ms=1, num_turns=1, total_cost_usd=total, **told)


def test_a_result_is_a_check_and_never_added() -> None:
    bill = tracker()
    bill.add(agent("msg_1", usage(10, 2), stop_reason="end_turn"))
    before = bill.total
    models = {
        MODEL: {"inputTokens": 10, "outputTokens": 50, "cacheReadInputTokens": 7, "costUSD": 0.1},
        "claude-haiku-5-5": {"inputTokens": 1, "outputTokens": 1},
    }
    bill.add(result(0.00012, usage=usage(10, 2), model_usage=models))

    assert bill.total == before
    assert before.cost_usd == "0.00008"
    reported = bill.reported
    assert (reported.total_usd, reported.delta_usd) == ("0.00012", "0.00004")
    assert (reported.tokens, reported.delta_tokens) == (69, 57)
    assert (reported.output_tokens, reported.delta_output_tokens) == (51, 49)
    assert (reported.sessions, reported.failed) == (1, 0)


def test_totals_of_a_session_go_on_so_the_largest_holds() -> None:
    bill = tracker()
    for total in (0.01, 0.03, 0.02, 0.03):
        bill.add(result(total))
    bill.add(result(0.5, session_id="t"))
    bill.add(result(0.25), session="another process")

    assert bill.reported.total_usd == "0.78"
    assert bill.reported.delta_usd == "0.78"
    assert {key: each.total_usd for key, each in bill.reported_by_session().items()} == {
        "another process": "0.25",
        "s": "0.03",
        "t": "0.5",
    }


def test_an_error_keeps_what_was_used() -> None:
    bill = tracker()
    bill.add(agent("msg_1", usage(10, 2), stop_reason="tool_use"))
    for event in stream("msg_2", usage(20, 70), ended=False):
        bill.add(StreamEvent("u", "s", event))
    bill.add(result(0.0002, subtype="error_during_execution", is_error=True))
    bill.add({"type": "result", "subtype": "error_max_turns", "session_id": "t"})

    assert [charge.state for charge in bill.charges] == [State.FINAL, State.PARTIAL]
    assert bill.total.net_pico == 30 * INPUT + 5 * OUTPUT
    assert (bill.reported.failed, bill.reported.sessions) == (2, 2)
    assert bill.reported.delta_usd == "-0.00002"


def test_nothing_is_held_against_what_has_no_price() -> None:
    bill = tracker()
    bill.add(agent("msg_1", usage(), model="claude-x-9"))
    bill.add(agent("msg_2", usage()))
    bill.add(result(0.5))
    bill.add(result(0.25, session_id="t"))

    assert (bill.reported.total_usd, bill.reported.delta_usd) == ("0.75", None)
    assert bill.reported_by_session()["t"].delta_usd == "0.25"


@pytest.mark.parametrize(
    "total",
    [
        None,
        True,
        -1.0,
        float("nan"),
        float("inf"),
        "0.1",
        10**400,
        1e300,
        [],
        2**60,
        Decimal("sNaN"),
    ],
)
def test_a_total_that_is_none_is_left_out(total: object) -> None:
    bill = tracker()
    bill.add({"type": "result", "session_id": "s", "total_cost_usd": total, "modelUsage": 7})

    reported = bill.reported
    assert (reported.total_pico, reported.tokens, reported.sessions) == (None, None, 1)


def test_a_total_may_be_a_decimal_or_whole() -> None:
    bill = tracker()
    bill.add(result(Decimal("0.1")), session="a")
    bill.add(result(2), session="b")
    bill.add(result(0.1 + 0.2), session="c")

    assert bill.reported.total_usd == "2.4"


def test_money_leaves_as_decimal_text() -> None:
    bill = tracker()
    bill.add(message("msg_1"))
    told = bill.total.to_dict()

    assert json.loads(json.dumps(told)) == told
    assert (told["cost_usd"], told["low_usd"], told["high_usd"]) == ("0.00008",) * 3
    assert (told["list_usd"], told["saved_usd"], told["tokens"]) == ("0.00008", "0", 12)
    assert not [name for name in told if name.endswith("_pico")]


def test_the_shipped_prices_are_the_default() -> None:
    bill = CostTracker()
    bill.add(message("msg_1", usage(1_000_000, 0)), at_s=1_795_000_000.0)

    assert bill.total.cost_usd == "4"
