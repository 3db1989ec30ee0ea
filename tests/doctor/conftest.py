from __future__ import annotations

from pathlib import Path

import pytest

from gateway.emulator import Emulator
from tests.doctor.asking import Doctor


@pytest.fixture
def doctor(tmp_path: Path, emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Doctor:
    identity = emulator.bedrock.door.identity
    monkeypatch.setenv("DOCTOR_KEY_ID", identity.access_key)
    monkeypatch.setenv("DOCTOR_SECRET", identity.secret_key)
    monkeypatch.setenv("DOCTOR_TOKEN", emulator.api_key)
    monkeypatch.setenv("DOCTOR_ADMIN", emulator.direct.organization.admin_key)
    return Doctor(tmp_path, emulator)
