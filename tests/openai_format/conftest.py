from __future__ import annotations

from collections.abc import Iterator

import openai
import pytest

from gateway.emulator import Emulator
from tests.server.serving import Running, engine_over, serving


@pytest.fixture(scope="session")
def _gateway(_emulator: Emulator) -> Iterator[Running]:
    with serving(engine_over(_emulator)) as running:
        yield running


@pytest.fixture
def gateway(_gateway: Running, emulator: Emulator) -> Running:
    """A gateway without keys over the emulator."""
    return _gateway


@pytest.fixture
def client(gateway: Running) -> Iterator[openai.OpenAI]:
    """OpenAI's SDK, told nothing but where the gateway is."""
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="any", max_retries=0) as made:
        yield made
