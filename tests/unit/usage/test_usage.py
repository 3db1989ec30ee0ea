from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from anthropic._models import construct_type
from anthropic.types import Message, RawMessageStreamEvent
from anthropic.types import Usage as SdkUsage
from anthropic.types.beta import BetaMessage, BetaUsage
from anthropic.types.parsed_message import ParsedMessage
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.usage import COUNTER_MAX, Iteration, Usage

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
        {"type": "message", "input_tokens": 11, "output_tokens": 20, "cache_read_input_tokens": 0},
        {"type": "advisor_message", "model": "claude-opus-5-5", "output_tokens": 9, "depth": 2},
    ],
    "fallback_credit": {"status": "redeemed"},
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
            Iteration(type="message", input_tokens=11, output_tokens=20, cache_read_input_tokens=0),
            Iteration(
                type="advisor_message",
                model="claude-opus-5-5",
                output_tokens=9,
                unknown={"depth": 2},
            ),
        ),
        unknown={
            "server_tool_use.code_execution_requests": 3,
            "fallback_credit": {"status": "redeemed"},
        },
    )


def test_the_sdks_own_fields_are_all_known() -> None:
    read = set(SdkUsage.model_fields) | set(BetaUsage.model_fields)
    unknown = Usage.of(dict.fromkeys(read, 1)).unknown

    # A field the SDK gains shows here; `fallback_credit` is kept whole on purpose.
    assert set(unknown) == {"fallback_credit"}


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
    ],
)
def test_what_is_no_count_is_flagged_and_unknown(value: object, why: str) -> None:
    usage = Usage.of({"input_tokens": 3, "output_tokens": value})

    assert usage.output_tokens is None
    assert usage.input_tokens == 3
    assert usage.flags == (f"output_tokens: {why}",)


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


law = settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
INTEGERS = st.none() | st.integers(0, COUNTER_MAX) | st.integers()
ODD = (
    INTEGERS
    | st.booleans()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=3)
)
KINDS = st.sampled_from(["message", "compaction", "advisor_message", "fallback_message"])


def reports(count: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    cache = {"ephemeral_5m_input_tokens": count, "ephemeral_1h_input_tokens": count, "new": JSON}
    tools = {"web_search_requests": count, "web_fetch_requests": count, "new": JSON}
    thinking = {"thinking_tokens": count}
    tokens: dict[str, st.SearchStrategy[Any]] = {
        "input_tokens": count,
        "output_tokens": count,
        "cache_creation_input_tokens": count,
        "cache_read_input_tokens": count,
        "cache_creation": st.none() | st.fixed_dictionaries({}, optional=cache),
        "new_key": JSON,
    }
    iteration = st.fixed_dictionaries(
        {"type": KINDS}, optional={**tokens, "model": st.text(max_size=5)}
    )
    return st.fixed_dictionaries(
        {},
        optional={
            **tokens,
            "output_tokens_details": st.fixed_dictionaries({}, optional=thinking),
            "server_tool_use": st.fixed_dictionaries({}, optional=tools),
            "service_tier": st.none() | st.text(max_size=5),
            "inference_geo": st.none() | st.text(max_size=5),
            "speed": st.none() | st.sampled_from(["standard", "fast"]),
            "iterations": st.none() | st.lists(iteration, max_size=3),
        },
    )


REPORT = reports(ODD)
USAGE = REPORT.map(Usage.of)


# Integers alone: the SDK itself turns `true` and "7" into numbers before anyone sees them.
@law
@given(reports(INTEGERS))
def test_law_a_mapping_and_the_sdks_object_read_the_same(report: dict[str, Any]) -> None:
    expected = Usage.of(report)

    assert Usage.of(construct_type(type_=BetaUsage, value=report)) == expected
    assert Usage.of(construct_type(type_=BetaMessage, value=message(report))) == expected


@law
@given(REPORT)
def test_law_bytes_read_as_the_mapping(report: dict[str, Any]) -> None:
    body = json.dumps(message(report)).encode()

    assert Usage.of(body) == Usage.of(json.loads(body))


@law
@given(JSON)
def test_law_reading_never_fails_on_json(report: object) -> None:
    assert isinstance(Usage.of({"usage": report}), Usage)


@law
@given(USAGE, USAGE)
def test_law_merging_again_changes_nothing(start: Usage, delta: Usage) -> None:
    once = Usage.merge(start, delta)

    assert Usage.merge(once, delta) == once


@law
@given(USAGE, USAGE, USAGE)
def test_law_merging_is_associative(first: Usage, second: Usage, third: Usage) -> None:
    left = Usage.merge(Usage.merge(first, second), third)

    assert left == Usage.merge(first, Usage.merge(second, third))


@law
@given(USAGE)
def test_law_nothing_known_changes_nothing(usage: Usage) -> None:
    assert Usage.merge(usage, Usage()) == usage


@law
@given(USAGE, USAGE)
def test_law_each_field_is_the_deltas_or_the_starts(start: Usage, delta: Usage) -> None:
    merged = Usage.merge(start, delta)

    for name in Usage.__dataclass_fields__.keys() - {"unknown", "flags"}:
        later = getattr(delta, name)
        assert getattr(merged, name) == (getattr(start, name) if later is None else later)
    assert set(merged.flags) == {*start.flags, *delta.flags}
    assert merged.unknown.keys() == start.unknown.keys() | {
        name for name, value in delta.unknown.items() if value is not None
    }
