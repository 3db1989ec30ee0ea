"""A request stays where the way it was written keeps it, whatever the platform."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import compose
from gateway.config.upstreams import UPSTREAMS, BedrockUpstream
from gateway.errors import Forbidden, Malformed, UnknownModel
from gateway.routing import plan
from tests.formats.asking import BEARER, call, invoke, planned, predict, signed
from tests.formats.world import (
    ASIA_AWS,
    EU,
    EUROPE_AWS,
    MODEL,
    WORLD,
    stays,
    upstream,
)

PROFILES: dict[str, frozenset[str] | None] = {
    "eu": EUROPE_AWS | EU,
    "us": frozenset({"US"}),
    "jp": frozenset({"JP"}),
    "au": frozenset({"AU"}),
    "apac": ASIA_AWS,
    "global": None,
}
REGIONS = {"eu-west-1": "IE", "eu-west-2": "GB", "us-west-2": "US", "ap-northeast-1": "JP"}
LOCATIONS: dict[str, frozenset[str] | None] = {
    "global": None,
    "us": frozenset({"US"}),
    "eu": EU,
    "europe-west1": frozenset({"BE"}),
    "europe-west2": frozenset({"GB"}),
    "us-east5": frozenset({"US"}),
    "asia-northeast1": frozenset({"JP"}),
}
HEADERS = [BEARER, *map(signed, REGIONS)]
SOME = st.lists(st.sampled_from(sorted(WORLD)), unique=True)


GOV_ARN = "arn:aws-us-gov:bedrock:us-gov-west-1:123456789012:inference-profile/us-gov.anthropic."
GOV_ARN += MODEL
PROFILE_ARN = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/"


def expected(names: Sequence[str], allowed: frozenset[str] | None) -> list[str]:
    return [name for name in names if stays(name, allowed)]


def test_the_world_has_every_platform() -> None:
    assert {provider for provider, _, _ in WORLD.values()} == set(UPSTREAMS)


@given(SOME, st.sampled_from(sorted(PROFILES)), st.sampled_from(HEADERS), st.booleans())
def test_a_profile_keeps_a_request_in_its_countries(
    names: list[str], profile: str, headers: tuple[tuple[str, str], ...], in_arn: bool
) -> None:
    written = f"{profile}.anthropic.{MODEL}"
    if in_arn:
        written = f"arn:aws:bedrock:eu-west-1:123456789012:inference-profile/{written}"
    found = planned(invoke(written, headers), map(upstream, names))
    assert found == expected(names, PROFILES[profile])


@given(SOME, st.sampled_from(sorted(REGIONS)), st.sampled_from([f"anthropic.{MODEL}", MODEL]))
def test_an_id_without_a_profile_stays_in_the_country_it_is_signed_for(
    names: list[str], region: str, written: str
) -> None:
    found = planned(invoke(written, signed(region)), map(upstream, names))
    assert found == expected(names, frozenset({REGIONS[region]}))


@given(SOME, st.sampled_from(sorted(REGIONS)))
def test_a_models_arn_names_its_region(names: list[str], region: str) -> None:
    written = f"arn:aws:bedrock:{region}::foundation-model/anthropic.{MODEL}"
    found = planned(invoke(written), map(upstream, names))
    assert found == expected(names, frozenset({REGIONS[region]}))


@given(SOME)
def test_unsigned_nothing_is_said_of_a_region(names: list[str]) -> None:
    assert planned(invoke(f"anthropic.{MODEL}"), map(upstream, names)) == names


@given(SOME, st.sampled_from(sorted(LOCATIONS)), st.sampled_from([MODEL, f"{MODEL}@default"]))
def test_a_location_keeps_a_request_in_its_countries(
    names: list[str], location: str, model: str
) -> None:
    found = planned(predict(location, model), map(upstream, names))
    assert found == expected(names, LOCATIONS[location])


@pytest.mark.parametrize(
    ("written", "headers"),
    [
        (f"us-gov.anthropic.{MODEL}", BEARER),
        (f"us-gov.anthropic.{MODEL}", signed("us-gov-west-1")),
        (f"us-gov.anthropic.{MODEL}", signed("us-east-1")),
        (
            GOV_ARN,
            BEARER,
        ),
    ],
)
def test_govcloud_is_not_the_commercial_partition(
    written: str, headers: tuple[tuple[str, str], ...]
) -> None:
    assert planned(invoke(written, headers), map(upstream, WORLD)) == ["bedrock-gov"]


@pytest.mark.parametrize(
    ("written", "headers"),
    [
        (f"anthropic.{MODEL}", signed("us-gov-west-1")),
        (f"us.anthropic.{MODEL}", signed("us-gov-west-1")),
        (f"global.anthropic.{MODEL}", signed("us-gov-west-1")),
        (f"eu.anthropic.{MODEL}", signed("eusc-de-east-1")),
        (f"arn:aws-eusc:bedrock:eusc-de-east-1::foundation-model/anthropic.{MODEL}", BEARER),
        (f"arn:aws:bedrock:us-gov-west-1::foundation-model/anthropic.{MODEL}", BEARER),
        (f"arn:aws:bedrock:::foundation-model/anthropic.{MODEL}", signed("us-gov-west-1")),
        (f"arn:aws:bedrock:us-east-1::foundation-model/anthropic.{MODEL}", signed("us-gov-west-1")),
        (f"{PROFILE_ARN}us.anthropic.{MODEL}", signed("us-gov-west-1")),
    ],
)
def test_what_is_asked_of_another_partition_goes_to_no_upstream_of_this_one(
    written: str, headers: tuple[tuple[str, str], ...]
) -> None:
    assert planned(invoke(written, headers), map(upstream, WORLD)) == []


@pytest.mark.parametrize("region", ["xx-nowhere-1", "eu-west-9", "eu_west", ""])
def test_a_region_that_nobody_knows_keeps_everything_out(region: str) -> None:
    with pytest.raises(Malformed, match="region"):
        invoke(f"anthropic.{MODEL}", signed(region))


@pytest.mark.parametrize(
    ("written", "headers"),
    [
        (f"us.anthropic.{MODEL}", signed("us-iso-east-1")),
        (f"global.anthropic.{MODEL}", signed("xx-nowhere-1")),
        (f"arn:aws:bedrock:us-iso-east-1::foundation-model/us.anthropic.{MODEL}", BEARER),
        (f"arn:aws-us-gov:bedrock:us-east-1::foundation-model/anthropic.{MODEL}", BEARER),
        (f"arn:aws-cn:bedrock:us-gov-west-1::foundation-model/anthropic.{MODEL}", BEARER),
        (f"arn:aws-iso:bedrock:::foundation-model/anthropic.{MODEL}", BEARER),
    ],
)
def test_a_partition_that_nobody_can_tell_keeps_everything_out(
    written: str, headers: tuple[tuple[str, str], ...]
) -> None:
    with pytest.raises(Malformed, match="region"):
        invoke(written, headers)


def test_the_scheme_of_a_signature_is_read_in_any_case() -> None:
    ((name, value),) = signed("eu-west-1")
    lowered = ((name, value.replace("AWS4-HMAC-SHA256", "aws4-hmac-sha256")),)
    found = planned(invoke(f"anthropic.{MODEL}", lowered), map(upstream, WORLD))
    assert found == expected(list(WORLD), frozenset({"IE"}))


@pytest.mark.parametrize("path", ["bedrock/us-east-1", "bedrock/us-east-1/eu", "anthropic", "x"])
def test_an_arn_with_a_path_for_a_name_is_nobodys(path: str) -> None:
    written = f"arn:aws:bedrock:eu-west-1::foundation-model/{path}/anthropic.{MODEL}"
    assert planned(invoke(written), map(upstream, WORLD)) == []


def test_a_signature_of_another_kind_tells_no_region() -> None:
    headers = (("authorization", "AWS4-ECDSA-P256-SHA256 Credential=A/20261129/bedrock/x"),)
    with pytest.raises(Malformed, match="region"):
        invoke(f"anthropic.{MODEL}", headers)


def test_a_location_that_nobody_knows_is_refused_with_near_names() -> None:
    with pytest.raises(Malformed, match="europe-west1"):
        predict("europe-wost1", MODEL)


def test_the_refusal_says_what_was_written() -> None:
    found = plan(call(invoke(f"jp.anthropic.{MODEL}")), [upstream("direct")])
    assert isinstance(found.refused, Forbidden)
    assert f"jp.anthropic.{MODEL}" in found.refused.message


ARN = "arn:aws:bedrock:eu-central-1:123456789012:application-inference-profile/abc123"


def test_an_opaque_arn_means_the_upstream_that_has_it() -> None:
    owner = compose.upstream(
        BedrockUpstream(
            name="owner", provider="bedrock", region="eu-central-1", models={MODEL: ARN}
        )
    )
    others = [upstream(name) for name in WORLD]
    assert planned(invoke(ARN), [*others, owner]) == ["owner"]
    with pytest.raises(UnknownModel, match="application-inference-profile"):
        plan(call(invoke(ARN)), others)
