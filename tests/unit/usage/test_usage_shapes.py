"""Usage as other platforms tell it, and as others want it told."""

from __future__ import annotations

import json
from typing import Any

import botocore.session
import pytest
from anthropic import _tracing
from anthropic.types.beta import BetaUsage
from openai.types import CompletionUsage
from openai.types.chat import ChatCompletion

from gateway.usage import COUNTER_MAX, Iteration, Usage
from gateway.usage.elsewhere import OTEL
from gateway.usage.shapes import BEDROCK_METRICS, CONVERSE, OPENAI

METRICS = {
    "inputTokenCount": 9,
    "outputTokenCount": 21,
    "cacheReadInputTokenCount": 4,
    "cacheWriteInputTokenCount": 0,
    "invocationLatency": 900,
    "firstByteLatency": 120,
}
EVENT = {"type": "message_stop", "amazon-bedrock-invocationMetrics": METRICS}


@pytest.mark.parametrize(
    "block", [METRICS, EVENT, json.dumps(METRICS).encode(), json.dumps(EVENT).encode()]
)
def test_bedrocks_metrics(block: object) -> None:
    assert Usage.of_bedrock_metrics(block) == Usage(
        input_tokens=9,
        output_tokens=21,
        cache_read_input_tokens=4,
        cache_creation_input_tokens=0,
        unknown={"invocationLatency": 900, "firstByteLatency": 120},
    )


def test_what_is_no_count_of_bedrocks_is_flagged_by_its_own_name() -> None:
    usage = Usage.of_bedrock_metrics({"inputTokenCount": -1, "outputTokenCount": 2})

    assert usage == Usage(output_tokens=2, flags=("inputTokenCount: negative",))


def stream(start: object, delta: object, stop: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"type": "message_start", "message": {"usage": start}},
        {"type": "message_delta", "usage": delta},
        {"type": "message_stop", **stop},
    ]


def test_a_streams_own_counts_win_over_bedrocks() -> None:
    own = {"input_tokens": 9, "output_tokens": 1, "cache_read_input_tokens": 4}
    usage = Usage.from_stream(stream(own, {"output_tokens": 20}, EVENT))

    assert (usage.output_tokens, usage.input_tokens) == (20, 9)
    assert (usage.cache_creation_input_tokens, usage.unknown) == (0, {})
    assert usage.flags == ("amazon-bedrock-invocationMetrics.outputTokenCount: differs",)


def test_what_a_stream_leaves_out_is_taken_from_its_end() -> None:
    usage = Usage.from_stream(stream({"output_tokens": 1}, None, EVENT))
    assert (usage.input_tokens, usage.output_tokens, usage.flags) == (9, 21, ())

    late = {"usage": {"cache_read_input_tokens": 7, "output_tokens": 6}}
    usage = Usage.from_stream(stream({"output_tokens": 1}, {}, late))
    assert (usage.cache_read_input_tokens, usage.output_tokens) == (7, 6)

    told = stream({"input_tokens": 5, "output_tokens": 1}, {"output_tokens": 3}, late)
    usage = Usage.from_stream(told)
    assert (usage.input_tokens, usage.output_tokens) == (5, 3)


def test_a_placeholder_stays_where_the_end_counts_nothing() -> None:
    usage = Usage.from_stream(stream({"output_tokens": 1}, None, {"usage": {"input_tokens": 4}}))

    assert (usage.input_tokens, usage.output_tokens) == (4, 1)


TOKEN_USAGE = {
    "inputTokens": 10,
    "outputTokens": 20,
    "totalTokens": 30,
    "cacheReadInputTokens": 40,
    "cacheWriteInputTokens": 50,
    "cacheDetails": [{"ttl": "1h", "inputTokens": 20}, {"ttl": "5m", "inputTokens": 30}],
}


@pytest.mark.parametrize(
    "report", [TOKEN_USAGE, {"usage": TOKEN_USAGE}, json.dumps({"usage": TOKEN_USAGE}).encode()]
)
def test_converse(report: object) -> None:
    assert Usage.of_converse(report) == Usage(
        input_tokens=10,
        output_tokens=20,
        cache_read_input_tokens=40,
        cache_creation_input_tokens=50,
        cache_creation_5m_input_tokens=30,
        cache_creation_1h_input_tokens=20,
    )


