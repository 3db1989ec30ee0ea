"""How far a request may travel follows from where an upstream is."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.prices.scopes import scope_of
from providers.contract import Place
from providers.registry import PROVIDERS

OPUS = "claude-opus-5-5"
APPLICATION = "arn:aws:bedrock:eu-central-1:111122223333:application-inference-profile/x1"
PROFILE = "arn:aws:bedrock:eu-central-1:111122223333:inference-profile/{}.anthropic.claude-opus-5-5"


def scope(platform: str, **place: Any) -> str | None:
    endpoint = PROVIDERS[platform].endpoint(Place(**place))
    return scope_of(platform, endpoint, OPUS)


@pytest.mark.parametrize(
    ("region", "profile", "expected"),
    [
        ("eu-central-1", "eu", "geo"),
        ("us-east-1", "us", "geo"),
        ("ap-northeast-1", "jp", "geo"),
        ("ap-southeast-2", "au", "geo"),
        ("ap-southeast-1", "apac", "geo"),
        ("us-east-1", "global", "global"),
        ("us-gov-west-1", "us-gov", "government"),
    ],
)
def test_a_profile_says_it_on_bedrock(region: str, profile: str, expected: str) -> None:
    wire_id = f"{profile}.anthropic.claude-opus-5-5"
    assert scope("bedrock", region=region, profile=profile, models={OPUS: wire_id}) == expected
    assert scope("bedrock", region=region, profile=profile) == expected


@pytest.mark.parametrize(
    ("wire_id", "profile", "expected"),
    [
        ("anthropic.claude-opus-5-5", None, "in_region"),
        ("anthropic.claude-opus-5-5", "eu", "in_region"),
        ("global.anthropic.claude-opus-5-5", "eu", "global"),
        (PROFILE.format("eu"), None, "geo"),
        (PROFILE.format("global"), "eu", "global"),
        ("arn:aws:bedrock:eu-central-1::foundation-model/anthropic.x", None, "in_region"),
        (APPLICATION, "eu", "geo"),
        (APPLICATION, "global", "global"),
        (APPLICATION, None, None),
        ("moon.anthropic.claude-opus-5-5", None, None),
    ],
)
def test_the_id_there_counts_more_than_the_upstreams_profile(
    wire_id: str, profile: str | None, expected: str | None
) -> None:
    found = scope("bedrock", region="eu-central-1", profile=profile, models={OPUS: wire_id})
    assert found == expected


def test_a_governments_region_has_its_own_price_for_everything() -> None:
    models = {OPUS: "anthropic.claude-opus-5-5"}
    assert scope("bedrock", region="us-gov-east-1", models=models) == "government"


@pytest.mark.parametrize("region", ["eusc-de-east-1", "us-iso-east-1"])
def test_what_is_priced_apart_has_no_scope(region: str) -> None:
    assert scope("bedrock", region=region, models={OPUS: "anthropic.claude-opus-5-5"}) is None


@pytest.mark.parametrize(
    ("location", "expected"),
    [("global", "global"), ("eu", "geo"), ("us", "geo"), ("europe-west1", "in_region")],
)
def test_the_location_says_it_on_vertex(location: str, expected: str) -> None:
    assert scope("vertex", region=location, project="p") == expected


@pytest.mark.parametrize(
    ("geo", "expected"), [(None, "global"), ("global", "global"), ("us", "geo")]
)
def test_the_geography_says_it_on_the_claude_api(geo: str | None, expected: str) -> None:
    assert scope("anthropic", geo=geo) == expected


def test_a_platform_that_nobody_knows_has_no_scope() -> None:
    endpoint = PROVIDERS["anthropic"].endpoint(Place())
    assert scope_of("elsewhere", endpoint, OPUS) is None


@pytest.mark.parametrize(("geo", "expected"), [(None, "global"), ("us", "geo")])
def test_a_geography_says_it_on_claude_platform_on_aws(geo: str | None, expected: str) -> None:
    assert scope("aws", region="eu-central-1", workspace="wrkspc_1", geo=geo) == expected


@pytest.mark.parametrize(
    ("region", "expected"), [("eu-central-1", "in_region"), ("us-gov-west-1", "government")]
)
def test_bedrocks_messages_api_stays_in_its_region(region: str, expected: str) -> None:
    assert scope("bedrock_mantle", region=region) == expected
