from __future__ import annotations

import pytest

from tests.leaks.conftest import _hosts
from tests.leaks.hosts import Hosts

__all__ = ["_hosts"]


@pytest.fixture
def hosts(_hosts: Hosts) -> Hosts:
    """The platforms' own host names, with nothing asked for and none unknown."""
    _hosts.reset()
    return _hosts
