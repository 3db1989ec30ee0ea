"""Bedrock's Messages API as an upstream: signed, in one region, billed as recorded."""

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


def engine(directory: Path, emulator: Emulator, region: str = "eu-central-1") -> Engine:
    (directory / "environments").mkdir()
    (directory / "environments" / "prod.toml").touch()
    (directory / "gateway.toml").write_text(f"""
schema = 1
routing = {{ order = ["frankfurt"] }}
journal = {{ dir = "journal" }}
[upstreams.frankfurt]
provider = "bedrock_mantle"
base_url = "{emulator.mantle.base_url}/anthropic"
region = "{region}"
aws_access_key_id = "${{AWS_ID}}"
aws_secret_access_key = "${{AWS_SECRET}}"
""")
    identity = emulator.mantle.door.identity
    keys = {"AWS_ID": identity.access_key, "AWS_SECRET": identity.secret_key}
    return Engine.from_config(found(directory, {"GATEWAY_ENV": "prod", **keys}))


@pytest.fixture
def client(tmp_path: Path, emulator: Emulator) -> Iterator[gateway.Anthropic]:
    with gateway.Anthropic(gateway=engine(tmp_path, emulator), max_retries=0) as client:
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
    records = emulator.records.of("bedrock_mantle")
    rows = folded(tmp_path / "journal")
    assert {(row.platform, row.scope) for row in rows} == {("bedrock_mantle", "in_region")}
    assert not list(differences(rows, [billed(each) for each in records]))
    assert all(row.net_pico for row in rows if row.kind == "messages")


@pytest.mark.parametrize(
    "more", [{"inference_geo": "us"}, {"fallbacks": "default"}, {"container": "c"}]
)
def test_what_it_does_not_have_is_refused_by_name(
    client: gateway.Anthropic, emulator: Emulator, more: dict[str, Any]
) -> None:
    with pytest.raises(anthropic.BadRequestError, match=next(iter(more))):
        client.messages.create(**BODY, extra_body=more)
    assert not emulator.records.of("bedrock_mantle")


@pytest.mark.parametrize("region", ["cn-north-1", "eusc-de-east-1", "us-iso-east-1"])
def test_where_it_is_not_known_to_be_is_refused(
    emulator: Emulator, tmp_path: Path, region: str
) -> None:
    with pytest.raises(ConfigError, match="partition"):
        engine(tmp_path, emulator, region)
