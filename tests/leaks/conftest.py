from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.emulator import Emulator
from tests.leaks.company import Company, names
from tests.leaks.doors import DOORS, Door
from tests.leaks.hosts import Hosts


@pytest.fixture(scope="session")
def _hosts(_emulator: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosts]:
    with Hosts(names(), _emulator, tmp_path_factory.mktemp("hosts")) as hosts:
        yield hosts


@pytest.fixture
def company(tmp_path: Path, emulator: Emulator, _hosts: Hosts) -> Company:
    """A configuration whose upstreams are at the platforms' own hosts."""
    _hosts.reset()
    return Company(tmp_path / "config", emulator, _hosts)


@pytest.fixture(params=DOORS, ids=lambda door: door.__name__)
def door(request: pytest.FixtureRequest) -> Door:
    found: Door = request.param
    return found
