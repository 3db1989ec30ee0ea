"""An environment in which nothing of this machine says where to call or with which key."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gateway.emulator import Emulator

PREFIXES = ("ANTHROPIC_", "AWS_", "GATEWAY_", "CLOUD_ML_", "GOOGLE_")


def bare(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    """Forget all that the environment says of it."""
    for name in [name for name in os.environ if name.startswith(PREFIXES)]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))


def without_files(monkeypatch: pytest.MonkeyPatch, emulator: Emulator) -> None:
    """Let the SDK's own variables name the emulated direct API."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", emulator.api_key)
    monkeypatch.setenv("ANTHROPIC_BASE_URL", emulator.direct.base_url)
