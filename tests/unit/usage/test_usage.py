from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args

import pytest
from anthropic._models import construct_type
from anthropic.types import Message, RawMessageStreamEvent
from anthropic.types import Usage as SdkUsage
from anthropic.types.beta import BetaMessage, BetaUsage
from anthropic.types.parsed_message import ParsedMessage
from pydantic import BaseModel

from gateway.usage import COUNTER_MAX, Iteration, Usage
from gateway.usage.shapes import USAGE, Shape

FULL: dict[str, Any] = {
    "input_tokens": 11,
    "output_tokens": 22,
    "cache_creation_input_tokens": 30,
    "cache_creation": {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 20},
    "cache_read_input_tokens": 44,
    "output_tokens_details": {"thinking_tokens": 5},
    "server_tool_use": {
        "web_search_requests": 1,
        "web_fetch_requests": 2,
        "code_execution_requests": 3,
    },
    "service_tier": "priority",
    "inference_geo": "us",
    "speed": "fast",
    "iterations": [
        {"type": "message", "input_tokens": 11, "output_tokens": 22, "cache_read_input_tokens": 0},
        {"type": "advisor_message", "model": "claude-opus-5-5", "output_tokens": 9, "depth": 2},
    ],
    "fallback_credit": {
        "status": {
            "type": "not_applied",
            "reason": "variant_fields_present",
            "remove_to_redeem": ["tools"],
        }
    },
}


def message(usage: object) -> dict[str, Any]:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-opus-5-5",
        "content": [{"type": "text", "text": "hello"}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": usage,
    }


def test_every_field_is_read() -> None:
    assert Usage.of(message(FULL)) == Usage(
        input_tokens=11,
        output_tokens=22,
        cache_creation_input_tokens=30,
        cache_creation_5m_input_tokens=10,
        cache_creation_1h_input_tokens=20,
        cache_read_input_tokens=44,
        thinking_tokens=5,
        web_search_requests=1,
        web_fetch_requests=2,
        service_tier="priority",
        inference_geo="us",
        speed="fast",
        iterations=(
            Iteration(type="message", input_tokens=11, output_tokens=22, cache_read_input_tokens=0),
            Iteration(
                type="advisor_message",
                model="claude-opus-5-5",
                output_tokens=9,
                unknown={"depth": 2},
            ),
        ),
        fallback_credit="not_applied",
        fallback_credit_reason="variant_fields_present",
        unknown={
            "server_tool_use.code_execution_requests": 3,
            "fallback_credit.status.remove_to_redeem": ["tools"],
        },
    )


def strange(model: type[BaseModel], shape: Shape) -> Iterator[str]:
    """Yield the SDK's fields that a shape does not know, at any depth."""
    for name, field in model.model_fields.items():
        if not shape.knows(name):
            yield f"{model.__name__}.{name}"
        within = shape.groups.get(name) or shape.lists.get(name)
        for inner in nested(field.annotation) if within is not None else ():
            yield from strange(inner, within or shape)


def nested(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from nested(argument)


def test_the_sdks_own_fields_are_all_known() -> None:
    # A field that the SDK gains shows here. Names of request fields are no usage.
    assert [*strange(SdkUsage, USAGE)] == []
    assert [*strange(BetaUsage, USAGE)] == ["BetaFallbackCreditNotApplied.remove_to_redeem"]


def test_a_credit_that_was_redeemed() -> None:
    usage = Usage.of({"fallback_credit": {"status": {"type": "redeemed"}}})

    assert usage == Usage(fallback_credit="redeemed")
    assert Usage.of({"fallback_credit": {"status": "redeemed"}}) == usage


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(FULL, id="usage mapping"),
        pytest.param(message(FULL), id="message mapping"),
        pytest.param(json.dumps(message(FULL)).encode(), id="message bytes"),
        pytest.param(bytearray(json.dumps(message(FULL), indent=2).encode()), id="bytearray"),
        pytest.param(construct_type(type_=BetaUsage, value=FULL), id="beta usage"),
        pytest.param(construct_type(type_=SdkUsage, value=FULL), id="sdk usage"),
        pytest.param(construct_type(type_=Message, value=message(FULL)), id="message"),
        pytest.param(construct_type(type_=BetaMessage, value=message(FULL)), id="beta message"),
        pytest.param(
            construct_type(type_=ParsedMessage[None], value=message(FULL)), id="parsed message"
        ),
    ],
)
def test_every_form_of_an_answer_reads_the_same(answer: object) -> None:
    assert Usage.of(answer) == Usage.of(FULL)


def test_missing_is_not_zero() -> None:
    usage = Usage.of({"input_tokens": 0, "cache_read_input_tokens": None})

    assert usage.input_tokens == 0
    assert usage.output_tokens is None
    assert usage.cache_read_input_tokens is None
    assert usage.iterations is None
    assert usage.flags == ()


