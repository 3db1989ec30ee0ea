"""What a caller does, and what happens here, is not held against an upstream."""

from __future__ import annotations

import itertools
import json
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from gateway.affinity import Affinity
from gateway.affinity.key import keys
from gateway.call import read_call
from gateway.credentials.lease import Lease
from gateway.credentials.renewal import Renewal
from gateway.dispatch.budget import Budget
from gateway.dispatch.drive import Connection
from gateway.dispatch.health import Bounds, Health, Standing
from gateway.dispatch.limits import Limits
from gateway.engine import Engine
from gateway.wire.contract import Route, run_blocking
from gateway.wire.sync import SyncConnection, SyncExchange
from providers.contract import Failure, FailureKind, Kind
from tests.simulation.callers import HEADERS, Open, ask, call, engine
from tests.simulation.crowd import Crowd
from tests.simulation.streams import whole
from tests.simulation.virtual import JSON, Script, VirtualWire

MODEL = "claude-opus-5-5"
GOOD = Script(chunks=tuple((0.1, each) for each in whole("a")))
THROTTLED = Failure(FailureKind.THROTTLED, 429, "rate_limit_error", "slow down")
BUSY = Script(status=529, headers=JSON, chunks=((0.0, b"{}"),))


def refused(status: int, kind: str, message: str) -> Script:
    body = {"type": "error", "error": {"type": kind, "message": message}}
    return Script(status=status, headers=JSON, chunks=((0.0, json.dumps(body).encode()),))


@pytest.mark.parametrize(
    "message",
    [
        "Unexpected value(s) `credit balance is too low` for the `anthropic-beta` header.",
        "Unexpected value(s) `x`, `Your credit balance is too low` in the `anthropic-beta` header.",
        "messages.0.role: Unexpected role 'You have reached your specified API usage limits'",
        "Your credit balance is too low: Extra inputs are not permitted",
        "Unexpected value(s) `is not servable in region` for the `anthropic-beta` header.",
        "tools.0: Unexpected 'The provided model doesn't support counting tokens.'",
    ],
)
def test_an_error_that_quotes_the_caller_is_the_callers(message: str) -> None:
    wire = VirtualWire(
        {"one": [refused(400, "invalid_request_error", message), GOOD], "two": [GOOD]}
    )
    asked = engine("one", "two", health=Health())
    assert ask(asked, wire).status == 400
    assert ask(asked, wire).header("x-gateway-upstream") == "one"


