from __future__ import annotations

from collections.abc import Iterator

import pytest

from gateway.demo.stage import Stage, staged


@pytest.fixture(scope="session")
def _stage() -> Iterator[Stage]:
    with staged() as stage:
        yield stage


@pytest.fixture
def stage(_stage: Stage) -> Stage:
    """The demo's platforms and doors, with nothing recorded, cached or about to fail."""
    _stage.emulator.reset()
    return _stage
