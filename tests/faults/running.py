"""Running cases: hundreds at once on one stage, and those that no mark tells apart on their own."""

from __future__ import annotations

import asyncio
import gc
import random
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from pathlib import Path
from typing import Any

from tests.faults.asking import Ask, Seen
from tests.faults.cases import PLATFORMS, REFUSED, Case
from tests.faults.doors import Client
from tests.faults.evidence import Evidence, Ran, gathered
from tests.faults.stage import Stage, staged

AT_ONCE = 24
HEAVY_AT_ONCE = 2
STAGES_AT_ONCE = 2
SPARED_AFTER = 100
WATCHDOG_S = 30.0
"""How long a call may take. It is far more than any clock of the gateway's adds up to."""
SETTLE_S = 15.0
"""How long it may take until nothing goes on any more; reached only by a failing run."""
RENEWAL_S = 15.0
"""How long it may take until a token can be had again after a fetch that failed."""


def run(cases: Sequence[Case]) -> list[Evidence]:
    """Run every case, and return what is known of each."""
    try:
        with ThreadPoolExecutor(STAGES_AT_ONCE) as stages:
            return [each for found in stages.map(_on_a_stage, _groups(cases)) for each in found]
    finally:
        gc.unfreeze()


def _groups(cases: Sequence[Case]) -> list[list[Case]]:
    """Return the cases that share a stage; the largest group first."""
    apart = sorted(cases, key=lambda case: case.stage)
    groups = [list(group) for _, group in groupby(apart, key=lambda case: case.stage)]
    return sorted(groups, key=len, reverse=True)


def _on_a_stage(cases: list[Case]) -> list[Evidence]:
    ran: list[Ran] = []
    running: frozenset[int] = frozenset()
    stopped = True
    with tempfile.TemporaryDirectory() as directory:
        try:
            with staged(Path(directory)) as stage:
                with asyncio.Runner() as runner:
                    ran = runner.run(_played(cases, stage))
                running = _running(stage)
        except AssertionError:
            if not ran:
                raise
            stopped = False  # The server's thread goes on; what is known by now is judged.
        return gathered(ran, stage, running, stopped=stopped)


def _running(stage: Stage) -> frozenset[int]:
    """Return the requests that go on though nobody asks any more, once those that end have."""
    deadline_s = time.monotonic() + SETTLE_S
    while stage.running() and time.monotonic() < deadline_s:
        time.sleep(0.02)
    return stage.running()


async def _played(cases: list[Case], stage: Stage) -> list[Ran]:
    try:
        await _warmed_up(cases[0], stage)
        if not cases[0].apart:
            return await _marked(cases, stage)
        if cases[0].mode == "once" and not cases[0].token:
            return await _in_turn(cases, stage)
        return await _together(cases, stage)
    finally:
        await stage.aclose()


async def _warmed_up(case: Case, stage: Stage) -> None:
    """Have what loads when it is first used loaded, and credentials fetched.

    A fault of the tokens is to be met by the first that is fetched.
    """
    for platform in PLATFORMS:
        if not (case.token and platform == case.platform):
            await _ask(Ask("warm-up", stream=True, only=(platform,)), stage)
    stage.drop_connections()


async def _marked(cases: list[Case], stage: Stage) -> list[Ran]:
    """Run cases that are told apart by their marks, many at once."""
    random.Random(1).shuffle(cases)  # So that those that wait are everywhere.
    heavy = [case for case in cases if case.heavy]
    for case in {(each.fault, each.platform, each.streamed): each for each in heavy}.values():
        # What is large is made when it is first asked for, and all others would wait for it.
        _strike(case, stage, case.warm_up.mark)
        await _ask(case.warm_up, stage)
    found = await _at_once(heavy, stage, HEAVY_AT_ONCE)
    return found + await _at_once([each for each in cases if not each.heavy], stage, AT_ONCE)


async def _at_once(cases: list[Case], stage: Stage, most: int) -> list[Ran]:
    room = asyncio.Semaphore(most)

    async def one(number: int, case: Case) -> Ran:
        async with room:
            if number % SPARED_AFTER == 0:
                # What is known of thousands of cases takes the collector seconds to look through,
                # in which nothing else moves and clocks run out.
                gc.freeze()
            _strike(case, stage, case.mark)
            return await _run(case, stage)

    return list(await asyncio.gather(*(one(*each) for each in enumerate(cases))))


def _strike(case: Case, stage: Stage, mark: str) -> None:
    if case.fault != REFUSED:
        stage.emulator.faults.add(case.fault, contains=mark, **case.script)


async def _in_turn(cases: list[Case], stage: Stage) -> list[Ran]:
    """Run cases one after the other, each over connections that are new."""
    found = []
    for case in cases:
        stage.drop_connections()
        stage.emulator.faults.add(case.fault, **case.script)
        found.append(await _run(case, stage))
    return found


async def _together(cases: list[Case], stage: Stage) -> list[Ran]:
    """Run cases under one fault that strikes them all, and what follows when it is over."""
    stage.emulator.faults.add(cases[0].fault, **cases[0].script)
    clients = [stage.doors[case.door].client() for case in cases]
    try:
        seen = await _all(_watched(c, case.ask) for c, case in zip(clients, cases, strict=True))
        stage.emulator.faults.clear()
        stage.drop_connections()
        after = await _all(_again(c, case.after) for c, case in zip(clients, cases, strict=True))
    finally:
        for client in clients:
            client.close()
    return list(zip(cases, seen, after, strict=True))


async def _ask(ask: Ask, stage: Stage) -> None:
    """Make a call that is nobody's case."""
    client = stage.doors["bytes"].client()
    await client.ask(ask)
    client.close()


async def _all(work: Any) -> list[Seen]:
    return list(await asyncio.gather(*work))


async def _run(case: Case, stage: Stage) -> Ran:
    client = stage.doors[case.door].client()
    try:
        seen = await _watched(client, case.ask)
        stage.emulator.faults.drop(contains=case.mark)
        return case, seen, await _watched(client, case.after)
    finally:
        client.close()


async def _again(client: Client, ask: Ask) -> Seen:
    """Ask until there is an answer: a credential that could not be had is not asked for at once."""
    deadline_s = time.monotonic() + RENEWAL_S
    seen = await _watched(client, ask)
    while not seen.whole and time.monotonic() < deadline_s:
        await asyncio.sleep(0.2)
        seen = await _watched(client, ask)
    return seen


async def _watched(client: Client, ask: Ask) -> Seen:
    try:
        async with asyncio.timeout(WATCHDOG_S):
            return await client.ask(ask)
    except TimeoutError:
        return Seen(odd=[f"still waiting after {WATCHDOG_S:g} s"])