def test_a_file_that_a_caller_names_wrong_says_nothing_of_the_upstream() -> None:
    lost = refused(404, "not_found_error", "File not found: file_011CNha8iCJcU1wXNR6q4V8w")
    wire = VirtualWire({"one": [lost, GOOD], "two": [GOOD]})
    asked = engine("one", "two", health=Health())
    assert ask(asked, wire).status == 404
    assert ask(asked, wire).header("x-gateway-upstream") == "one"


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def test_what_came_while_a_blocking_caller_was_away_is_read(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    ours, theirs = pair
    exchange = SyncExchange(SyncConnection(ours), lambda _connection: None)
    theirs.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n")
    exchange.start(b"GET / HTTP/1.1\r\n\r\n", b"", time.monotonic() + 5)
    past_s = time.monotonic() - 1
    assert run_blocking(exchange.read(past_s)) is None
    theirs.sendall(b"late")
    assert run_blocking(exchange.read(past_s)) == b"late"


class Hanging(Open):
    """A credential whose fetch hangs, and whose waiters notice just before the wire does."""

    def __init__(self, fetch: Callable[[float], Lease[str]]) -> None:
        self._renewal = Renewal(fetch, "token")

    def fresh(self) -> bool:
        return self._renewal.fresh()

    def refresh(self, timeout_s: float) -> None:
        del timeout_s
        self._renewal.refresh(0.0)


def test_a_caller_in_a_hurry_who_cannot_wait_for_a_token_cools_nobody_down() -> None:
    over = threading.Event()

    def fetch(now_s: float) -> Lease[str]:
        over.wait(30)
        return Lease("token", now_s, now_s + 60)

    health = Health()
    connections = {
        "one": Connection(Route("one", "https", "one.test", 443), Hanging(fetch)),
        "two": Connection(Route("two", "https", "two.test", 443), Open()),
    }
    hurried = Engine(engine("one", "two").upstreams, connections, Limits(), health=health)
    wire = VirtualWire({"one": [GOOD], "two": [GOOD]})
    try:
        for _ in range(6):
            ask(hurried, wire, call(headers=(("x-stainless-timeout", "0.5"),)))
            assert health.of(MODEL).standing("one", wire.now_s()) is Standing.CLOSED
    finally:
        over.set()


def test_a_log_that_raises_does_not_keep_the_upstream_from_being_tried_again() -> None:
    """One request tries who was ejected; were it never given back, nobody would again."""
    health = Health(Bounds(consecutive=1))
    asked = engine("one", "two", limits=Limits(per_upstream=1), health=health)
    wire = VirtualWire({"one": [BUSY, BUSY, GOOD], "two": [GOOD]})
    assert ask(asked, wire).header("x-gateway-upstream") == "two"
    wire.clock_s += 11

    def breaks(record: logging.LogRecord) -> bool:
        raise ValueError(record.name)

    log = logging.getLogger("gateway.attempts")
    log.addFilter(breaks)
    try:
        with pytest.raises(ValueError, match="attempts"):
            ask(asked, wire)
    finally:
        log.removeFilter(breaks)
    assert health.of(MODEL).standing("one", wire.now_s()) is Standing.HALF_OPEN
    assert ask(asked, wire).header("x-gateway-upstream") == "one"


def test_a_silence_that_only_the_caller_finds_too_long_ejects_nobody() -> None:
    silent = Script(chunks=tuple((0.1, each) for each in whole("a")[:3]), end="stall")
    health = Health()
    asked = engine("one", "two", limits=Limits(first_content_s=30, idle_s=300), health=health)
    wire = VirtualWire({"one": [silent], "two": [GOOD]})
    for _ in range(6):
        ask(asked, wire, call(headers=(("x-stainless-timeout", "60"),)))
    assert health.of(MODEL).standing("one", wire.now_s()) is Standing.CLOSED


def test_a_silence_as_long_as_the_operator_bears_counts_whatever_else_the_caller_shortens() -> None:
    silent = Script(chunks=tuple((0.1, each) for each in whole("a")[:3]), end="stall")
    health = Health()
    asked = engine("one", "two", limits=Limits(first_content_s=300, idle_s=30), health=health)
    wire = VirtualWire({"one": [silent], "two": [GOOD]})
    for _ in range(5):
        ask(asked, wire, call(headers=(("x-stainless-timeout", "60"),)))
    assert health.of(MODEL).standing("one", wire.now_s()) is Standing.EJECTED


class Crowded(VirtualWire):
    """While a call waits, another one is throttled, so the upstream cools down for longer."""

    health: Health

    async def sleep(self, until_s: float) -> None:
        ward = self.health.of(MODEL)
        await self.reach(until_s - 0.1)
        ward.failed(ward.begun("one", self.clock_s), THROTTLED, self.clock_s, counts=True)
        await self.reach(until_s)


def test_a_warm_upstream_is_waited_for_once_and_not_for_as_long_as_others_are_throttled() -> None:
    health = Health()
    asked = engine("one", "two", limits=Limits(warm_wait_s=5), health=health, affinity=Affinity())
    wire = Crowded({"one": [GOOD], "two": [GOOD]})
    wire.health = health
    marked = json.dumps(
        {
            "model": MODEL,
            "max_tokens": 64,
            "cache_control": {"type": "ephemeral"},
            "messages": [{"role": "user", "content": "hello"}],
            "stream": True,
        }
    ).encode()
    turn = read_call(Kind.MESSAGES, (("anthropic-version", "2026-10-21"),), marked)
    assert ask(asked, wire, turn).header("x-gateway-upstream") == "one"
    ward = health.of(MODEL)
    ward.failed(ward.begun("one", wire.now_s()), THROTTLED, wire.now_s(), counts=True)
    began_s = wire.now_s()
    assert ask(asked, wire, turn).header("x-gateway-upstream") == "two"
    assert wire.now_s() - began_s < 10


def test_a_billing_block_without_end_is_not_searched_to_its_end() -> None:
    seal, begins = b"s" * 32, '[{"type":"text","text":"x-anthropic-billing-header:'
    named = []
    for size in (4_000, 40_000):
        turns = []
        for count in ("1", "2"):
            system = f'{begins}{count}{"a" * size}"}},{{"type":"text","text":"be brief"}}]'
            body = (
                f'{{"model":"{MODEL}","max_tokens":1,"cache_control":{{"type":"ephemeral"}},'
                f'"system":{system},"messages":[]}}'
            ).encode()
            turns.append(keys(read_call(Kind.MESSAGES, HEADERS, body), seal))
        named.append(turns[0] == turns[1])
    assert named == [True, False]


def test_one_slow_call_does_not_keep_an_upstream_that_is_well_again_from_the_others() -> None:
    """An unstreamed call may take ten minutes, and it is an answer only then."""
    health = Health(Bounds(consecutive=1, ejection_s=10))
    ward = health.of(MODEL)
    ill = Failure(FailureKind.ILL, 529, "overloaded_error", "busy")
    ward.failed(ward.begun("one", 1000.0), ill, 1000.0, counts=True)
    slow = ward.begun("one", 1011.0)
    assert ward.standing("one", 1020.0) is Standing.EJECTED
    assert ward.standing("one", 1021.0) is Standing.HALF_OPEN
    ward.begun("one", 1021.0)
    assert ward.standing("one", 1030.0) is Standing.EJECTED
    ward.dropped(slow)
    assert ward.standing("one", 1030.0) is Standing.EJECTED


def test_failover_to_an_upstream_that_is_slow_and_never_failed_is_not_refused() -> None:
    """Once it has answered: until then, what goes there is bounded like all that is unproven."""
    numbers = itertools.count()
    slow = replace(GOOD, delay_s=5)

    def behave(upstream: str, at_s: float) -> Script:
        del at_s
        half = next(numbers) % 2 if upstream == "one" else None
        return slow if half is None else (GOOD, BUSY)[half]

    crowd = Crowd(engine("one", "two", health=Health(), budget=Budget()), behave)
    visits = [crowd.call(call(), 1000 + number / 100) for number in range(3000)]
    crowd.run()
    failed = [visit for visit in visits if visit.answer and visit.answer.status != 200]
    assert all(visit.began_s < 1007 for visit in failed)
    assert len(failed) < 200


def test_callers_in_a_hurry_do_not_use_up_the_retries_of_others() -> None:
    asked = engine("one", health=Health(), budget=Budget())
    hurried = call(headers=(("x-stainless-timeout", "0.001"),))
    for _ in range(31):
        ask(asked, VirtualWire({"one": [replace(GOOD, delay_s=0.1)]}), hurried)
    assert ask(asked, VirtualWire({"one": [BUSY, GOOD]})).status == 200
