"""What is attempted is allowed, at the time of the attempt, whatever goes wrong or changes.

Random policies, facts, calls, faults and latencies, with ends, reloads, blocks and trips under
way, in virtual time. What is allowed is the word of `oracle.py`; what was attempted, the wire's.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.answers import Answer
from gateway.boundary import Leave
from gateway.call import Call
from gateway.dispatch.drive import Connection
from gateway.engine import Engine
from gateway.errors import Refused
from gateway.policy.in_force import InForce
from gateway.routing import Upstream
from gateway.wire.contract import Route, run_blocking
from providers.contract import Place as Where
from providers.registry import PROVIDERS
from tests.simulation.callers import Open
from tests.simulation.schedules import LIMITS, schedule
from tests.simulation.virtual import Script, VirtualWire
from tests.witness import worlds
from tests.witness.in_force import Changing, in_force
from tests.witness.oracle import Asked, allowed
from tests.witness.worlds import MOMENTS_S, START_S, UPSTREAMS, State

CASES = int(os.environ.get("TIDEGATE_LAWS", "2000"))
CASES_A_WORLD = 10
"""Calls under the same policies and facts."""
PLACES = {
    "anthropic": Where(base_url="https://one.test"),
    "bedrock": Where(base_url="https://two.test", region="eu-central-1", profile="eu"),
    "vertex": Where(base_url="https://three.test", region="eu", project="a-project"),
}
ENDPOINTS = {name: PROVIDERS[name].endpoint(place) for name, place in PLACES.items()}


@dataclass(frozen=True)
class World:
    """What may be in force, one after the other."""

    states: tuple[State, ...]
    compiled: tuple[InForce, ...]


def world(seed: int) -> World:
    rng = random.Random(seed)
    files, places = worlds.policies(rng), worlds.places(rng)
    later = (State(worlds.policies(rng), places), State(files, worlds.places(rng)))
    states = (State(files, places), *later)
    return World(states, tuple(map(in_force, states)))


@dataclass(frozen=True)
class Seen:
    """One call: what it asked for, what changed under way, and what was sent."""

    wire: VirtualWire
    asked: Asked
    states: tuple[tuple[float, State], ...]
    trips: dict[str, float]
    planned: set[str] | None
    """What policy allowed at the start; None: it was refused before."""
    answer: Answer | Refused

    def allowed(self, now_s: float) -> set[str]:
        """Return what was allowed at a time."""
        state = [each for from_s, each in self.states if from_s <= now_s][-1]
        tripped = {name for name, at_s in self.trips.items() if at_s <= now_s}
        return allowed(state.files, state.places, self.asked, now_s) - tripped


def run(rng: random.Random, found: World) -> Seen:
    wire = VirtualWire(scripts(rng))
    wire.clock_s = START_S
    written = worlds.call(rng)
    call, asked = written.read(), written.asked
    turns = sorted(rng.sample(MOMENTS_S[1:], rng.choice((0, 0, 1, 2))))
    order = [0, *(rng.randrange(len(found.states)) for _ in turns)]
    times = [START_S, *turns]
    trips = {rng.choice(UPSTREAMS): rng.choice(MOMENTS_S)} if rng.random() < 0.2 else {}
    boundary = Changing(
        wire, [(at_s, found.compiled[at]) for at_s, at in zip(times, order, strict=True)], trips
    )
    asks = engine(rng, boundary)
    planned = first_word(asks, call)
    answer = asked_by(rng, asks, call, wire)
    states = tuple((at_s, found.states[at]) for at_s, at in zip(times, order, strict=True))
    return Seen(wire, asked, states, trips, planned, answer)


def scripts(rng: random.Random) -> dict[str, list[Script]]:
    """Return what each upstream does; connections take their time, too."""
    found = schedule(rng)
    likewise = list(found.values())
    found |= {name: rng.choice(likewise) for name in UPSTREAMS if name not in found}
    slow = {name: rng.choice((0.0, 0.0, 1.0, 4.0)) for name in found}
    return {
        name: [Script(**{**each.__dict__, "connect_s": slow[name]}) for each in own]
        for name, own in found.items()
    }


def engine(rng: random.Random, boundary: Changing) -> Engine:
    """Return an engine over upstreams of any platform, in any order."""
    names = rng.sample(UPSTREAMS, len(UPSTREAMS))
    upstreams = []
    for name in names:
        platform = rng.choice(("anthropic", "anthropic", "vertex", "bedrock"))
        upstreams.append(Upstream(name, PROVIDERS[platform], ENDPOINTS[platform], lenient=True))
    connections = {each.name: Connection(_route(each), Open()) for each in upstreams}
    return Engine(
        upstreams, connections, LIMITS, rng=random.Random(1), boundary=boundary.as_boundary()
    )


def _route(upstream: Upstream) -> Route:
    return Route(upstream.name, "https", upstream.endpoint.base_url.removeprefix("https://"), 443)


def first_word(asks: Engine, call: Call) -> set[str] | None:
    try:
        judgement = asks.plan(call, START_S, Leave(asks.boundary)).judgement
    except Refused:
        return None
    assert judgement is not None
    return set(judgement.decision.allowed)


def asked_by(rng: random.Random, asks: Engine, call: Call, wire: VirtualWire) -> Answer | Refused:
    async def read() -> Answer:
        answer = await asks.answer(call, wire)
        while answer.stream is not None and await answer.stream.read():
            pass
        return answer

    driven = rng.choice((run_blocking, _on_a_loop))
    try:
        return driven(read())
    except Refused as error:
        return error


_LOOP = asyncio.new_event_loop()


def _on_a_loop(coroutine: Coroutine[Any, Any, Answer]) -> Answer:
    return _LOOP.run_until_complete(coroutine)


def check(seen: Seen) -> None:
    """Assert the law for one call."""
    at_first = seen.allowed(START_S)
    for served in seen.wire.served:
        assert served.upstream in (seen.asked.only or UPSTREAMS)
        assert served.upstream in at_first, f"{served.upstream} was not allowed when it was planned"
        assert served.upstream in seen.allowed(served.at_s), f"{served.upstream} no longer was"
    tripped = {name for name, at_s in seen.trips.items() if at_s <= START_S}
    assert (seen.planned or set()) - tripped == at_first
    if isinstance(seen.answer, Refused):
        assert seen.wire.served == []


def test_what_is_attempted_is_allowed() -> None:
    counts: Counter[str] = Counter()
    found = world(0)
    for seed in range(CASES):
        if seed % CASES_A_WORLD == 0:
            found = world(seed)
        try:
            seen = run(random.Random(seed), found)
            check(seen)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}") from error
        counts["sent"] += bool(seen.wire.served)
        counts["refused"] += isinstance(seen.answer, Refused)
        counts["failed over"] += len({each.upstream for each in seen.wire.served}) > 1
    # A law about nothing holds too: each of these must be common.
    assert min(counts[name] for name in ("sent", "refused")) > CASES / 10, counts
    assert counts["failed over"] > CASES / 50, counts


@given(st.integers(0, 2**32), st.integers(0, 2**32))
@settings(max_examples=max(1, min(CASES // 20, 2000)), deadline=None)
def test_the_same_law_over_any_two_seeds(of_the_world: int, of_the_call: int) -> None:
    check(run(random.Random(of_the_call), world(of_the_world)))
