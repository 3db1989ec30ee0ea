"""The outcome rules hold under random faults on real sockets, through both real drivers."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from gateway.wire.aio import AsyncWire
from gateway.wire.contract import run_blocking
from gateway.wire.sync import SyncWire
from tests.simulation.callers import Seen
from tests.sockets.replays import NAMES, Replay, holds, replay, request
from tests.sockets.scripted import WAIT_S, Scripted, scripted, until

CASES = int(os.environ.get("TIDEGATE_REPLAYS", "200"))
AT_ONCE = 12
Ran = list[tuple[Replay, Seen]]


def over_asyncio(cases: list[Replay], house: Scripted) -> Ran:
    wire = AsyncWire()
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(case: Replay) -> tuple[Replay, Seen]:
        async with gate, asyncio.timeout(WAIT_S):
            return case, await case.run(wire, request())

    async def all_of_them() -> Ran:
        ran = await asyncio.gather(*map(one, cases))
        await wire.aclose()
        await asyncio.to_thread(let_go, house)
        return ran

    return asyncio.run(all_of_them())


def over_blocking_sockets(cases: list[Replay], house: Scripted) -> Ran:
    wire = SyncWire()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        started = [(case, pool.submit(run_blocking, case.run(wire, request()))) for case in cases]
        ran = [(case, future.result(WAIT_S)) for case, future in started]
    wire.close()
    let_go(house)
    return ran


def let_go(house: Scripted) -> None:
    """Every request has ended and every connection is closed, none waits to be collected."""
    until(lambda: not house.running(), "no upstream is left at work")
    until(lambda: not house.open, "no connection is left open")


@pytest.mark.parametrize("run", [over_asyncio, over_blocking_sockets])
def test_the_outcome_rules_hold_over_sockets(run: Callable[[list[Replay], Scripted], Ran]) -> None:
    ends: Counter[str] = Counter()
    with scripted(*NAMES) as house:
        for case, seen in run([replay(seed, house) for seed in range(CASES)], house):
            try:
                holds(case, seen)
            except AssertionError as error:
                raise AssertionError(f"seed {case.seed}") from error
            stream = seen.answer.stream
            ends["refused" if stream is None else str(stream.outcome and stream.outcome.state)] += 1
        assert not house.wrong
        assert len(house.served) > CASES / 2
    # The schedules must have come to every kind of end, or this proved little.
    assert min(ends[end] for end in ("refused", "complete", "failed")) > CASES / 20, ends
