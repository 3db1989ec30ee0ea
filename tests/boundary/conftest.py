from __future__ import annotations

from pathlib import Path

import pytest

from gateway.emulator import Emulator
from tests.boundary.house import House


@pytest.fixture
def house(tmp_path: Path, emulator: Emulator) -> House:
    """A configuration with a policy: unlabelled requests stay here."""
    made = House(tmp_path / "config", emulator)
    made.write()
    return made