def test_writes_of_one_time_to_live_are_added() -> None:
    details = [{"ttl": "5m", "inputTokens": 2}, {"ttl": "5m", "inputTokens": 3}]
    usage = Usage.of_converse({"cacheWriteInputTokens": 5, "cacheDetails": details})

    assert (usage.cache_creation_5m_input_tokens, usage.flags) == (5, ())


def test_botocores_fields_are_all_known() -> None:
    model = botocore.session.get_session().get_service_model("bedrock-runtime")
    shape: Any = model.shape_for("TokenUsage")
    ttl: Any = model.shape_for("CacheTTL")

    assert {*shape.members} == {*CONVERSE.counts, *CONVERSE.lists}
    details = CONVERSE.lists["cacheDetails"]
    assert {*shape.members["cacheDetails"].member.members} == {*details.counts, *details.words}
    assert ttl.enum == ["5m", "1h"]


@pytest.mark.parametrize(
    ("report", "flags"),
    [
        ({"cacheWriteInputTokens": 4, "cacheDetails": []}, ()),
        ({"inputTokens": 1, "outputTokens": 2, "totalTokens": 3}, ()),
        # Whether the total holds the cache is not documented: either is taken.
        (
            {"inputTokens": 1, "outputTokens": 2, "totalTokens": 7, "cacheReadInputTokens": 4},
            (),
        ),
        (
            {"inputTokens": 1, "outputTokens": 2, "totalTokens": 4},
            ("totalTokens: differs from its parts",),
        ),
        (
            {"cacheWriteInputTokens": 4, "cacheDetails": [{"ttl": "5m", "inputTokens": 5}]},
            ("cache_creation_input_tokens: is not the sum of its parts",),
        ),
        (
            {"cacheDetails": [{"ttl": "1d", "inputTokens": 5}, 7, {"inputTokens": -1}]},
            (
                "cacheDetails.0.ttl: not known",
                "cacheDetails.1.ttl: not known",
                "cacheDetails.1: not an object",
                "cacheDetails.2.inputTokens: negative",
                "cacheDetails.2.ttl: not known",
            ),
        ),
        ({"cacheDetails": 7}, ("cacheDetails: not a list",)),
        ([], ("usage: not an object",)),
    ],
)
def test_converse_that_does_not_fit_together(report: Any, flags: tuple[str, ...]) -> None:
    assert Usage.of_converse({"usage": report}).flags == flags


COMPLETION = {
    "prompt_tokens": 100,
    "completion_tokens": 20,
    "total_tokens": 120,
    "prompt_tokens_details": {"cached_tokens": 40, "cache_write_tokens": 50, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 5},
}
CHAT = {
    "id": "c",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [],
    "usage": COMPLETION,
}


@pytest.mark.parametrize(
    "report",
    [
        COMPLETION,
        CHAT,
        json.dumps(CHAT).encode(),
        CompletionUsage.model_validate(COMPLETION),
        ChatCompletion.model_validate(CHAT),
    ],
)
def test_openais_prompt_is_parted(report: object) -> None:
    assert Usage.of_openai(report) == Usage(
        input_tokens=10,
        output_tokens=20,
        cache_read_input_tokens=40,
        cache_creation_input_tokens=50,
        thinking_tokens=5,
        unknown={"prompt_tokens_details.audio_tokens": 0},
    )


