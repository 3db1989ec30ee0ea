"""Many calls of different classes at once, over shared connections: each stays in its own zone."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import anthropic
import pytest

import gateway
from gateway.engine import Engine
from tests.leaks.company import Company
from tests.leaks.doors import BODY, RETRIES
from tests.leaks.places import EU, PROFILES, US, countries
from tests.server.serving import HEADERS, serving

ZONES = {"union": EU, "wide": PROFILES["eu"], "states": US}
CALLS = 24
AT_ONCE = 6


def classes() -> list[str]:
    """Return the classes of the calls; each call's only message says its class."""
    return random.Random(1).choices(list(ZONES), k=CALLS)


def says(data_class: str) -> dict[str, object]:
    return {**BODY, "messages": [{"role": "user", "content": data_class}]}


def in_threads(engine: Engine) -> None:
    client = gateway.Anthropic(gateway=engine, max_retries=RETRIES)

    def ask(data_class: str) -> None:
        with gateway.labels(data_class=data_class), suppress(anthropic.APIError):
            client.messages.create(**says(data_class))  # type: ignore[call-overload]

    with client, ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(ask, classes()))


def in_tasks(engine: Engine) -> None:
    async def run() -> None:
        async with gateway.AsyncAnthropic(gateway=engine, max_retries=RETRIES) as client:

            async def ask(data_class: str) -> None:
                with gateway.labels(data_class=data_class), suppress(anthropic.APIError):
                    await client.messages.create(**says(data_class))  # type: ignore[call-overload]

            await asyncio.gather(*map(ask, classes()))

    asyncio.run(run())


def at_the_server(engine: Engine) -> None:
    with serving(engine, drain_s=0.1) as running, ThreadPoolExecutor(AT_ONCE) as pool:
        jobs = [
            pool.submit(running.call, says(each), HEADERS | {"x-gateway-class": each})
            for each in classes()
        ]
        for job in jobs:
            job.result()


@pytest.mark.parametrize("way", [in_threads, in_tasks, at_the_server])
@pytest.mark.parametrize("fault", [None, "status", "cut", "reset"])
def test_each_call_stays_in_the_zone_of_its_own_class(
    company: Company, way: Callable[[Engine], None], fault: str | None
) -> None:
    company.write(["america", "google-us", "belgium", "europe", "member-states", "direct-us"])
    if fault is not None:
        more = {"status": 503} if fault == "status" else {"at": 0}
        company.emulator.faults.add(fault, times=CALLS // 2, **more)
    way(Engine.from_config(company.config()))
    assert len(company.log) >= CALLS
    for record in company.log:
        data_class = json.loads(record.body)["messages"][0]["content"]
        assert countries(record) <= ZONES[data_class], f"{data_class} at {record.header('host')}"
