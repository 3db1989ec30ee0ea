"""What an answer says of itself, compared with what was planned."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.facts import EVERYWHERE
from gateway.policy.observed import (
    Expected,
    Served,
    Violation,
    served,
    unobserved,
    violations,
    whole,
)

OPUS, HAIKU = "claude-opus-5-5", "claude-haiku-4-5"
US = frozenset({"US"})


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        (OPUS, OPUS),
        (OPUS, "anthropic.claude-opus-5-5"),
        (OPUS, "eu.anthropic.claude-opus-5-5"),
        (OPUS, "claude-opus-5-5-20261001"),
        (HAIKU, "claude-haiku-4-5-20251001"),
        (HAIKU, "claude-haiku-4-5@20251001"),
        (HAIKU, "anthropic.claude-haiku-4-5-20251001-v1:0"),
        (OPUS, None),
    ],
)
def test_another_spelling_of_the_same_model_is_no_violation(
    asked: str, answered: str | None
) -> None:
    assert violations(Expected(asked), Served(model=answered)) == ()


@pytest.mark.parametrize("answered", [HAIKU, "claude-opus-5", "claude-opus-5-6", "gpt-9", ""])
def test_another_model_is_a_violation(answered: str) -> None:
    found = violations(Expected(OPUS), Served(model=answered))
    assert found == (Violation("model", OPUS, answered),)


def test_the_platforms_own_id_may_be_echoed() -> None:
    expected = Expected(OPUS, wire_model="my-deployment")
    assert violations(expected, Served(model="my-deployment")) == ()
    assert violations(expected, Served(model="your-deployment")) != ()


@pytest.mark.parametrize(
    ("asked", "answered", "planned"),
    [
        ("eu.anthropic.claude-opus-5-5", "global.anthropic.claude-opus-5-5", False),
        ("eu.anthropic.claude-opus-5-5", "us.anthropic.claude-opus-5-5", False),
        ("anthropic.claude-opus-5-5", "us.anthropic.claude-opus-5-5", False),
        ("eu.anthropic.claude-opus-5-5", "anthropic.claude-opus-5-5", True),
        ("arn:aws:bedrock:eu-west-1:1:x/y", "eu.anthropic.claude-opus-5-5", True),
    ],
)
def test_another_inference_profile_is_a_violation(asked: str, answered: str, planned: bool) -> None:
    found = violations(Expected(OPUS, wire_model=asked), Served(model=answered))
    assert (found == ()) is planned


def test_models_inside_the_body_may_answer_when_they_were_allowed() -> None:
    told = Served(model=HAIKU, iterations=(OPUS, HAIKU, "claude-haiku-4-5-20251001"))
    assert violations(Expected(OPUS, models_inside=(HAIKU,)), told) == ()
    found = violations(Expected(OPUS), told)
    assert [each.what for each in found] == [
        "model", "usage.iterations.model", "usage.iterations.model",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("expected", "geo", "planned"),
    [
        (Expected(OPUS, geo="us"), "us", True),
        (Expected(OPUS, geo="us"), "global", False),
        (Expected(OPUS, geo="us"), "eu", False),
        (Expected(OPUS, countries=US), "us", True),
        (Expected(OPUS, countries=US), "global", False),
        (Expected(OPUS, countries=US), "mars", False),
        (Expected(OPUS, countries=frozenset({"DE", "FR"})), "us", False),
        (Expected(OPUS, countries=EVERYWHERE), "us", True),
        (Expected(OPUS, countries=EVERYWHERE), "mars", True),
        (Expected(OPUS), "us", True),
    ],
)
def test_a_geography_is_the_forced_one_or_lies_in_the_planned_countries(
    expected: Expected, geo: str, planned: bool
) -> None:
    found = violations(expected, Served(model=OPUS, inference_geo=geo))
    assert (found == ()) is planned
    if not planned:
        assert (found[0].what, found[0].observed) == ("inference_geo", geo)


@pytest.mark.parametrize("told", [None, "", "not_available", 7])
def test_a_geography_that_is_not_told_is_no_violation_but_is_noted(told: object) -> None:
    seen = served(OPUS, {"inference_geo": told})
    for expected in (Expected(OPUS, geo="us"), Expected(OPUS, countries=US)):
        assert violations(expected, seen) == ()
        assert unobserved(expected, seen) == ("inference_geo",)
    assert unobserved(Expected(OPUS), seen) == ()
    assert unobserved(Expected(OPUS, countries=EVERYWHERE), seen) == ()


def test_a_model_that_is_not_told_is_noted() -> None:
    assert unobserved(Expected(OPUS), served(None, None)) == ("model",)


def test_the_workspace_is_compared_when_it_is_told() -> None:
    expected = Expected(OPUS, workspace="wrkspc_1")
    assert violations(expected, served(OPUS, {}, "wrkspc_1")) == ()
    assert violations(expected, served(OPUS, {}, "wrkspc_2")) == (
        Violation("workspace", "wrkspc_1", "wrkspc_2"),
    )
    assert unobserved(expected, served(OPUS, {})) == ("workspace",)
    assert violations(Expected(OPUS), served(OPUS, {}, "wrkspc_2")) == ()


def test_a_whole_answer_is_read_without_its_content() -> None:
    usage = {
        "inference_geo": "us",
        "iterations": [{"type": "message", "model": OPUS}, {"type": "compaction"}, None, 3],
    }
    body = {"content": [{"text": "inference_geo"}], "model": HAIKU, "usage": usage}
    said = whole(json.dumps({"id": "msg_1", "stop_reason": "refusal", **body}).encode())
    assert served(said.model, said.counts) == Served(HAIKU, "us", (OPUS,))
    assert (said.id, said.stop_reason) == ("msg_1", "refusal")


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{", b"null", b'{"model":1,"usage":[]}', b'{"usage":' + b"[" * 5000 + b"}"],
)
def test_an_answer_that_cannot_be_read_says_nothing(body: bytes) -> None:
    said = whole(body)
    assert served(said.model, said.counts) == Served()


def test_what_a_platform_says_is_shown_short_and_harmless() -> None:
    (found,) = violations(Expected(OPUS), Served(model="\x1b[31m\n" + "x" * 9999))
    assert found.observed.isascii()
    assert "\n" not in found.observed
    assert len(found.observed) < 200


WORDS = st.sampled_from([OPUS, HAIKU, "claude-sonnet-5", "us", "global", "mars", ""]) | st.text(
    max_size=5
)
EXPECTED = st.builds(
    Expected,
    model=st.sampled_from([OPUS, HAIKU]),
    models_inside=st.lists(st.sampled_from([HAIKU, "claude-sonnet-5"]), max_size=2).map(tuple),
    geo=st.none() | st.sampled_from(["us", "global"]),
    countries=st.none() | st.frozensets(st.sampled_from(["US", "DE"]), min_size=1),
)
TOLD = st.builds(
    Served,
    model=st.none() | WORDS,
    inference_geo=st.none() | WORDS,
    iterations=st.lists(WORDS, max_size=3).map(tuple),
)


@given(EXPECTED, TOLD)
def test_planning_less_never_hides_a_violation(expected: Expected, told: Served) -> None:
    found = set(violations(expected, told))
    wider = Expected(expected.model, models_inside=(*expected.models_inside, "claude-sonnet-5"))
    assert {each.observed for each in violations(wider, told)} <= {each.observed for each in found}


@given(EXPECTED)
def test_an_answer_as_planned_is_no_violation(expected: Expected) -> None:
    geo = expected.geo or ("us" if expected.countries and "US" in expected.countries else None)
    told = Served(expected.model, geo, (expected.model, *expected.models_inside))
    assert violations(expected, told) == ()
