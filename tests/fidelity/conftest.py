from __future__ import annotations

from collections.abc import Iterator

import pytest

from gateway.emulator import Emulator
from tests.fidelity.gateways import Caller


@pytest.fixture(scope="session")
def _emulator() -> Iterator[Emulator]:
    with Emulator() as emulator:
        yield emulator


@pytest.fixture
def emulator(_emulator: Emulator) -> Emulator:
    """The emulated platforms, with nothing recorded, cached or to go wrong."""
    _emulator.reset()
    return _emulator


@pytest.fixture(params=["asyncio", "blocking"])
def caller(request: pytest.FixtureRequest) -> Caller:
    return Caller(request.param)
