from __future__ import annotations

from pathlib import Path

import pytest

from gateway.boundary import boundary as boundary_module
from gateway.emulator import Emulator
from tests.boundary.house import House


@pytest.fixture
def house(tmp_path: Path, emulator: Emulator) -> House:
    """A configuration with a policy: unlabelled requests stay here."""
    made = House(tmp_path / "config", emulator)
    made.write()
    return made


@pytest.fixture(autouse=True)
def takes_what_was_written_just_now(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for no quiet after a file was written; tests/review has the test that it is waited."""
    monkeypatch.setattr(boundary_module, "QUIET_S", 0.0)
