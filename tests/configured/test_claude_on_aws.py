"""Claude Platform on AWS as an upstream: signed, in its workspace, held to its geography."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anthropic
import pytest

import gateway
from gateway.compose import found
from gateway.config import ConfigError
from gateway.emulator import Emulator
from gateway.engine import Engine
from tests.ledger.bills import billed, differences, folded
from tests.server.serving import BODY

WORKSPACE = "wrkspc_011CZkZaBF1tNoB5"
KEYS = """
aws_access_key_id = "${AWS_ID}"
aws_secret_access_key = "${AWS_SECRET}"
"""


def config(directory: Path, emulator: Emulator, more: str = KEYS) -> Path:
    (directory / "environments").mkdir()
    (directory / "environments" / "prod.toml").touch()
    (directory / "gateway.toml").write_text(f"""
schema = 1
routing = {{ order = ["marketplace"] }}
journal = {{ dir = "journal" }}
[upstreams.marketplace]
provider = "aws"
base_url = "{emulator.aws.base_url}"
{more}
""")
    return directory


def engine(directory: Path, emulator: Emulator, more: str) -> Engine:
    identity = emulator.aws.door.identity
    environ = {
        "GATEWAY_ENV": "prod",
        "AWS_ID": identity.access_key,
        "AWS_SECRET": identity.secret_key,
        "KEY": emulator.api_key,
    }
    return Engine.from_config(found(config(directory, emulator, more), environ))


PLACE = f'region = "eu-central-1"\nworkspace = "{WORKSPACE}"\n'


@pytest.fixture(params=[KEYS, 'api_key = "${KEY}"\n'])
def client(
    request: pytest.FixtureRequest, tmp_path: Path, emulator: Emulator
) -> Iterator[gateway.Anthropic]:
    made = engine(tmp_path, emulator, PLACE + request.param)
    with gateway.Anthropic(gateway=made, max_retries=0) as client:
        yield client


def test_it_is_asked_as_its_own_client_asks_and_billed_as_recorded(
    client: gateway.Anthropic, emulator: Emulator, tmp_path: Path
) -> None:
    message = client.messages.create(**BODY)
    count = client.messages.count_tokens(model=BODY["model"], messages=BODY["messages"])
    with client.messages.stream(**BODY) as stream:
        stream.until_done()
    client.close()
    assert message.usage.input_tokens == count.input_tokens
    records = emulator.records.of("aws")
    assert {each.header("anthropic-workspace-id") for each in records} == {WORKSPACE}
    rows = folded(tmp_path / "journal")
    assert {(row.platform, row.region, row.scope) for row in rows} == {
        ("aws", "eu-central-1", "global")
    }
    assert not list(differences(rows, [billed(each) for each in records]))
    assert sum(row.net_pico or 0 for row in rows) > 0


def test_a_request_for_another_workspace_does_not_go_there(client: gateway.Anthropic) -> None:
    headers = {"anthropic-workspace-id": "wrkspc_another"}
    with pytest.raises(anthropic.BadRequestError, match="workspace"):
        client.messages.create(**BODY, extra_headers=headers)


@pytest.mark.parametrize("more", [{"speed": "fast"}, {"diagnostics": {"cache": True}}])
def test_what_it_does_not_have_is_refused_by_name(
    client: gateway.Anthropic, emulator: Emulator, more: dict[str, Any]
) -> None:
    with pytest.raises(anthropic.BadRequestError, match=next(iter(more))):
        client.messages.create(**BODY, extra_body=more)
    assert not emulator.records.of("aws")


def test_with_a_geography_every_request_is_held_to_it(emulator: Emulator, tmp_path: Path) -> None:
    made = engine(tmp_path, emulator, PLACE + 'geo = "us"\n' + KEYS)
    with gateway.Anthropic(gateway=made, max_retries=0) as client:
        message = client.messages.create(**BODY)
    assert message.usage.inference_geo == "us"
    (row,) = folded(tmp_path / "journal")
    assert row.scope == "geo"


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ('region = "eu-central-1"\n', "'workspace' is needed"),
        (f'workspace = "{WORKSPACE}"\n', "'region' is needed"),
        (f'workspace = "{WORKSPACE}"\nregion = "us-gov-west-1"\n', "not in the partition"),
        (f'workspace = "{WORKSPACE}"\nregion = "cn-north-1"\n', "not offered in China"),
        (PLACE + 'profile = "eu"\n', "profile"),
        (PLACE + 'api_key = "${KEY}"\naws_profile = "x"\n', "one credential"),
    ],
)
def test_a_mistake_is_named(emulator: Emulator, tmp_path: Path, more: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        engine(tmp_path, emulator, more)
