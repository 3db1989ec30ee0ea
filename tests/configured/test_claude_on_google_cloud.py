"""The Anthropic-managed service on Google Cloud: asked as its own client asks, let in by Google."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anthropic
import pytest

import gateway
from gateway.compose import found
from gateway.config import ConfigError
from gateway.emulator import Emulator
from gateway.engine import Engine
from tests.ledger.bills import folded
from tests.server.serving import BODY

WORKSPACE = "wrkspc_011CZkZaBF1tNoB5"
PLACE = f'project = "tidegate-test"\nworkspace = "{WORKSPACE}"\n'
ROOT = f"/v1/projects/tidegate-test/locations/global/workspaces/{WORKSPACE}/invoke"
FILE = 'credentials_file = "google.json"\n'
TOKEN = 'access_token = "${TOKEN}"\n'


def sdk(emulator: Emulator, **options: Any) -> anthropic.AnthropicGoogleCloud:
    usual: dict[str, Any] = {
        "base_url": emulator.google_cloud.base_url + ROOT,
        "workspace_id": WORKSPACE,
        "project": "tidegate-test",
        "token_provider": lambda: emulator.api_key,
        "max_retries": 0,
    }
    return anthropic.AnthropicGoogleCloud(**(usual | options))


def engine(directory: Path, emulator: Emulator, more: str) -> Engine:
    emulator.vertex.write_service_account(directory / "google.json")
    (directory / "environments").mkdir()
    (directory / "environments" / "prod.toml").touch()
    (directory / "gateway.toml").write_text(f"""
schema = 1
routing = {{ order = ["google"] }}
journal = {{ dir = "journal" }}
[upstreams.google]
provider = "google_cloud"
base_url = "{emulator.google_cloud.base_url}{ROOT}"
{more}
""")
    environ = {"GATEWAY_ENV": "prod", "TOKEN": emulator.api_key}
    return Engine.from_config(found(directory, environ))


def test_the_sdks_client_is_answered(emulator: Emulator) -> None:
    with sdk(emulator) as client:
        message = client.messages.create(**BODY)
        with client.messages.stream(**BODY) as stream:
            assert stream.get_final_text()
    assert message.model == BODY["model"]
    unknown = sdk(emulator, token_provider=lambda: "another")
    with unknown as client, pytest.raises(anthropic.AuthenticationError):
        client.messages.create(**BODY)


@pytest.mark.parametrize("credential", [FILE, TOKEN])
def test_it_is_asked_as_its_own_client_asks(
    emulator: Emulator, tmp_path: Path, credential: str
) -> None:
    made = engine(tmp_path, emulator, PLACE + credential)
    with gateway.Anthropic(gateway=made, max_retries=0) as client:
        message = client.messages.create(**BODY)
        count = client.messages.count_tokens(model=BODY["model"], messages=BODY["messages"])
        with client.messages.stream(**BODY) as stream:
            stream.until_done()
    with sdk(emulator) as client:
        client.messages.create(**BODY)
    assert message.usage.input_tokens == count.input_tokens
    records = emulator.records.of("google_cloud")
    assert records[0].path == records[-1].path == f"{ROOT}/v1/messages"
    rows = [row for row in folded(tmp_path / "journal") if row.kind == "messages"]
    assert {(row.platform, row.region, row.scope) for row in rows} == {
        ("google_cloud", "global", "global")
    }
    # It has no public price list.
    assert all("price book" in (row.unpriced or "") for row in rows)


def test_with_a_geography_every_request_is_held_to_it(emulator: Emulator, tmp_path: Path) -> None:
    made = engine(tmp_path, emulator, PLACE + 'geo = "us"\n' + TOKEN)
    with gateway.Anthropic(gateway=made, max_retries=0) as client:
        assert client.messages.create(**BODY).usage.inference_geo == "us"
        with pytest.raises(anthropic.BadRequestError, match="inference_geo"):
            client.messages.create(**BODY, inference_geo="global")


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ('project = "tidegate-test"\n', "'workspace' is needed"),
        (f'workspace = "{WORKSPACE}"\n', "'project' is needed"),
        (PLACE + FILE + TOKEN, "one credential"),
    ],
)
def test_a_mistake_is_named(emulator: Emulator, tmp_path: Path, more: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        engine(tmp_path, emulator, more)
