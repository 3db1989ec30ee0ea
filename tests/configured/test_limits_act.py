"""Each number of `[timeouts]` and `[retries]`, and the breaker, does what it says.

A clock is proved by a platform that stays silent: the call ends only because of that clock. The
other clocks are set far beyond a test's patience.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gateway.answers import Answer
from gateway.call import Call, read_call
from gateway.dispatch.limits import Limits
from gateway.emulator import Emulator
from gateway.engine import Engine
from gateway.wire.aio import AsyncWire
from providers.contract import Kind
from tests.configured.conftest import Configured

FAR_S = 3000
SOON_S = 0.1
CLOCKS = dict.fromkeys(
    ("connect_s", "first_content_s", "idle_s", "call_s", "call_unstreamed_s", "hold_s", "ping_s"),
    FAR_S,
)
RETRIES = {"base_s": 0.001, "max_s": 0.002}
ONCE = {"attempts": 1, **RETRIES}


def call(*, stream: bool = False) -> Call:
    body = (
        b'{"model":"claude-opus-5-5","max_tokens":64,"stream":%b,'
        b'"messages":[{"role":"user","content":"hello [[words:30]]"}]}'
    )
    headers = (("anthropic-version", "2026-10-21"),)
    return read_call(Kind.MESSAGES, headers, body % (b"true" if stream else b"false"))


def asked(engine: Engine, *calls: Call) -> list[tuple[Answer, bytes]]:
    """Return the answers to calls made one after another, each with all its bytes."""

    async def run() -> list[tuple[Answer, bytes]]:
        wire = AsyncWire()
        got = []
        async with asyncio.timeout(30):
            for each in calls:
                answer = await engine.answer(each, wire)
                parts = [answer.body]
                if answer.stream is not None:
                    while part := await answer.stream.read():
                        parts.append(part)
                got.append((answer, b"".join(parts)))
        await wire.aclose()
        return got

    return asyncio.run(run())


def one(engine: Engine, *, stream: bool = False) -> tuple[Answer, bytes]:
    return asked(engine, call(stream=stream))[0]


def test_every_number_reaches_the_engine(configured: Configured) -> None:
    timeouts: dict[str, Any] = {name: 11 + at for at, name in enumerate(CLOCKS)}
    retries: dict[str, Any] = {
        "attempts": 5, "per_upstream": 4, "retry_after_cap_s": 9, "base_s": 0.25, "max_s": 7
    }  # fmt: skip
    engine = configured(timeouts=timeouts, retries=retries, affinity={"wait_s": 3})
    assert engine.limits == Limits(**timeouts, **retries, warm_wait_s=3)


def test_the_first_content_is_waited_for_so_long(
    configured: Configured, emulator: Emulator
) -> None:
    emulator.faults.add("stall", at=1)
    engine = configured(timeouts={**CLOCKS, "first_content_s": SOON_S}, retries=ONCE)
    answer, body = one(engine, stream=True)
    assert answer.status == 504
    assert b"took too long to begin" in body


def test_a_silence_lasts_so_long(configured: Configured, emulator: Emulator) -> None:
    emulator.faults.add("ping", at=6)
    engine = configured(timeouts={**CLOCKS, "idle_s": SOON_S}, retries=ONCE)
    answer, body = one(engine, stream=True)
    assert answer.status == 200
    assert b"event: error" in body
    assert b"fell silent" in body


def test_a_streamed_call_lasts_so_long(configured: Configured, emulator: Emulator) -> None:
    emulator.faults.add("stall", at=6)
    engine = configured(timeouts={**CLOCKS, "call_s": 0.4}, retries=ONCE)
    answer, body = one(engine, stream=True)
    assert answer.status == 200
    assert b"The call took too long" in body


def test_a_call_that_is_not_streamed_lasts_so_long(
    configured: Configured, emulator: Emulator
) -> None:
    emulator.faults.add("stall", before_head=True)
    engine = configured(timeouts={**CLOCKS, "call_unstreamed_s": SOON_S}, retries=ONCE)
    assert one(engine)[0].status == 504


@pytest.mark.parametrize(("hold_s", "early"), [(0.05, True), (FAR_S, False)])
def test_a_begun_answer_is_held_so_long(
    hold_s: float, early: bool, configured: Configured, emulator: Emulator
) -> None:
    emulator.faults.add("stall", at=1, for_s=0.3)
    engine = configured(timeouts={**CLOCKS, "hold_s": hold_s}, retries=ONCE)
    answer, body = one(engine, stream=True)
    assert answer.stream is not None
    assert answer.stream.stream.committed_early is early
    assert b"message_stop" in body


@pytest.mark.parametrize(("ping_s", "pinged"), [(0.05, True), (FAR_S, False)])
def test_who_waits_hears_a_ping_so_often(
    ping_s: float, pinged: bool, configured: Configured, emulator: Emulator
) -> None:
    emulator.faults.add("stall", at=6, for_s=0.3)
    engine = configured(timeouts={**CLOCKS, "ping_s": ping_s}, retries=ONCE)
    own = one(engine, stream=True)[1].count(b"event: ping") - 1  # one is the platform's
    assert bool(own) is pinged


@pytest.mark.parametrize(
    ("retries", "sent"),
    [
        ({"attempts": 1}, ["anthropic"]),
        ({"attempts": 2}, ["anthropic", "anthropic"]),
        ({"attempts": 3}, ["anthropic", "anthropic", "bedrock"]),
        ({"attempts": 3, "per_upstream": 1}, ["anthropic", "bedrock"]),
        ({"attempts": 9, "per_upstream": 3}, ["anthropic"] * 3 + ["bedrock"] * 3),
    ],
)
def test_a_call_is_tried_so_often(
    retries: dict[str, Any], sent: list[str], configured: Configured, emulator: Emulator
) -> None:
    emulator.faults.add("status", status=503, times=-1)
    engine = configured(("direct", "cloud"), retries={**RETRIES, **retries})
    assert one(engine)[0].status == 503
    assert [record.platform for record in emulator.records] == sent


@pytest.mark.parametrize(("cap_s", "sent"), [(0.01, 1), (5, 2)])
def test_a_longer_retry_after_is_not_waited_for(
    cap_s: float, sent: int, configured: Configured, emulator: Emulator
) -> None:
    emulator.faults.add("status", status=429, headers={"retry-after": "0.05"}, times=-1)
    engine = configured(retries={**RETRIES, "retry_after_cap_s": cap_s})
    assert one(engine)[0].status == 429
    assert len(emulator.records) == sent


@pytest.mark.parametrize(("enabled", "then"), [(True, "cloud"), (False, "direct")])
def test_an_ill_upstream_is_left_alone_for_a_while(
    enabled: bool, then: str, configured: Configured, emulator: Emulator
) -> None:
    emulator.faults.add("status", status=503, platform="anthropic", times=5)
    engine = configured(
        ("direct", "cloud"),
        breaker={"enabled": enabled},
        retries={**RETRIES, "attempts": 2, "per_upstream": 1},
    )
    answers = asked(engine, *[call()] * 6)
    upstreams = [dict(answer.headers)["x-gateway-upstream"] for answer, _ in answers]
    assert upstreams == ["cloud"] * 5 + [then]
