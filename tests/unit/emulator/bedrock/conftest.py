from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from gateway.emulator import Emulator
from gateway.emulator.bedrock import Bedrock
from tests.unit.emulator.bedrock.clients import aws_client


@pytest.fixture(scope="module")
def running() -> Iterator[Emulator]:
    with Emulator() as emulator:
        yield emulator


@pytest.fixture
def emulator(running: Emulator) -> Emulator:
    running.reset()
    running.bedrock.door.region = None
    return running


@pytest.fixture
def bedrock(emulator: Emulator) -> Bedrock:
    return emulator.bedrock


@pytest.fixture(scope="module")
def aws(running: Emulator) -> Iterator[Any]:
    with closing(aws_client(running.bedrock, region="eu-central-1")) as client:
        yield client
