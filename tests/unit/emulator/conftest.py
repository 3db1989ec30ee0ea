from __future__ import annotations

from collections.abc import Iterator

import anthropic
import pytest

from gateway.emulator import Emulator


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def emulator(clock: Clock) -> Iterator[Emulator]:
    with Emulator(clock_s=clock) as running:
        yield running


@pytest.fixture
def client(emulator: Emulator) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(
        base_url=emulator.direct.base_url, api_key=emulator.api_key, max_retries=0
    ) as made:
        yield made
