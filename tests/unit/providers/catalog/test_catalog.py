from __future__ import annotations

from typing import get_args

import pytest
from anthropic.types import model as sdk_model
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from providers import capabilities, catalog
from providers.catalog import UnknownModel, resolve
from providers.contract import Bearer, Endpoint, Place, PlatformModel

LAW = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
SDK_IDS = [
    name
    for option in get_args(sdk_model.Model)
    for name in get_args(option)
    if isinstance(name, str)
]


def test_the_sdk_lists_its_models() -> None:
    assert len(SDK_IDS) == 22


@pytest.mark.parametrize("name", SDK_IDS)
def test_every_id_of_the_sdk_resolves_without_narrowing(name: str) -> None:
    resolved = resolve(name)
    assert resolved.narrow is None
    assert name in (resolved.canonical, *catalog.model(name).aliases)


@pytest.mark.parametrize(
    ("asked", "canonical"),
    [
        ("claude-haiku-4-5-20251001", "claude-haiku-4-5"),
        ("anthropic/claude-opus-5-5", "claude-opus-5-5"),
        ("claude-opus-4-8[1m]", "claude-opus-4-8"),
    ],
)
def test_spellings_without_a_platform(asked: str, canonical: str) -> None:
    assert resolve(asked).canonical == canonical
    assert resolve(asked).narrow is None


def test_the_long_context_suffix_is_told() -> None:
    assert resolve("claude-opus-4-8[1m]").long_context
    assert not resolve("claude-opus-4-8").long_context


@pytest.mark.parametrize(
    ("asked", "canonical", "platform", "profile", "region"),
    [
        ("anthropic.claude-opus-5-5", "claude-opus-5-5", "bedrock", None, None),
        ("anthropic.claude-opus-4-6-v1", "claude-opus-4-6", "bedrock", None, None),
        ("eu.anthropic.claude-opus-5-5", "claude-opus-5-5", "bedrock", "eu", None),
        ("us-gov.anthropic.claude-opus-5", "claude-opus-5", "bedrock", "us-gov", None),
        ("us.anthropic.claude-opus-5", "claude-opus-5", "bedrock", "us", None),
        (
            "apac.anthropic.claude-haiku-4-5-20251001-v1:0",
            "claude-haiku-4-5",
            "bedrock",
            "apac",
            None,
        ),
        ("global.anthropic.claude-opus-5-5", "claude-opus-5-5", "bedrock", None, None),
        ("bedrock/claude-opus-5", "claude-opus-5", "bedrock", None, None),
        ("bedrock/jp.anthropic.claude-opus-5", "claude-opus-5", "bedrock", "jp", None),
        (
            "bedrock/us-gov-west-1/anthropic.claude-opus-5",
            "claude-opus-5",
            "bedrock",
            None,
            "us-gov-west-1",
        ),
        ("claude-haiku-4-5@20251001", "claude-haiku-4-5", "vertex", None, None),
        ("claude-opus-5-5@default", "claude-opus-5-5", "vertex", None, None),
        ("vertex_ai/claude-opus-5-5", "claude-opus-5-5", "vertex", None, None),
        ("vertex_ai/claude-haiku-4-5@20251001", "claude-haiku-4-5", "vertex", None, None),
        ("azure_ai/claude-opus-5-5", "claude-opus-5-5", "foundry", None, None),
    ],
)
def test_a_platform_spelling_narrows(
    asked: str, canonical: str, platform: str, profile: str | None, region: str | None
) -> None:
    resolved = resolve(asked)
    assert resolved.canonical == canonical
    assert resolved.narrow == catalog.Narrowing(platform, canonical, profile, region)


@pytest.mark.parametrize(
    "asked",
    [
        "",
        "gpt-4",
        "claude-opus-5-5 ",
        "claude-opus-5-5\n",
        "claude-haiku-4-5-20990101",
        "claude-opus-5-5@20260101",
        "anthropic.claude-haiku-4-5@20251001",
        "vertex_ai/eu.anthropic.claude-opus-5-5",
        "xx.anthropic.claude-opus-5-5",
        "eu.claude-opus-5-5",
        "bedrock/bedrock/claude-opus-5-5",
        "vertex_ai/europe-west1/claude-opus-5-5",
        "a" * 201,
    ],
)
def test_an_unknown_id_is_refused(asked: str) -> None:
    with pytest.raises(UnknownModel) as caught:
        resolve(asked)
    assert caught.value.asked == asked
    assert len(str(caught.value)) < 400


def test_an_unknown_id_names_the_nearest() -> None:
    with pytest.raises(UnknownModel) as caught:
        resolve("eu.anthropic.claude-opus-55")
    assert caught.value.near[0] == "claude-opus-5-5"
    assert "claude-opus-5-5" in str(caught.value)


