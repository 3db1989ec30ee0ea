"""Each argument of the SDK's clients means something here, and says what."""

from __future__ import annotations

import asyncio
import inspect
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anthropic
import httpx2
import pytest
from anthropic.lib.credentials import AccessToken

import gateway
from gateway.client.arguments import CREDENTIALS, MEANINGS, PLACEHOLDER
from gateway.config import ConfigError, load
from gateway.emulator import Emulator
from tests.clients.scenes import ASK

CLASSES: list[tuple[type, type]] = [
    (anthropic.Anthropic, gateway.Anthropic),
    (anthropic.AsyncAnthropic, gateway.AsyncAnthropic),
]
METHODS = ["__init__", "copy", "with_options"]


def _parameters(kind: type, method: str) -> dict[str, inspect.Parameter]:
    found = dict(inspect.signature(getattr(kind, method)).parameters)
    del found["self"]
    return found


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("theirs", "ours"), CLASSES)
def test_every_parameter_of_the_sdk_has_a_meaning(theirs: type, ours: type, method: str) -> None:
    expected, found = _parameters(theirs, method), _parameters(ours, method)
    assert not [name for name in expected if not MEANINGS.get(name)]
    assert set(found) - set(expected) == ({"gateway"} if method == "__init__" else set())
    for name, parameter in expected.items():
        assert (found[name].kind, found[name].default) == (parameter.kind, parameter.default)


def test_no_meaning_is_left_over() -> None:
    known = {
        name for _, ours in CLASSES for method in METHODS for name in _parameters(ours, method)
    }
    assert set(MEANINGS) == known


def test_the_sdk_is_subclassed() -> None:
    assert issubclass(gateway.Anthropic, anthropic.Anthropic)
    assert issubclass(gateway.AsyncAnthropic, anthropic.AsyncAnthropic)


def test_the_hooks_that_are_used_are_there() -> None:
    for kind in (anthropic.Anthropic, anthropic.AsyncAnthropic):
        build = inspect.signature(kind._build_request).parameters
        assert list(build) == ["self", "options", "retries_taken"]
        assert list(inspect.signature(kind._validate_headers).parameters) == [
            "self", "headers", "omitted",
        ]  # fmt: skip
        assert kind._supports_message_threads


VALUES = {
    "api_key": "k", "auth_token": "t", "config": {"authentication": {}}, "profile": "p",
    "credentials": lambda: AccessToken("t", None),
}  # fmt: skip


@pytest.mark.parametrize("kind", [gateway.Anthropic, gateway.AsyncAnthropic])
@pytest.mark.parametrize("name", CREDENTIALS)
def test_a_credential_beside_a_configuration_is_an_error(
    name: str, kind: Callable[..., Any], directory: Path
) -> None:
    with pytest.raises(TypeError, match=f"{name}= .*upstreams"):
        kind(gateway=directory, **{name: VALUES[name]})


def test_a_credential_for_a_copy_of_a_configured_client_is_an_error(directory: Path) -> None:
    with gateway.Anthropic(gateway=directory) as client:
        with pytest.raises(TypeError, match="api_key="):
            client.with_options(api_key="k")
        assert client.api_key is None


@pytest.mark.parametrize("kind", [gateway.Anthropic, gateway.AsyncAnthropic])
def test_an_http_client_is_an_error_that_names_the_argument(
    kind: Callable[..., Any], no_file: Emulator
) -> None:
    for given in (httpx2.Client(), httpx2.AsyncClient()):
        with pytest.raises(TypeError, match="gateway="):
            kind(http_client=given)
        with pytest.raises(TypeError, match="gateway="):
            kind().copy(http_client=given)


def test_a_directory_a_config_and_an_engine_are_all_a_gateway(
    directory: Path, emulator: Emulator
) -> None:
    config = load(directory, {"GATEWAY_ENV": "test", "TEST_KEY": emulator.api_key})
    engine = gateway.Engine.from_config(config)
    for given in (directory, str(directory), config, engine):
        with gateway.Anthropic(gateway=given) as client:
            assert client.messages.create(**ASK).content
    assert len(emulator.records) == 4