@pytest.mark.parametrize(
    "answer",
    [
        b'{"type":"message","content":[]}',
        {"type": "message", "usage": None},
        {"type": "error", "error": {"type": "api_error", "message": "no"}},
        {},
    ],
)
def test_an_answer_without_usage_knows_nothing(answer: object) -> None:
    assert Usage.of(answer) == Usage()


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[1]", b'{"usage":{', b'{"usage":{"a":"\xff"}}', b"null"]
)
def test_bytes_that_are_no_message_are_refused_without_being_quoted(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"^the answer is not a JSON object$") as caught:
        Usage.of(body)
    assert caught.value.__context__ is None


@pytest.mark.parametrize("answer", [None, 3, "text", Usage(), Path()])
def test_other_things_are_refused_with_what_would_be_right(answer: object) -> None:
    with pytest.raises(TypeError, match="give a message or a usage"):
        Usage.of(answer)


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (-1, "negative"),
        (True, "not an integer"),
        (1.0, "not an integer"),
        ("7", "not an integer"),
        ([], "not an integer"),
        (COUNTER_MAX + 1, "too large"),
        (10**400, "too large"),
        (float("nan"), "not an integer"),
        (float("inf"), "not an integer"),
        (Decimal(7), "not an integer"),
        ({"count": 7}, "not an integer"),
    ],
)
def test_what_is_no_count_is_flagged_and_unknown(value: object, why: str) -> None:
    usage = Usage.of({"input_tokens": 3, "output_tokens": value})

    assert usage.output_tokens is None
    assert usage.input_tokens == 3
    assert usage.flags == (f"output_tokens: {why}",)


@pytest.mark.parametrize("number", ["1e400", "9" * 30, "9" * 5000, "-" + "9" * 5000])
def test_numbers_beyond_any_count_in_bytes_are_flagged_too(number: str) -> None:
    usage = Usage.of(b'{"usage":{"input_tokens":3,"output_tokens":%s}}' % number.encode())

    assert (usage.input_tokens, usage.output_tokens) == (3, None)
    assert len(usage.flags) == 1


def test_the_largest_count_is_kept() -> None:
    assert Usage.of({"output_tokens": COUNTER_MAX}).output_tokens == COUNTER_MAX


def test_a_flag_names_the_place() -> None:
    usage = Usage.of(
        {
            "cache_creation": {"ephemeral_5m_input_tokens": -2},
            "server_tool_use": 4,
            "speed": 1,
            "iterations": [{"output_tokens": False}, 7],
        }
    )

    assert usage.flags == (
        "cache_creation.ephemeral_5m_input_tokens: negative",
        "iterations.0.output_tokens: not an integer",
        "iterations.1: not an object",
        "server_tool_use: not an object",
        "speed: not text",
    )
    assert usage.iterations == (Iteration(), Iteration())


def test_iterations_and_usage_of_a_wrong_shape_are_flagged() -> None:
    assert Usage.of({"iterations": {"a": 1}}).flags == ("iterations: not a list",)
    assert Usage.of({"type": "message", "usage": 3}).flags == ("usage: not an object",)


def test_no_iterations_is_not_an_empty_list() -> None:
    assert Usage.of({"iterations": []}).iterations == ()


def test_total_input_counts_the_cache() -> None:
    assert Usage.of(FULL).total_input == 11 + 30 + 44


@pytest.mark.parametrize(
    "missing", ["input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens"]
)
def test_total_input_is_unknown_when_a_part_is(missing: str) -> None:
    assert Usage.of({**FULL, missing: None}).total_input is None


EVENTS: list[dict[str, Any]] = [
    {
        "type": "message_start",
        "message": message(
            {
                "input_tokens": 9,
                "output_tokens": 1,
                "cache_creation_input_tokens": 3,
                "cache_creation": {"ephemeral_1h_input_tokens": 3},
                "service_tier": "standard",
            }
        ),
    },
    {"type": "ping"},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "x"}},
    {"type": "message_delta", "delta": {}, "usage": {"output_tokens": 40, "input_tokens": None}},
    {"type": "message_delta", "delta": {}, "usage": {"output_tokens": 55}},
    {"type": "message_stop"},
]


def test_a_stream_overwrites_and_never_adds() -> None:
    assert Usage.from_stream(EVENTS) == Usage(
        input_tokens=9,
        output_tokens=55,
        cache_creation_input_tokens=3,
        cache_creation_1h_input_tokens=3,
        service_tier="standard",
    )


def test_the_sdks_events_read_the_same() -> None:
    events = [construct_type(type_=RawMessageStreamEvent, value=event) for event in EVENTS]

    assert Usage.from_stream(events) == Usage.from_stream(EVENTS)


