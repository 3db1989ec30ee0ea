"""Microsoft Foundry as an upstream: asked by deployment, let in by key or by Entra."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anthropic
import pytest

import gateway
from gateway.boundary.where import where
from gateway.compose import found
from gateway.config import Config, ConfigError
from gateway.emulator import Emulator
from gateway.engine import Engine
from gateway.policy.places import derived
from tests.ledger.bills import billed, differences, folded
from tests.server.serving import BODY

KEY = 'api_key = "${KEY}"\n'
GLOBAL = 'deployment_type = "global_standard"\n'
ZONE = 'deployment_type = "us_data_zone_standard"\n'
Keys = Callable[[Emulator, Path], str]


def config(directory: Path, emulator: Emulator, more: str, environ: dict[str, str]) -> Config:
    (directory / "environments").mkdir(exist_ok=True)
    (directory / "environments" / "prod.toml").touch()
    (directory / "gateway.toml").write_text(f"""
schema = 1
routing = {{ order = ["azure"] }}
journal = {{ dir = "journal" }}
[upstreams.azure]
provider = "foundry"
{more}
""")
    return found(directory, {"GATEWAY_ENV": "prod", "KEY": emulator.api_key, **environ})


def here(emulator: Emulator) -> str:
    return f'base_url = "{emulator.foundry.base_url}/anthropic"\n'


def engine(directory: Path, emulator: Emulator, more: str) -> Engine:
    secret = {"SECRET": emulator.foundry.application.client_secret}
    return Engine.from_config(config(directory, emulator, here(emulator) + more, secret))


def principal(emulator: Emulator) -> str:
    own = emulator.foundry.application
    return (
        f'tenant_id = "{own.tenant_id}"\nclient_id = "{own.client_id}"\n'
        f'authority = "{emulator.foundry.base_url}"\n'
    )


def by_secret(emulator: Emulator, _: Path) -> str:
    return principal(emulator) + 'client_secret = "${SECRET}"\n'


def by_certificate(emulator: Emulator, directory: Path) -> str:
    emulator.foundry.application.write_certificate(directory / "app.pem")
    return principal(emulator) + 'certificate_file = "app.pem"\n'


def by_federation(emulator: Emulator, directory: Path) -> str:
    (directory / "token").write_text(emulator.foundry.application.federated_token)
    return principal(emulator) + 'federated_token_file = "token"\n'


def by_key(*_: object) -> str:
    return KEY


def by_token(*_: object) -> str:
    return 'access_token = "${KEY}"\n'


@pytest.mark.parametrize("credential", [by_key, by_token, by_secret, by_certificate, by_federation])
def test_it_is_asked_as_its_own_client_asks_and_billed_as_recorded(
    emulator: Emulator, tmp_path: Path, credential: Keys
) -> None:
    made = engine(tmp_path, emulator, GLOBAL + credential(emulator, tmp_path))
    with gateway.Anthropic(gateway=made, max_retries=0) as client:
        message = client.messages.create(**BODY)
        count = client.messages.count_tokens(model=BODY["model"], messages=BODY["messages"])
        with client.messages.stream(**BODY) as stream:
            stream.until_done()
    assert message.usage.input_tokens == count.input_tokens
    records = emulator.records.of("foundry")
    assert {each.path for each in records} == {
        "/anthropic/v1/messages",
        "/anthropic/v1/messages/count_tokens",
    }
    rows = folded(tmp_path / "journal")
    assert {(row.platform, row.scope) for row in rows} == {("foundry", "global")}
    assert not list(differences(rows, [billed(each) for each in records]))
    assert sum(row.net_pico or 0 for row in rows) > 0
    # One token serves all three requests.
    tokens = [each for each in emulator.records.of("entra") if each.path.endswith("/token")]
    assert len(tokens) == (0 if credential in (by_key, by_token) else 1)


@pytest.mark.parametrize("credential", ["managed_identity = true\n", ""])
def test_the_machine_vouches_for_itself(
    emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, credential: str
) -> None:
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", emulator.foundry.base_url)
    made = engine(tmp_path, emulator, GLOBAL + credential)
    with gateway.Anthropic(gateway=made, max_retries=0) as client:
        assert client.messages.create(**BODY).model == BODY["model"]
    assert {each.path for each in emulator.records.of("entra")} == {
        "/metadata/identity/oauth2/token"
    }


def test_a_deployment_may_have_a_name_of_its_own(emulator: Emulator, tmp_path: Path) -> None:
    emulator.foundry.deployments = {"my-opus": "claude-opus-5-5"}
    made = engine(tmp_path, emulator, KEY + 'models = { "claude-opus-5-5" = "my-opus" }\n')
    with gateway.Anthropic(gateway=made, max_retries=0) as client:
        message = client.messages.create(**BODY | {"model": "claude-opus-5-5"})
        with pytest.raises(anthropic.NotFoundError):
            client.messages.create(**BODY | {"model": "claude-sonnet-5-5"})
    assert message.model == "claude-opus-5-5"
    assert json.loads(emulator.records.of("foundry")[0].body)["model"] == "my-opus"
    row, *_ = folded(tmp_path / "journal")
    assert (row.model, row.wire_model) == ("claude-opus-5-5", "my-opus")


def test_without_a_type_of_deployment_nothing_is_promised_and_nothing_has_a_price(
    emulator: Emulator, tmp_path: Path
) -> None:
    made = engine(tmp_path, emulator, KEY)
    with gateway.Anthropic(gateway=made, max_retries=0) as client:
        client.messages.create(**BODY)
    (row,) = folded(tmp_path / "journal")
    assert row.net_pico is None
    assert row.unpriced


def test_a_data_zone_is_a_place_a_price_and_fewer_models(
    emulator: Emulator, tmp_path: Path
) -> None:
    emulator.foundry.data_zone = True
    made = engine(tmp_path, emulator, ZONE + KEY)
    with gateway.Anthropic(gateway=made, max_retries=0) as client:
        client.messages.create(**BODY | {"model": "claude-opus-5-5"})
        with pytest.raises(anthropic.NotFoundError, match="does not serve claude-fable-5-1"):
            client.messages.create(**BODY | {"model": "claude-fable-5-1"})
    (row,) = folded(tmp_path / "journal")
    (record,) = emulator.records.of("foundry")
    assert row.scope == "geo"
    assert not list(differences([row], [billed(record)]))
    section = config(tmp_path, emulator, 'resource = "r"\n' + ZONE + KEY, {}).upstreams["azure"]
    assert derived(where(section))["processing_in"].value == frozenset({"US"})


def test_a_scope_of_the_cache_is_left_out_and_named(emulator: Emulator, tmp_path: Path) -> None:
    marked = {
        "type": "text",
        "text": "s",
        "cache_control": {"type": "ephemeral", "scope": "global"},
    }
    asked: dict[str, Any] = {**BODY, "system": [marked]}
    beta = {"anthropic-beta": "prompt-caching-scope-2026-01-05"}
    made = engine(tmp_path, emulator, KEY + 'fidelity = "lenient"\n')
    with gateway.Anthropic(gateway=made, max_retries=0) as client:
        raw = client.messages.with_raw_response.create(**asked, extra_headers=beta)
    assert "system[].cache_control.scope" in raw.headers["x-gateway-dropped"]
    with pytest.raises(anthropic.BadRequestError, match="scope"):
        anthropic.AnthropicFoundry(
            base_url=f"{emulator.foundry.base_url}/anthropic",
            api_key=emulator.api_key,
            max_retries=0,
        ).messages.create(**asked, extra_headers=beta)


def test_where_it_runs_is_not_the_callers_to_say(emulator: Emulator, tmp_path: Path) -> None:
    made = engine(tmp_path, emulator, KEY)
    with (
        gateway.Anthropic(gateway=made, max_retries=0) as client,
        pytest.raises(anthropic.BadRequestError, match="the deployment's type"),
    ):
        client.messages.create(**BODY, inference_geo="us")
    assert not emulator.records.of("foundry")


def test_a_door_that_shuts_now_and_then_is_knocked_at_again(
    emulator: Emulator, tmp_path: Path
) -> None:
    emulator.faults.add(
        "status", status=401, type="invalid_model_endpoint_authentication", platform="foundry"
    )
    made = engine(tmp_path, emulator, KEY)
    with gateway.Anthropic(gateway=made, max_retries=1) as client:
        assert client.messages.create(**BODY).model == BODY["model"]
    assert len(emulator.records.of("foundry")) == 2


def test_a_wrong_key_is_the_gateways_own(emulator: Emulator, tmp_path: Path) -> None:
    text = here(emulator) + KEY
    made = Engine.from_config(config(tmp_path, emulator, text, {"KEY": "another"}))
    with (
        gateway.Anthropic(gateway=made, max_retries=0) as client,
        pytest.raises(anthropic.InternalServerError) as caught,
    ):
        client.messages.create(**BODY)
    assert "subscription" not in str(caught.value)
    assert len(emulator.records.of("foundry")) == 1


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (KEY, "'resource' is needed"),
        ('resource = "r"\nbase_url = "https://x"\n' + KEY, "stands beside base_url"),
        ('resource = "r"\naccess_token = "${KEY}"\n' + KEY, "one credential"),
        ('resource = "r"\nclient_secret = "${KEY}"\n', "tenant_id"),
        ('resource = "r"\nauthority = "https://login.microsoftonline.us"\n', "Azure Government"),
        ('resource = "r"\nauthority = "https://login.chinacloudapi.cn"\n', "Azure China"),
        ('resource = "r"\nauthority = "http://login.example"\n', "without TLS"),
        ('resource = "r"\nauthority = "https://login.example/t"\n', "tenant_id"),
        ('base_url = "https://r.services.ai.azure.us/anthropic"\n' + KEY, "Azure Government"),
        ('base_url = "https://r.services.ai.azure.us./anthropic"\n' + KEY, "Azure Government"),
        ('resource = "r"\nhosted_on = "anthropic"\n' + ZONE + KEY, "hosted on Azure"),
        ('resource = "r"\ndeployment_type = "provisioned"\n' + KEY, "deployment_type"),
    ],
)
def test_a_mistake_is_named(emulator: Emulator, tmp_path: Path, more: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        config(tmp_path, emulator, more, {})


def test_a_missing_library_is_named_with_its_extra(
    emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "azure.identity", None)
    text = here(emulator) + by_secret(emulator, tmp_path)
    with pytest.raises(ConfigError, match=r"tidegate\[azure\]"):
        config(tmp_path, emulator, text, {"SECRET": "s"})
    assert config(tmp_path, emulator, here(emulator) + KEY, {}).upstreams


def test_the_sdks_variables_are_an_upstream_behind_the_others(emulator: Emulator) -> None:
    base_url = f"{emulator.foundry.base_url}/anthropic"
    environ = {"ANTHROPIC_FOUNDRY_API_KEY": emulator.api_key, "ANTHROPIC_API_KEY": "k"}
    both = found(None, {**environ, "ANTHROPIC_FOUNDRY_RESOURCE": "my-resource"})
    assert both.routing.order == ("direct", "foundry")
    assert both.upstreams["foundry"].place().resource == "my-resource"
    del environ["ANTHROPIC_API_KEY"]
    made = Engine.from_config(found(None, {**environ, "ANTHROPIC_FOUNDRY_BASE_URL": base_url}))
    with gateway.Anthropic(gateway=made, max_retries=0) as client:
        assert client.messages.create(**BODY).model == BODY["model"]
    with pytest.raises(ConfigError, match="ANTHROPIC_FOUNDRY_RESOURCE is not"):
        found(None, environ)
