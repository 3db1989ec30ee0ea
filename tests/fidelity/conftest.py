from __future__ import annotations

import pytest

from tests.fidelity.gateways import Caller


@pytest.fixture(params=["asyncio", "blocking"])
def caller(request: pytest.FixtureRequest) -> Caller:
    return Caller(request.param)
