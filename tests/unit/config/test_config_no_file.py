from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config import BedrockUpstream, ConfigError, VertexUpstream, load
from gateway.config.environ import from_variables
from providers.contract import ApiKey, Bearer

DIRECT = {"ANTHROPIC_API_KEY": "sk-made-up"}
BEDROCK = {"AWS_REGION": "eu-central-1", "AWS_PROFILE": "claude"}
VERTEX = {"ANTHROPIC_VERTEX_PROJECT_ID": "my-project", "CLOUD_ML_REGION": "europe-west1"}


def test_the_sdks_variables_become_upstreams_in_their_order() -> None:
    config = load(None, VERTEX | BEDROCK | DIRECT)
    assert config.routing.order == ("direct", "bedrock", "vertex")
    assert config.no_file
    assert (config.environment, config.directory) == (None, None)
    kinds = [upstream.credential_kind for upstream in config.used]
    assert kinds == ["token", "aws_chain", "google_adc"]


def test_the_api_key_wins_over_the_token() -> None:
    both = load(None, DIRECT | {"ANTHROPIC_AUTH_TOKEN": "tk"}).used[0]
    token = load(None, {"ANTHROPIC_AUTH_TOKEN": "tk"}).used[0]
    assert both.place().auth == ApiKey()
    assert token.place().auth == Bearer()
    assert token.token is not None
    assert token.token.reveal() == "tk"


def test_the_sdks_base_urls_are_kept() -> None:
    config = load(
        None,
        DIRECT
        | BEDROCK
        | VERTEX
        | {
            "ANTHROPIC_BASE_URL": "http://127.0.0.1:9000/",
            "ANTHROPIC_BEDROCK_BASE_URL": "https://b.example",
            "ANTHROPIC_VERTEX_BASE_URL": "https://v.example",
        },
    )
    assert [upstream.base_url for upstream in config.used] == [
        "http://127.0.0.1:9000",
        "https://b.example",
        "https://v.example",
    ]


def test_a_wrong_value_is_told_by_its_variable() -> None:
    environ = DIRECT | {"ANTHROPIC_BASE_URL": "http://relay.example"}
    with pytest.raises(ConfigError) as raised:
        load(None, environ)
    (found,) = raised.value.mistakes
    assert (found.file, found.line, found.key) == (None, None, "ANTHROPIC_BASE_URL")


def test_a_region_is_taken_from_either_variable() -> None:
    first = load(None, BEDROCK | {"AWS_DEFAULT_REGION": "us-east-1"}).used[0]
    second = load(None, {"AWS_DEFAULT_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "x"}).used[0]
    assert isinstance(first, BedrockUpstream)
    assert isinstance(second, BedrockUpstream)
    assert (first.region, second.region) == ("eu-central-1", "us-east-1")


def test_a_bedrock_key_travels_as_a_bearer() -> None:
    environ = {"AWS_BEARER_TOKEN_BEDROCK": "bk", "AWS_REGION": "eu-central-1"}
    found = load(None, environ).used[0]
    assert (found.credential_kind, found.place().auth) == ("token", Bearer())


def test_a_workspace_on_aws_is_an_upstream_of_its_own() -> None:
    environ = BEDROCK | {"ANTHROPIC_AWS_WORKSPACE_ID": "wrkspc_1"}
    signed, bedrock = load(None, environ).used
    keyed = load(None, environ | {"ANTHROPIC_AWS_API_KEY": "ak"}).used[0]
    assert (signed.provider, bedrock.provider) == ("aws", "bedrock")
    assert (signed.place().auth, keyed.place().auth) == (None, Bearer())
    assert signed.place().workspace == "wrkspc_1"


def test_a_workspace_on_aws_without_a_region_is_noted() -> None:
    _, notes = from_variables(DIRECT | {"ANTHROPIC_AWS_WORKSPACE_ID": "w"}, lambda _: False)
    assert notes == ("ANTHROPIC_AWS_WORKSPACE_ID is set and AWS_REGION is not: no Claude on AWS",)


def test_a_region_alone_is_no_bedrock() -> None:
    document, _ = from_variables(DIRECT | {"AWS_REGION": "eu-central-1"}, lambda _: False)
    assert list(document.data["upstreams"]) == ["direct"]


@pytest.mark.parametrize(
    ("more", "asked"),
    [
        ({"HOME": "/home/me"}, "/home/me/.aws/config"),
        ({"AWS_SHARED_CREDENTIALS_FILE": "/etc/aws"}, "/etc/aws"),
    ],
)
def test_the_aws_files_are_a_sign_of_credentials(more: dict[str, str], asked: str) -> None:
    environ = {"AWS_REGION": "eu-central-1"} | more
    document, _ = from_variables(environ, lambda path: path == Path(asked))
    assert list(document.data["upstreams"]) == ["bedrock"]


def test_half_a_platform_is_noted_and_left_out() -> None:
    environ = DIRECT | {"ANTHROPIC_VERTEX_PROJECT_ID": "p", "AWS_BEARER_TOKEN_BEDROCK": "bk"}
    config = load(None, environ)
    assert config.routing.order == ("direct",)
    assert ["AWS_REGION" in note or "CLOUD_ML_REGION" in note for note in config.notes] == [
        True,
        True,
    ]


@pytest.mark.parametrize("key", ["RESOURCE", "BASE_URL"])
def test_foundry_without_its_key_is_noted(key: str) -> None:
    _, notes = from_variables(DIRECT | {f"ANTHROPIC_FOUNDRY_{key}": "r"}, lambda _: False)
    (note,) = notes
    assert note.startswith(f"ANTHROPIC_FOUNDRY_{key} is set and ANTHROPIC_FOUNDRY_API_KEY is not")


def test_nothing_at_all_says_what_to_set() -> None:
    with pytest.raises(ConfigError, match="set ANTHROPIC_API_KEY"):
        load(None, {})
    with pytest.raises(ConfigError, match="CLOUD_ML_REGION is not"):
        load(None, {"ANTHROPIC_VERTEX_PROJECT_ID": "p"})


def test_a_vertex_place_is_complete() -> None:
    found = load(None, VERTEX).used[0]
    assert isinstance(found, VertexUpstream)
    place = found.place()
    assert (place.project, place.region, place.auth) == ("my-project", "europe-west1", None)


def test_the_server_does_not_become_its_own_upstream() -> None:
    environ = DIRECT | {"ANTHROPIC_BASE_URL": "http://127.0.0.1:8787"}
    with pytest.raises(ConfigError, match="ANTHROPIC_BASE_URL: is this gateway's own address"):
        load(None, environ, serving=True)
