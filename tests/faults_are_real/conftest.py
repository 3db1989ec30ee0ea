from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from gateway.emulator import Emulator
from tests.faults_are_real.proofs import Case
from tests.faults_are_real.trying import Tried, tried

_AT_ONCE = 64
"""Most cases wait; what they share is one emulator."""

Results = dict[str, Future[Tried]]


@pytest.fixture(scope="session")
def results(request: pytest.FixtureRequest) -> Iterator[Results]:
    """Try every case that was collected, all at once."""
    items = [item for item in request.session.items if isinstance(item, pytest.Function)]
    found = [item.callspec.params.get("case") for item in items if hasattr(item, "callspec")]
    with Emulator() as shared, ThreadPoolExecutor(_AT_ONCE) as pool:
        wanted = [case for case in found if isinstance(case, Case)]
        yield {str(case): pool.submit(tried, case, shared) for case in wanted}