@LAW
@given(st.text(max_size=250))
def test_any_text_resolves_or_is_unknown(asked: str) -> None:
    try:
        resolved = resolve(asked)
    except UnknownModel:
        return
    assert resolved.canonical in {model.id for model in catalog.models()}


def bedrock(
    profile: str | None = None, region: str = "eu-central-1", served: str | None = None
) -> Endpoint:
    models = {}
    if served is not None:
        models = {"claude-opus-5-5": PlatformModel(served, "2026-10-21", sampling=False)}
    return Endpoint("https://x", Bearer(), models, region=region, profile=profile)


@pytest.mark.parametrize(
    ("asked", "endpoint", "admitted"),
    [
        ("eu.anthropic.claude-opus-5-5", bedrock("eu"), True),
        ("eu.anthropic.claude-opus-5-5", bedrock("global"), False),
        ("eu.anthropic.claude-opus-5-5", bedrock("us"), False),
        ("eu.anthropic.claude-opus-5-5", bedrock(None), True),
        ("eu.anthropic.claude-opus-5-5", bedrock(None, "us-east-1"), False),
        ("us.anthropic.claude-opus-5-5", bedrock(None, "us-gov-west-1"), False),
        ("apac.anthropic.claude-opus-5-5", bedrock(None, "me-central-1"), True),
        ("global.anthropic.claude-opus-5-5", bedrock("eu"), True),
        ("anthropic.claude-opus-5-5", bedrock("global"), True),
        # What an operator's own ids say counts more than the profile of the endpoint.
        (
            "eu.anthropic.claude-opus-5-5",
            bedrock(None, served="global.anthropic.claude-opus-5-5"),
            False,
        ),
        (
            "eu.anthropic.claude-opus-5-5",
            bedrock(
                "global",
                served="arn:aws:bedrock:eu-central-1:1:inference-profile/eu.anthropic.claude-x",
            ),
            True,
        ),
        (
            "eu.anthropic.claude-opus-5-5",
            bedrock("eu", served="arn:aws:bedrock:eu-central-1:1:application-inference-profile/q"),
            False,
        ),
        (
            "bedrock/eu-west-1/anthropic.claude-opus-5-5",
            bedrock(None, "eu-west-1"),
            True,
        ),
        (
            "bedrock/eu-west-1/anthropic.claude-opus-5-5",
            bedrock("eu", "eu-west-1"),
            False,
        ),
        (
            "bedrock/eu-west-1/anthropic.claude-opus-5-5",
            bedrock(None, "eu-central-1"),
            False,
        ),
    ],
)
def test_admits(asked: str, endpoint: Endpoint, admitted: bool) -> None:
    narrow = resolve(asked).narrow
    assert narrow is not None
    assert narrow.admits("bedrock", endpoint) is admitted
    assert not narrow.admits("vertex", endpoint)
    assert not narrow.admits("anthropic", endpoint)


@pytest.mark.parametrize("profile", ["us", "eu", "jp", "au", "apac", "us-gov", "global"])
def test_an_endpoint_keeps_the_promise_of_its_own_profile(profile: str) -> None:
    caps = capabilities.load("bedrock")
    models = capabilities.platform_models(caps, Place(profile=profile))
    endpoint = Endpoint("https://x", Bearer(), models, profile=profile)
    for model in models.values():
        narrow = resolve(model.id).narrow
        assert narrow is not None
        assert narrow.admits("bedrock", endpoint)
        other = Endpoint("https://x", Bearer(), {}, region="eu-west-1", profile="global")
        assert narrow.admits("bedrock", other) is (profile == "global")


def test_models_are_listed_once_each() -> None:
    ids = [model.id for model in catalog.models()]
    assert len(ids) == len(set(ids)) == 19
    assert catalog.model("claude-sonnet-4-5").lifecycle == "deprecated"
    assert catalog.model("claude-fable-5-2").max_input_tokens is None


@pytest.mark.parametrize(
    ("named", "model"),
    [
        ("claude-opus-5-5", "claude-opus-5-5"),
        ("claude-opus-5-5-20991231", "claude-opus-5-5"),
        ("eu.anthropic.claude-opus-5-5", "claude-opus-5-5"),
        ("claude-opus-5-55", None),
        ("claude-opus-5-5-2099", None),
        ("", None),
        ("x" * 10_000_000, None),
    ],
)
def test_an_answer_names_a_model_or_one_that_nobody_knows(named: str, model: str | None) -> None:
    assert catalog.canonical(named) == model