@pytest.mark.parametrize(
    ("report", "expected"),
    [
        ({"prompt_tokens": 7}, Usage(input_tokens=7)),
        (
            {"prompt_tokens": 7, "prompt_tokens_details": {"cached_tokens": 8}},
            Usage(
                cache_read_input_tokens=8,
                flags=("prompt_tokens: less than what it holds of the cache",),
            ),
        ),
        (
            {"prompt_tokens": 7, "completion_tokens": 1, "total_tokens": 7},
            Usage(input_tokens=7, output_tokens=1, flags=("total_tokens: differs from its parts",)),
        ),
        ({"prompt_tokens": True}, Usage(flags=("prompt_tokens: not an integer",))),
        (
            {"completion_tokens": 1, "completion_tokens_details": {"reasoning_tokens": 2}},
            Usage(
                output_tokens=1,
                thinking_tokens=2,
                flags=("output_tokens_details.thinking_tokens: more than output_tokens",),
            ),
        ),
        ({}, Usage()),
    ],
)
def test_openais_usage_with_gaps_and_mistakes(report: Any, expected: Usage) -> None:
    assert Usage.of_openai(report) == expected


def test_openais_counts_are_all_known_or_kept() -> None:
    # What is no count of ours is kept as unknown: audio, images, predictions.
    assert {*CompletionUsage.model_fields} == {*OPENAI.counts, *OPENAI.groups}


@pytest.mark.parametrize("read", [Usage.of_bedrock_metrics, Usage.of_converse, Usage.of_openai])
def test_what_is_no_report_is_refused(read: Any) -> None:
    for report in (None, 3, "text", Usage()):
        with pytest.raises(TypeError, match="give a message or a usage"):
            read(report)
    for body in (b"", b"[1]", b"<html>"):
        with pytest.raises(ValueError, match=r"^the answer is not a JSON object$"):
            read(body)


FULL = Usage(
    input_tokens=10,
    output_tokens=20,
    cache_read_input_tokens=40,
    cache_creation_input_tokens=50,
    cache_creation_5m_input_tokens=30,
    cache_creation_1h_input_tokens=20,
    thinking_tokens=5,
    service_tier="standard",
)


def test_to_openai_is_what_its_sdk_takes() -> None:
    told = FULL.to_openai()

    assert told == {
        "prompt_tokens": 100,
        "completion_tokens": 20,
        "total_tokens": 120,
        "prompt_tokens_details": {"cached_tokens": 40, "cache_write_tokens": 50},
        "completion_tokens_details": {"reasoning_tokens": 5},
    }
    parsed = CompletionUsage.model_validate(told, strict=True)
    assert parsed.model_dump(exclude_unset=True) == told
    assert parsed.model_extra == {}


def test_to_openai_makes_nothing_up() -> None:
    assert Usage().to_openai() == {}
    assert Usage(output_tokens=3).to_openai() == {"completion_tokens": 3}
    # What nobody said of the cache counts as none of it, for one number is asked for.
    assert Usage(input_tokens=2, output_tokens=3).to_openai() == {
        "prompt_tokens": 2,
        "completion_tokens": 3,
        "total_tokens": 5,
    }


def test_to_otel_counts_the_cache_as_input() -> None:
    assert FULL.to_otel() == {
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.output_tokens": 20,
        "gen_ai.usage.cache_read.input_tokens": 40,
        "gen_ai.usage.cache_write.input_tokens": 50,
        "gen_ai.usage.reasoning.output_tokens": 5,
        "anthropic.usage.cache_creation.ephemeral_5m_input_tokens": 30,
        "anthropic.usage.cache_creation.ephemeral_1h_input_tokens": 20,
        "anthropic.response.service_tier": "standard",
    }
    assert Usage().to_otel() == {}


def test_otels_names_are_those_of_the_sdks_spans() -> None:
    fields = _tracing.SPAN_ATTRIBUTES["anthropic.messages.create"]["response"]
    usage = {
        name: path for name, (path, _) in fields.items() if path[0] == "usage" and len(path) > 1
    }

    assert {*usage} == {*OTEL}