def test_a_stream_that_broke_off_keeps_what_it_said() -> None:
    assert Usage.from_stream(EVENTS[:3]).output_tokens == 1
    assert Usage.from_stream([]) == Usage()
    assert Usage.from_stream([{"type": "message_delta"}]) == Usage()


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (float("nan"), "not a number"),
        (2**60, "too large"),
        ("\ud800", "not text"),
        ({"a": ["\udfff"]}, "not text"),
        ({1: 2}, "a key that is not text"),
        ([{"a": Path()}], "not JSON"),
    ],
)
def test_what_cannot_be_written_down_again_is_not_kept(value: object, why: str) -> None:
    usage = Usage.of({"new": value, "iterations": [{"new": value}]})

    assert usage == Usage(
        iterations=(Iteration(),), flags=(f"iterations.0.new: {why}", f"new: {why}")
    )


def test_what_is_nested_too_deep_is_not_kept() -> None:
    nested: Any = 1
    for _ in range(100_000):
        nested = [nested]

    assert Usage.of({"new": nested}).flags == ("new: nested too deep",)


def test_words_and_keys_that_are_no_text_are_flagged() -> None:
    usage = Usage.of({"speed": "\ud800", "\ud800": 1, 7: 1, "cache_creation": {b"a": 1}})

    assert usage.flags == (
        "cache_creation: a key that is not text",
        "speed: not text",
        "usage: a key that is not text",
    )


def test_flags_do_not_grow_with_what_a_stranger_sends() -> None:
    usage = Usage.of({"iterations": [7] * 1000, "x" * 1000: float("nan"), "a\nb": float("nan")})

    assert len(usage.flags) <= 40
    assert max(map(len, usage.flags)) < 100
    assert "usage: more was wrong" in usage.flags
    assert Usage.of({"a\nb": float("nan")}).flags == ("unknown: not a number",)


def test_counts_that_do_not_fit_together_are_flagged() -> None:
    usage = Usage.of(
        {
            "output_tokens": 5,
            "output_tokens_details": {"thinking_tokens": 6},
            "cache_creation_input_tokens": 30,
            "cache_creation": {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 19},
            "iterations": [
                {"type": "message", "output_tokens": 2},
                {"type": "compaction", "output_tokens": 9},
                {
                    "type": "fallback_message",
                    "model": "claude-sonnet-5-5",
                    "output_tokens": 2,
                    "cache_creation_input_tokens": 4,
                    "cache_creation": {"ephemeral_5m_input_tokens": 5},
                },
            ],
        }
    )

    assert usage.flags == (
        "cache_creation_input_tokens: is not the sum of its parts",
        "iterations.2.cache_creation_input_tokens: is not the sum of its parts",
        "output_tokens: is not the sum of the runs' outputs",
        "output_tokens_details.thinking_tokens: more than output_tokens",
    )


@pytest.mark.parametrize(
    "report",
    [
        {"cache_creation_input_tokens": 9, "cache_creation": {"ephemeral_1h_input_tokens": 4}},
        {"cache_creation": {"ephemeral_1h_input_tokens": 4, "ephemeral_5m_input_tokens": 4}},
        {"output_tokens_details": {"thinking_tokens": 6}},
        {"output_tokens": 5, "iterations": []},
        {"output_tokens": 5, "iterations": [{"type": "compaction", "output_tokens": 9}]},
        {"output_tokens": 5, "iterations": [{"type": "message", "output_tokens": None}]},
        {"output_tokens": 5, "output_tokens_details": {"thinking_tokens": 5}},
        {
            "output_tokens": 5,
            "iterations": [
                {"type": "message", "output_tokens": 2},
                {"type": "judge", "output_tokens": 3},
            ],
        },
        {
            "output_tokens": 5,
            "iterations": [
                {"type": "message", "model": "a", "output_tokens": 2},
                {"type": "message", "model": "b", "output_tokens": 1},
                {"type": "fallback_message", "model": "b", "output_tokens": 4},
            ],
        },
        {
            "output_tokens": 5,
            "iterations": [
                {"type": "message", "output_tokens": 2},
                {"type": "advisor_message", "output_tokens": 90},
                {"type": "fallback_message", "output_tokens": 3},
            ],
        },
    ],
)
def test_counts_that_may_fit_together_are_not_flagged(report: dict[str, Any]) -> None:
    assert Usage.of(report).flags == ()


def test_a_delta_that_knows_nothing_of_an_unknown_key_leaves_it() -> None:
    start, delta = Usage(unknown={"a": 1, "b": 2}), Usage(unknown={"a": None, "b": 3, "c": None})

    assert Usage.merge(start, delta).unknown == {"a": 1, "b": 3}


def test_a_check_looks_at_the_whole_stream() -> None:
    start = {"cache_creation_input_tokens": 5, "cache_creation": {"ephemeral_1h_input_tokens": 7}}
    events = [
        {"type": "message_start", "message": message(start)},
        {"type": "message_delta", "usage": {"cache_creation_input_tokens": 7}},
    ]

    assert Usage.of(start).flags != ()
    assert Usage.from_stream(events).flags == ()
    assert Usage.merge(Usage.of(start), Usage.of(events[1])).flags == ()
