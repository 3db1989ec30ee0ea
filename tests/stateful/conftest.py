from __future__ import annotations

from pathlib import Path

import pytest

from gateway.emulator import Emulator
from tests.bare import bare, without_files


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing of this machine says where to call or with which key."""
    bare(monkeypatch, tmp_path)


@pytest.fixture
def no_file(monkeypatch: pytest.MonkeyPatch, emulator: Emulator) -> Emulator:
    """The no-file mode: the SDK's own variables name the emulated direct API."""
    without_files(monkeypatch, emulator)
    return emulator
