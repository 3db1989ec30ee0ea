from __future__ import annotations

import os
from pathlib import Path

import pytest

from gateway.emulator import Emulator


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing of this machine says where to call or with which key."""
    prefixes = ("ANTHROPIC_", "AWS_", "GATEWAY_", "CLOUD_ML_", "GOOGLE_")
    for name in [name for name in os.environ if name.startswith(prefixes)]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture
def no_file(monkeypatch: pytest.MonkeyPatch, emulator: Emulator) -> Emulator:
    """The no-file mode: the SDK's own variables name the emulated direct API."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", emulator.api_key)
    monkeypatch.setenv("ANTHROPIC_BASE_URL", emulator.direct.base_url)
    return emulator
