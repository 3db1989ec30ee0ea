"""A credential that cannot be found is said to be missing, not refused; nothing is sent."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from gateway.compose import found
from gateway.emulator import Emulator
from gateway.engine import Engine
from tests.configured.test_limits_act import one

TOML = """
schema = 1
[routing]
order = ["cloud"]
[upstreams.cloud]
provider = "bedrock"
region = "eu-central-1"
profile = "eu"
base_url = "{cloud}"
"""


@pytest.fixture
def engine(tmp_path: Path, emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """An engine for Bedrock on a machine where no AWS credential is to be found."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "environments").mkdir()
    (tmp_path / "environments" / "test.toml").touch()
    (tmp_path / "gateway.toml").write_text(TOML.format(cloud=emulator.bedrock.base_url))
    return Engine.from_config(found(tmp_path, {"GATEWAY_ENV": "test"}))


def test_a_missing_credential_is_said_to_be_missing(engine: Engine, emulator: Emulator) -> None:
    answer, body = one(engine)
    assert answer.status == 502
    error = msgspec.json.decode(body)["error"]
    assert error["type"] == "api_error"
    assert error["message"] == "The gateway has no usable credential for the upstream."
    assert "no AWS credentials were found" in answer.records[0].failure.message
    assert not list(emulator.records)
