"""What holds for any report, any two and any three of the same message.

Hypothesis draws a number; `reports` makes reports of it, for some numbers in a row: a report costs
less than a draw.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

from anthropic._models import construct_type
from anthropic.types.beta import BetaMessage, BetaUsage
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.usage import COUNTER_MAX, Tokens, Usage
from gateway.usage.checks import read_flags
from tests.laws import law
from tests.unit.usage.reports import report

Law = Callable[[Usage, Usage, Usage], None]
LAWS: list[Law] = []


def law_of_three(check: Law) -> Law:
    LAWS.append(check)
    return check


@law
def test_every_law_holds_for_any_three_reports(rng: random.Random) -> None:
    three = [Usage.of(report(rng)) for _ in range(3)]
    for check in LAWS:
        check(*three)


@law_of_three
def order_does_not_matter(one: Usage, other: Usage, _: Usage) -> None:
    assert Usage.raised(one, other) == Usage.raised(other, one)
    assert Usage.raised(one, other).to_json() == Usage.raised(other, one).to_json()


@law_of_three
def grouping_does_not_matter(one: Usage, other: Usage, third: Usage) -> None:
    left = Usage.raised(Usage.raised(one, other), third)
    assert left == Usage.raised(one, Usage.raised(other, third))


@law_of_three
def repeating_does_not_matter(one: Usage, other: Usage, _: Usage) -> None:
    assert Usage.raised(one, one) == one
    both = Usage.raised(one, other)
    assert Usage.raised(both, other) == both
    assert Usage.raised(one, Usage()) == one


@law_of_three
def each_count_is_the_higher_one(one: Usage, other: Usage, _: Usage) -> None:
    both = Usage.raised(one, other)
    for name in (*Tokens.__dataclass_fields__, "thinking_tokens", "web_search_requests"):
        pair = getattr(one, name), getattr(other, name)
        known = [count for count in pair if count is not None]
        assert getattr(both, name) == (max(known) if known else None)
        assert (f"conflict: {name}" in both.flags) == (len(set(known)) > 1)
    lengths = [len(each.iterations) for each in (one, other) if each.iterations is not None]
    assert (None if both.iterations is None else len(both.iterations)) == (
        max(lengths) if lengths else None
    )


@law_of_three
def what_is_written_is_read_again(one: Usage, other: Usage, _: Usage) -> None:
    for usage in (one, Usage.raised(one, other), Usage.merge(one, other)):
        assert Usage.from_json(usage.to_json()) == usage
        assert Usage.from_json(usage.to_json().encode()) == usage


@law_of_three
def what_is_written_is_the_messages_apis(one: Usage, *_: Usage) -> None:
    told = json.loads(one.to_json())
    told.pop("gateway_flags", None)
    again = Usage.of(told)
    assert Usage.from_json(json.dumps(told)) == again
    assert {*again.flags} <= {*one.flags}


@law_of_three
def openais_shape_keeps_the_counts(one: Usage, *_: Usage) -> None:
    again = Usage.of_openai(one.to_openai())
    names = ["output_tokens", "cache_creation_input_tokens", "cache_read_input_tokens"]
    if one.to_openai().get("prompt_tokens", 0) <= COUNTER_MAX:
        names.append("input_tokens")
    for name in (*names, "thinking_tokens"):
        assert getattr(again, name) == getattr(one, name)


@law_of_three
def nothing_known_is_nothing_told(one: Usage, *_: Usage) -> None:
    for told in (one.to_openai(), one.to_otel()):
        assert None not in told.values()
    assert ("gen_ai.usage.input_tokens" in one.to_otel()) == (one.input_tokens is not None)


drawn = settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])
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
@drawn
@given(reports(INTEGERS))
def test_law_a_mapping_and_the_sdks_object_read_the_same(report: dict[str, Any]) -> None:
    expected = Usage.of(report)

    assert Usage.of(construct_type(type_=BetaUsage, value=report)) == expected
    assert Usage.of(construct_type(type_=BetaMessage, value={"usage": report})) == expected


@drawn
@given(REPORT)
def test_law_bytes_read_as_the_mapping(report: dict[str, Any]) -> None:
    body = json.dumps({"usage": report}).encode()

    assert Usage.of(body) == Usage.of(json.loads(body))


@drawn
@given(JSON)
def test_law_reading_never_fails_on_json(report: object) -> None:
    assert isinstance(Usage.of({"usage": report}), Usage)


@drawn
@given(USAGE, USAGE)
def test_law_merging_again_changes_nothing(start: Usage, delta: Usage) -> None:
    once = Usage.merge(start, delta)

    assert Usage.merge(once, delta) == once


@drawn
@given(USAGE, USAGE, USAGE)
def test_law_merging_is_associative(first: Usage, second: Usage, third: Usage) -> None:
    left = Usage.merge(Usage.merge(first, second), third)

    assert left == Usage.merge(first, Usage.merge(second, third))


@drawn
@given(USAGE)
def test_law_nothing_known_changes_nothing(usage: Usage) -> None:
    assert Usage.merge(usage, Usage()) == usage


@drawn
@given(USAGE, USAGE)
def test_law_each_field_is_the_deltas_or_the_starts(start: Usage, delta: Usage) -> None:
    merged = Usage.merge(start, delta)

    for name in Usage.__dataclass_fields__.keys() - {"unknown", "flags"}:
        later = getattr(delta, name)
        assert getattr(merged, name) == (getattr(start, name) if later is None else later)
    assert set(read_flags(merged.flags)) == {*read_flags(start.flags), *read_flags(delta.flags)}
    assert merged.unknown.keys() == start.unknown.keys() | {
        name for name, value in delta.unknown.items() if value is not None
    }
