from __future__ import annotations

import tomllib
from importlib import resources
from typing import Any

import pytest

from providers import capabilities, catalog, data_files
from providers.capabilities import load, platform_models
from providers.contract import Place, PlaceError

PLATFORMS = ("anthropic", "bedrock", "vertex")
OLD = ("opus-4-6", "sonnet-4-6", "haiku-4-5", "opus-4-5", "sonnet-4-5")


def tables() -> list[tuple[str, dict[str, Any]]]:
    files = (resources.files("providers") / "data").iterdir()
    return [
        (f"{file.name} {name}", table)
        for file in files
        if file.name.endswith(".toml")
        for name, table in tomllib.loads(file.read_text("utf-8")).items()
        if isinstance(table, dict)
    ]


def test_every_table_says_where_it_comes_from() -> None:
    assert len(tables()) > 10
    for name, table in tables():
        assert table["source"], name
        assert table["checked_on"], name
        assert isinstance(table["verified"], bool), name


@pytest.mark.parametrize("platform", ["bedrock", "vertex"])
def test_every_beta_that_unlocks_something_is_known_to_each_platform(platform: str) -> None:
    caps = load(platform)
    unlocking = {beta for part in caps.parts for beta in part.betas}
    assert unlocking <= caps.betas | caps.refused_betas
    assert not caps.betas & caps.refused_betas
    assert caps.header_only <= caps.betas


@pytest.mark.parametrize("platform", ["bedrock", "vertex"])
def test_no_beta_is_taken_without_the_field_it_unlocks(platform: str) -> None:
    caps = load(platform)
    for part in caps.parts:
        if part.betas and part.top not in caps.fields:
            assert not part.betas & caps.betas, part.path


@pytest.mark.parametrize("platform", PLATFORMS)
def test_every_row_is_a_model_of_the_catalog(platform: str) -> None:
    known = {model.id for model in catalog.models()}
    assert set(load(platform).models) <= known


@pytest.mark.parametrize("platform", ["bedrock", "vertex"])
def test_droppable_fields_are_not_taken_ones(platform: str) -> None:
    caps = load(platform)
    assert not caps.droppable & caps.fields
    assert caps.sampling <= caps.fields
    assert "inference_geo" not in caps.fields | caps.droppable


def test_profiles_are_the_ones_the_catalog_knows() -> None:
    known = set(data_files.read("models", data_files.ModelFile).profiles.rows)
    used = {profile for row in load("bedrock").models.values() for profile in row.profiles}
    assert used == known


@pytest.mark.parametrize(
    ("platform", "old"), [("bedrock", "bedrock-2023-05-31"), ("vertex", "vertex-2023-10-16")]
)
def test_old_models_get_the_old_version_and_take_sampling(platform: str, old: str) -> None:
    models = platform_models(load(platform), Place(profile="us" if platform == "bedrock" else None))
    for name, model in models.items():
        is_old = name.removeprefix("claude-") in OLD
        assert model.version == (old if is_old else "2026-10-21")
        assert model.sampling is is_old


def test_a_profile_prefixes_the_ids_and_leaves_out_what_it_does_not_have() -> None:
    models = platform_models(load("bedrock"), Place(region="ap-northeast-1", profile="jp"))
    assert models["claude-opus-5-5"].id == "jp.anthropic.claude-opus-5-5"
    assert "claude-fable-5-1" not in models


def test_base_ids_need_a_region_that_takes_them() -> None:
    assert not platform_models(load("bedrock"), Place(region="eu-central-1"))
    gov = platform_models(load("bedrock"), Place(region="us-gov-west-1"))
    assert gov["claude-opus-5-5"].id == "anthropic.claude-opus-5-5"
    assert "claude-opus-4-7" not in gov


def test_overrides_go_over_the_table_and_keep_its_version() -> None:
    arn = "arn:aws:bedrock:eu-central-1:123456789012:application-inference-profile/abc"
    place = Place(
        region="eu-central-1",
        models={"claude-sonnet-4-5-20250929": arn, "claude-fable-5-2": "anthropic.claude-x"},
    )
    models = platform_models(load("bedrock"), place)
    assert models["claude-sonnet-4-5"].id == arn
    assert models["claude-sonnet-4-5"].version == "bedrock-2023-05-31"
    assert models["claude-sonnet-4-5"].sampling
    assert models["claude-fable-5-2"].version == "2026-10-21"
    assert set(models) == {"claude-sonnet-4-5", "claude-fable-5-2"}


@pytest.mark.parametrize(
    ("platform", "place", "key", "hint"),
    [
        ("bedrock", Place(profile="eur"), "profile", "eu"),
        ("vertex", Place(profile="eu"), "profile", "leave it out"),
        ("vertex", Place(models={"claude-opus-55": "x"}), "models", "claude-opus-5-5"),
    ],
)
def test_a_wrong_place_says_what_would_be_right(
    platform: str, place: Place, key: str, hint: str
) -> None:
    with pytest.raises(PlaceError, match=hint) as caught:
        platform_models(load(platform), place)
    assert caught.value.key == key


@pytest.mark.parametrize("platform", ["azure", "models", "../data/bedrock"])
def test_an_unknown_platform_is_refused(platform: str) -> None:
    with pytest.raises(LookupError, match="no usable data file"):
        load(platform)


def test_vertex_ids_carry_the_date_of_dated_models() -> None:
    models = platform_models(load("vertex"), Place(region="eu"))
    assert models["claude-haiku-4-5"].id == "claude-haiku-4-5@20251001"
    assert models["claude-opus-5-5"].id == "claude-opus-5-5"


def test_the_tool_patterns() -> None:
    caps = load("bedrock")
    assert capabilities.takes_tool(caps, "tool_search_tool_regex")
    assert not capabilities.takes_tool(caps, "web_search_20250305")