def test_what_is_written_looks_like_the_messages_api() -> None:
    usage = Usage(
        input_tokens=1,
        cache_creation_1h_input_tokens=2,
        thinking_tokens=0,
        fallback_credit="redeemed",
        iterations=(Iteration(type="message", output_tokens=3, unknown={"depth": 1}),),
        unknown={"server_tool_use.code_execution_requests": 4, "new": {"a": []}, "a.b": None},
    )

    assert json.loads(usage.to_json()) == {
        "input_tokens": 1,
        "cache_creation": {"ephemeral_1h_input_tokens": 2},
        "output_tokens_details": {"thinking_tokens": 0},
        "server_tool_use": {"code_execution_requests": 4},
        "fallback_credit": {"status": {"type": "redeemed"}},
        "iterations": [{"type": "message", "output_tokens": 3, "depth": 1}],
        "new": {"a": []},
        "a.b": None,
    }
    assert Usage.from_json(usage.to_json()) == usage
    assert Usage().to_json() == "{}"
    assert Usage.from_json(Usage(iterations=()).to_json()).iterations == ()


def test_what_is_written_is_what_the_sdk_reads() -> None:
    run = {
        "input_tokens": 10,
        "output_tokens": 20,
        "cache_read_input_tokens": 40,
        "cache_creation_input_tokens": 50,
        "cache_creation": {"ephemeral_5m_input_tokens": 30, "ephemeral_1h_input_tokens": 20},
    }
    advice = {**run, "type": "advisor_message", "model": "claude-opus-5-5"}
    told = {
        **run,
        "output_tokens_details": {"thinking_tokens": 5},
        "server_tool_use": {"web_search_requests": 1, "web_fetch_requests": 2},
        "service_tier": "priority",
        "inference_geo": "us",
        "speed": "fast",
        "iterations": [{**run, "type": "message"}, advice, {**run, "type": "compaction"}],
        "fallback_credit": {"status": {"type": "not_applied", "reason": "expired"}},
    }
    usage = Usage.of(BetaUsage.model_validate(told, strict=True))
    again = BetaUsage.model_validate_json(usage.to_json(), strict=True)

    assert usage.flags == ()
    assert again.model_dump(exclude_unset=True) == told
    assert Usage.of(again) == Usage.from_json(usage.to_json()) == usage


def test_flags_are_written_down_too() -> None:
    usage = Usage.raised(
        Usage.of({"output_tokens": 2, "input_tokens": -1}), Usage.of({"output_tokens": 3})
    )

    assert usage.flags == ("conflict: output_tokens", "input_tokens: negative")
    assert Usage.from_json(usage.to_json()) == usage
    assert Usage.from_json('{"gateway_flags": [7, "a: b"]}').flags == ("a: b",)
    assert Usage.from_json('{"gateway_flags": 7}') == Usage()


@pytest.mark.parametrize("text", ["", "[]", "null", "{", b"\xff", '{"a": "\ud800"}'])
def test_what_is_no_json_object_is_refused(text: str | bytes) -> None:
    with pytest.raises(ValueError, match=r"^the answer is not a JSON object$"):
        Usage.from_json(text)


def test_raising_keeps_the_highest_and_names_what_differed() -> None:
    one = Usage(output_tokens=100, speed="fast", iterations=(Iteration(output_tokens=1),))
    other = Usage(
        output_tokens=101, input_tokens=7, speed="standard", unknown={"tools": 3}, iterations=()
    )

    assert Usage.raised(one, other) == Usage(
        input_tokens=7,
        output_tokens=101,
        speed="standard",
        iterations=(Iteration(output_tokens=1),),
        unknown={"tools": 3},
        flags=("conflict: iterations", "conflict: output_tokens", "conflict: speed"),
    )


def test_runs_are_raised_one_by_one() -> None:
    one = Usage(iterations=(Iteration(type="message", output_tokens=9, input_tokens=1),))
    other = Usage(iterations=(Iteration(model="m", output_tokens=2, unknown={"a": 1}),))

    assert Usage.raised(one, other).iterations == (
        Iteration(type="message", model="m", output_tokens=9, input_tokens=1, unknown={"a": 1}),
    )


def test_the_largest_counts_survive() -> None:
    usage = Usage(input_tokens=COUNTER_MAX, output_tokens=COUNTER_MAX)

    assert Usage.from_json(usage.to_json()) == usage
    assert usage.to_openai()["total_tokens"] == 2 * COUNTER_MAX
    assert {*BEDROCK_METRICS.counts.values()} <= {*Usage.__dataclass_fields__}