def test_the_environment_names_the_configuration(
    directory: Path, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATEWAY_CONFIG", str(directory))
    monkeypatch.setenv("ANTHROPIC_API_KEY", "not-this-one")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://127.0.0.1:1/prefix")
    with gateway.Anthropic() as client:
        assert client.messages.create(**ASK).content
        assert client.api_key is None
        assert client.base_url.host == "api.anthropic.com"
    assert emulator.records[0].header("x-api-key") == emulator.api_key


def test_a_base_url_routes_nothing_where_a_configuration_does(
    directory: Path, emulator: Emulator
) -> None:
    with gateway.Anthropic(gateway=directory, base_url="https://relay.example/v2/") as client:
        assert client.messages.create(**ASK).content
        assert client.with_options(base_url="https://x.example").messages.create(**ASK).content
    assert len(emulator.records.of("anthropic")) == 2


def test_nothing_starts_without_what_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="ANTHROPIC_API_KEY"):
        gateway.Anthropic()
    monkeypatch.setenv("ANTHROPIC_API_KEY", "k")
    monkeypatch.setenv("GATEWAY_ENV", "prod")
    with pytest.raises(ConfigError, match="GATEWAY_ENV"):
        gateway.Anthropic()


def _credential(emulator: Emulator) -> str | None:
    return emulator.records[-1].header("authorization") or emulator.records[-1].header("x-api-key")


def test_no_placeholder_leaves_the_process(directory: Path, emulator: Emulator) -> None:
    with gateway.Anthropic(gateway=directory) as client:
        client.messages.create(**ASK)
        client.with_options(timeout=9.0).messages.create(
            **ASK, extra_headers={"x-api-key": "callers", "authorization": "Bearer callers"}
        )
    for record in emulator.records:
        values = [value for _, value in record.headers]
        assert not [value for value in values if PLACEHOLDER in value or "callers" in value]
        assert record.header("x-api-key") == emulator.api_key


def test_the_callers_credential_is_sent_as_the_sdk_sends_it(no_file: Emulator) -> None:
    key = no_file.api_key
    given: list[dict[str, Any]] = [
        {"api_key": key},
        {"auth_token": key},
        {"credentials": lambda: AccessToken(key, int(time.time()) + 900)},
    ]
    for arguments in given:
        seen = []
        for kind in (anthropic.Anthropic, gateway.Anthropic):
            with kind(**arguments) as client:
                client.messages.create(**ASK)
            record = no_file.records[-1]
            names = ("authorization", "x-api-key", "anthropic-beta")
            seen.append([record.header(name) for name in names])
        assert seen[0] == seen[1]


def test_a_copy_may_bring_another_credential(no_file: Emulator) -> None:
    with gateway.Anthropic(api_key="first") as client:
        other = client.with_options(api_key=no_file.api_key)
        other.with_options(timeout=5.0).messages.create(**ASK)
        assert _credential(no_file) == f"Bearer {no_file.api_key}"
        client.api_key = no_file.api_key
        client.messages.create(**ASK)
        assert _credential(no_file) == f"Bearer {no_file.api_key}"


def test_a_copy_keeps_the_provider_of_tokens(no_file: Emulator) -> None:
    asked: list[int] = []

    def provider(*, force_refresh: bool = False) -> AccessToken:
        asked.append(1)
        return AccessToken(no_file.api_key, int(time.time()) + 900)

    with gateway.Anthropic(credentials=provider) as client:
        copied = client.with_options(timeout=5.0).with_options(max_retries=1)
        copied.messages.create(**ASK)
        client.messages.create(**ASK)
    assert asked == [1]
    assert no_file.records[-1].header("anthropic-beta") == "oauth-2025-04-20"


def test_a_rejected_token_is_renewed_once(no_file: Emulator) -> None:
    tokens = ["old", no_file.api_key]

    def provider(*, force_refresh: bool = False) -> AccessToken:
        return AccessToken(tokens.pop(0), int(time.time()) + 900)

    with gateway.Anthropic(credentials=provider) as client:
        assert client.messages.create(**ASK).content
    assert [record.status for record in no_file.records] == [401, 200]


