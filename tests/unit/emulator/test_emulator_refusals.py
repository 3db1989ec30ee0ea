from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.emulator.bedrock import Bedrock
from gateway.emulator.bedrock_models import bedrock_table, callable_from, counted, invoked
from gateway.emulator.http import Request, Response
from gateway.emulator.models import find_model, table
from gateway.emulator.platform import Platform, World
from gateway.emulator.problems import Problem
from gateway.emulator.vertex import Vertex

KEY = "sk-ant-emulator"
BEDROCK = "/model/eu.anthropic.claude-opus-5-5/invoke-with-response-stream"
COUNT = "/model/anthropic.claude-haiku-4-5-20251001-v1:0/count-tokens"
VERTEX = "/v1/projects/p/locations/eu/publishers/anthropic/models/claude-opus-5-5:streamRawPredict"
COUNTER = "/v1/projects/p/locations/eu/publishers/anthropic/models/count-tokens:rawPredict"
WORLD = World(lambda: 0.0, frozenset({KEY}))
GOOD: dict[str, Any] = {
    "anthropic_version": "2026-10-21",
    "max_tokens": 100,
    "messages": [{"role": "user", "content": "hello"}],
}

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.floats(allow_nan=False)
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)
FIELDS = sorted({*table("bedrock.toml")["fields"], *table("vertex.toml")["fields"], "model"})
PLACES: list[Callable[[Any], dict[str, Any]]] = [
    *(lambda v, name=name: {name: v} for name in FIELDS),
    lambda v: {"tools": [v]},
    lambda v: {"tools": [{"name": "t", "input_schema": {}, "cache_control": v}]},
    lambda v: {"system": [{"type": "text", "text": "x", "cache_control": v}]},
    lambda v: {"messages": [{"role": "user", "content": [v]}]},
    lambda v: {"anthropic_beta": [v]},
    lambda v: {
        "anthropic_beta": ["context-management-2025-06-27"],
        "context_management": {"edits": [v]},
    },
]


def send(platform: Platform, path: str, body: bytes, *headers: tuple[str, str]) -> Response:
    given_headers = headers or (("Authorization", f"Bearer {KEY}"),)
    return platform.serve(Request("POST", path, given_headers, body))[0]


@pytest.mark.parametrize(
    ("platform", "path"),
    [
        (Bedrock(WORLD), BEDROCK),
        (Vertex(WORLD), VERTEX),
        (Vertex(WORLD), VERTEX.replace("streamRawPredict", "rawPredict")),
        (Vertex(WORLD), COUNTER),
    ],
)
@given(place=st.sampled_from(PLACES), value=json_values)
def test_whatever_a_body_says_is_answered_or_refused(
    platform: Platform, path: str, place: Callable[[Any], dict[str, Any]], value: Any
) -> None:
    response = send(platform, path, json.dumps(GOOD | place(value)).encode())
    assert response.status in {200, 400, 404}


@given(json_values)
def test_whatever_a_count_wraps_is_refused(value: Any) -> None:
    for wrapped in (value, {"input": value}, {"input": {"invokeModel": {"body": value}}}):
        assert send(Bedrock(WORLD), COUNT, json.dumps(wrapped).encode()).status == 400


@given(st.text(max_size=20), st.text(max_size=20))
def test_whatever_a_path_says_is_refused(model: str, verb: str) -> None:
    good = json.dumps(GOOD).encode()
    path = f"/model/{quote(model, safe='')}/{quote(verb, safe='')}"
    assert send(Bedrock(WORLD), path, good).status in {400, 404}
    base = VERTEX.partition("claude")[0]
    path = f"{base}{quote(model, safe='')}:{quote(verb, safe='')}"
    assert send(Vertex(WORLD), path, good).status == 404
    path = f"{base}{quote(model, safe='')}:rawPredict"
    counts = model == "count-tokens"  # Then the path is there, and the model stands in the body.
    assert send(Vertex(WORLD), path, good).status == (400 if counts else 404)


@given(st.text(st.characters(max_codepoint=255), max_size=80), st.booleans())
def test_whatever_an_authorization_says_is_refused(text: str, aws: bool) -> None:
    value = f"AWS4-HMAC-SHA256 Credential={text}" if aws else text
    good = json.dumps(GOOD).encode()
    header = ("authorization", value)
    assert send(Bedrock(WORLD), BEDROCK, good, header).status == 403
    assert send(Vertex(WORLD), VERTEX, good, header).status == 401


@given(st.binary(max_size=200))
def test_whatever_a_token_request_says_is_refused(form: bytes) -> None:
    assert send(SHARED, "/token", b"assertion=" + form).status == 400


SHARED = Vertex(WORLD)


def test_every_model_of_the_tables_is_one_the_emulator_knows() -> None:
    names = [model.name for model in bedrock_table().models.values()]
    for name in (*names, *table("vertex.toml")["models"]):
        assert find_model(name).id == name
    assert len(names) == len(set(names))


def test_every_profile_and_on_demand_region_of_the_table_invokes() -> None:
    known = bedrock_table()
    sample = {prefix: places[0].removesuffix("-") for prefix, places in known.profiles.items()}
    for base, model in known.models.items():
        for prefix in model.profiles:
            place = sample[prefix]
            region = place if place[-1].isdigit() else f"{place}-1"
            assert invoked(f"{prefix}.{base}", region) is model
        for region in model.on_demand:
            assert invoked(base, region) is model
            arn = f"arn:aws-us-gov:bedrock:{region}::foundation-model/{base}"
            assert invoked(arn, region) is model


def test_a_profile_is_a_statement_about_where() -> None:
    known = bedrock_table()
    for profile, region, holds in (
        ("eu", "eu-west-2", True),
        ("eu", "eusc-de-east-1", False),
        ("us", "us-gov-west-1", False),
        ("apac", "me-central-1", True),
        ("apac", "me-central-10", False),
        ("jp", "ap-northeast-2", False),
        ("global", "us-gov-east-1", False),
    ):
        assert callable_from(profile, region, known) is holds


def test_where_the_region_is_unknown_a_profile_passes_and_a_base_id_does_not() -> None:
    assert invoked("eu.anthropic.claude-opus-5-5", None).name == "claude-opus-5-5"
    with pytest.raises(Problem, match="on-demand throughput"):
        invoked("anthropic.claude-opus-5-5", None)
    with pytest.raises(Problem, match="Could not resolve"):
        counted("anthropic.claude-nine", None)
