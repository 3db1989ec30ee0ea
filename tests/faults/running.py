"""Running cases: many at once against one stage, and those that cannot be told apart, alone."""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from itertools import groupby
from pathlib import Path

from tests.faults.asking import Ask, Seen
from tests.faults.cases import REFUSED, Case
from tests.faults.doors import Client
from tests.faults.evidence import Evidence, gathered
from tests.faults.stage import Stage, staged

AT_ONCE = 24
WATCHDOG_S = 30.0
"""How long a call may take. It is far more than any clock of the gateway's adds up to."""
SETTLE_S = 20.0
"""How long it may take until nothing goes on any more; reached only by a failing run."""

Ran = tuple[Case, Seen, Seen]


def run(cases: Sequence[Case]) -> list[Evidence]:
    """Run every case, and return what is known of each."""
    shared = [case for case in cases if not case.alone]
    random.Random(1).shuffle(shared)  # So that those that wait are everywhere.
    found = _on_a_stage(lambda stage: _all(shared, stage)) if shared else []
    apart = sorted((case for case in cases if case.alone), key=lambda case: case.group)
    for _, group in groupby(apart, key=lambda case: case.group):
        together = list(group)
        found += _on_a_stage(lambda stage, t=together: _together(t, stage))  # type: ignore[misc]
    return found


def _on_a_stage(do: Callable[[Stage], Awaitable[list[Ran]]]) -> list[Evidence]:
    with tempfile.TemporaryDirectory() as directory, staged(Path(directory)) as stage:
        with asyncio.Runner() as runner:
            ran = runner.run(_closing(do(stage), stage))
        _settle(stage)
        return gathered(ran, stage)


async def _closing(work: Awaitable[list[Ran]], stage: Stage) -> list[Ran]:
    try:
        return await work
    finally:
        await stage.aclose()


async def _all(cases: Iterable[Case], stage: Stage) -> list[Ran]:
    """Run cases that are told apart by their marks."""
    room = asyncio.Semaphore(AT_ONCE)

    async def one(case: Case) -> Ran:
        async with room:
            return await _marked(case, stage)

    return list(await asyncio.gather(*map(one, cases)))


async def _marked(case: Case, stage: Stage) -> Ran:
    faults = stage.emulator.faults
    client = stage.doors[case.door].client()
    if case.fault != REFUSED:
        faults.add(case.fault, contains=case.mark, **case.script)
    try:
        seen = await _watched(client, case.ask)
        faults.drop(contains=case.mark)
        return case, seen, await _watched(client, case.after)
    finally:
        client.close()


async def _watched(client: Client, ask: Ask) -> Seen:
    try:
        async with asyncio.timeout(WATCHDOG_S):
            return await client.ask(ask)
    except TimeoutError:
        return Seen(odd=[f"still waiting after {WATCHDOG_S:g} s"])


def _settle(stage: Stage) -> None:
    """Return once nothing goes on any more, or it is clear that something does."""
    deadline_s = time.monotonic() + SETTLE_S
    while time.monotonic() < deadline_s and (stage.running or not stage.recorded):
        time.sleep(0.02)