def test_an_asyncio_client_may_have_an_asyncio_provider(no_file: Emulator) -> None:
    async def provider(*, force_refresh: bool = False) -> AccessToken:
        return AccessToken(no_file.api_key, int(time.time()) + 900)

    async def run() -> None:
        async with gateway.AsyncAnthropic(credentials=provider) as client:
            await client.with_options(timeout=9.0).messages.create(**ASK)

    asyncio.run(run())
    assert _credential(no_file) == f"Bearer {no_file.api_key}"


def test_the_sdks_chain_is_asked_when_nothing_else_is_given(
    emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = tmp_path / "anthropic"
    (where / "configs").mkdir(parents=True)
    (where / "credentials").mkdir()
    profile = {
        "version": "1.0",
        "base_url": emulator.direct.base_url,
        "workspace_id": "wrkspc_1",
        "authentication": {"type": "user_oauth"},
    }
    token = {
        "version": "1.0",
        "type": "oauth_token",
        "access_token": emulator.api_key,
        "expires_at": int(time.time()) + 3600,
    }
    (where / "configs" / "mine.json").write_text(json.dumps(profile))
    secret = where / "credentials" / "mine.json"
    secret.write_text(json.dumps(token))
    secret.chmod(0o600)
    monkeypatch.setenv("ANTHROPIC_CONFIG_DIR", str(where))
    monkeypatch.setenv("ANTHROPIC_PROFILE", "mine")
    seen = []
    for kind in (anthropic.Anthropic, gateway.Anthropic):
        with kind() as client:
            client.with_options(timeout=9.0).messages.create(**ASK)
            names = ("authorization", "anthropic-beta", "anthropic-workspace-id")
            seen.append([emulator.records[-1].header(name) for name in names])
    assert seen[0] == seen[1]
    assert seen[0][0] == f"Bearer {emulator.api_key}"


def _upstreams(client: gateway.Anthropic) -> list[str]:
    http: Any = client._client
    return [upstream.name for upstream in http.opened.engine.upstreams]


def test_a_clouds_variables_alone_are_enough(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", emulator.api_key)
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    monkeypatch.setenv("ANTHROPIC_BEDROCK_BASE_URL", emulator.bedrock.base_url)
    with gateway.Anthropic() as client:
        assert _upstreams(client) == ["bedrock"]
        both = client.with_options(api_key="k", base_url=emulator.direct.base_url)
        assert _upstreams(both) == ["direct", "bedrock"]


def test_a_copy_may_have_another_base_url_without_a_file(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    with gateway.Anthropic(api_key=emulator.api_key, base_url="http://127.0.0.1:1") as client:
        other = client.with_options(base_url=emulator.direct.base_url)
        assert other.with_options(timeout=9.0).messages.create(**ASK).content
        assert client.base_url.port == 1
        other.close()


def test_default_headers_and_query_stay_usable(no_file: Emulator) -> None:
    with gateway.Anthropic(
        default_headers={"x-gateway-tag-team": "x", "anthropic-beta": "context-1m-2025-08-07"},
        default_query={"a": "b"},
    ) as client:
        client.messages.create(**ASK)
    record = no_file.records[0]
    assert record.header("anthropic-beta") == "context-1m-2025-08-07"
    assert record.query == ""
    assert not [name for name, _ in record.headers if name.startswith("x-gateway-")]


def test_message_threads_are_off() -> None:
    assert not gateway.Anthropic._supports_message_threads
    assert not gateway.AsyncAnthropic._supports_message_threads


def test_the_callers_token_goes_to_the_direct_api_alone(
    no_file: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    def provider(*, force_refresh: bool = False) -> AccessToken:
        return AccessToken("callers-own-token", int(time.time()) + 900)

    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", no_file.api_key)
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    monkeypatch.setenv("ANTHROPIC_BEDROCK_BASE_URL", no_file.bedrock.base_url)
    ask = {**ASK, "model": "claude-haiku-4-5"}  # One that the region serves without a profile.
    with gateway.Anthropic(credentials=provider) as client:
        upstreams = _upstreams(client)
        raw = client.messages.with_raw_response.create(**ask)
    assert upstreams == ["direct", "bedrock"]
    assert raw.headers["x-gateway-upstream"] == "bedrock"
    (record,) = no_file.records.of("bedrock")
    sent = (*(value for _, value in record.headers), record.body.decode())
    assert not [value for value in sent if "callers-own" in value or "oauth" in value]
