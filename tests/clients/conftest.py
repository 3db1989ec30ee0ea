from __future__ import annotations

from pathlib import Path

import pytest

from gateway.emulator import Emulator
from tests.bare import bare, without_files

TOML = """
schema = 1
[routing]
order = ["direct", "cloud"]
[upstreams.direct]
provider = "anthropic"
api_key = "${{TEST_KEY}}"
base_url = "{direct}"
[upstreams.cloud]
provider = "bedrock"
region = "eu-central-1"
profile = "eu"
api_key = "${{TEST_KEY}}"
base_url = "{cloud}"
[retries]
attempts = 5
base_s = 0.001
max_s = 0.002
[breaker]
enabled = false
"""


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing of this machine says where to call or with which key."""
    bare(monkeypatch, tmp_path)


@pytest.fixture
def no_file(monkeypatch: pytest.MonkeyPatch, emulator: Emulator) -> Emulator:
    """The no-file mode: the SDK's own variables name the emulated direct API."""
    without_files(monkeypatch, emulator)
    return emulator


@pytest.fixture
def directory(monkeypatch: pytest.MonkeyPatch, emulator: Emulator, tmp_path: Path) -> Path:
    """A configuration with two upstreams, `direct` and `cloud`."""
    where = tmp_path / "config"
    (where / "environments").mkdir(parents=True)
    text = TOML.format(direct=emulator.direct.base_url, cloud=emulator.bedrock.base_url)
    (where / "gateway.toml").write_text(text)
    (where / "environments" / "test.toml").write_text("")
    monkeypatch.setenv("GATEWAY_ENV", "test")
    monkeypatch.setenv("TEST_KEY", emulator.api_key)
    return where
