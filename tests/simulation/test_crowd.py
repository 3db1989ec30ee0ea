"""Laws over many calls at once: what an outage costs, and that nothing is left behind."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from itertools import cycle

import pytest

from gateway.dispatch.budget import Budget
from gateway.dispatch.health import Health, Standing
from gateway.dispatch.limits import Limits
from gateway.engine import Engine
from tests.simulation.callers import Seen, call, engine
from tests.simulation.crowd import Behaviour, Crowd, Visit
from tests.simulation.schedules import LIMITS, refused_well, schedule, streamed_well
from tests.simulation.streams import event, message_start, whole
from tests.simulation.virtual import JSON, Script

RATE_PER_S = 50
CALLS = 2000
WARMING_UP = 200
CASES = int(os.environ.get("TIDEGATE_LAWS", "2000"))
SETTINGS = [(1, 0.0), (3, 10.0), (1, 10.0), (3, 0.0)]
BUSY = event("error", error={"type": "overloaded_error", "message": "busy"})

OUTAGES: dict[str, Callable[[random.Random], Script]] = {
    "refused": lambda _: Script(before="refuse"),
    "no connection": lambda _: Script(before="connect_hang"),
    "reset": lambda _: Script(before="die"),
    "silent": lambda _: Script(before="hang"),
    "529": lambda rng: Script(status=529, headers=JSON, delay_s=rng.random()),
    "500 after 5 s": lambda _: Script(status=500, headers=JSON, delay_s=5.0),
    "429": lambda _: Script(status=429, headers=JSON),
    "429, retry at once": lambda _: Script(status=429, headers=(*JSON, ("retry-after", "0"))),
    "429, retry in 2 s": lambda _: Script(status=429, headers=(*JSON, ("retry-after", "2"))),
    "401": lambda _: Script(status=401, headers=JSON),
    "404": lambda _: Script(status=404, headers=JSON),
    "a page": lambda _: Script(headers=(("content-type", "text/html"),)),
    "an error before content": lambda _: Script(chunks=((0.1, message_start("x") + BUSY),)),
    "a cut before content": lambda _: Script(chunks=((0.1, message_start("x")),), end="reset"),
    "anything": lambda rng: rng.choice(
        [Script(before="refuse"), Script(status=529, headers=JSON), Script(before="hang")]
    ),
}
if os.environ.get("TIDEGATE_NIGHTLY"):
    STRIKES = [(outage, *setting) for outage in OUTAGES for setting in SETTINGS]
else:
    # Every outage once, with the settings in turn.
    STRIKES = [(outage, *setting) for outage, setting in zip(OUTAGES, cycle(SETTINGS))]


@pytest.mark.parametrize(("outage", "upstreams", "before_s"), STRIKES)
def test_an_outage_of_every_upstream_costs_at_most_a_quarter_more(
    outage: str, upstreams: int, before_s: float
) -> None:
    """With an outage from the start, and with one that strikes a busy gateway."""
    rng = random.Random(outage)
    good = Script(delay_s=0.5, chunks=tuple((0.05, each) for each in whole("x")))

    def behave(_: str, now_s: float) -> Script:
        return good if now_s < 1000 + before_s else OUTAGES[outage](rng)

    crowd = Crowd(watched(upstreams), behave)
    visits = [crowd.call(call(), 1000 + number / RATE_PER_S) for number in range(CALLS)]
    crowd.run()
    counted = visits[WARMING_UP + int(before_s * RATE_PER_S) :]
    since_s, until_s = counted[0].began_s, counted[-1].began_s
    made_s = [at_s for visit in visits for at_s in visit.attempts_s if since_s <= at_s < until_s]
    assert len(counted) <= len(made_s) + 1 <= 1.25 * len(counted)
    assert all(visit.answer is not None and visit.answer.status != 200 for visit in counted)


def test_when_one_of_two_upstreams_dies_callers_go_on_being_served() -> None:
    good = Script(delay_s=0.5, chunks=tuple((0.05, each) for each in whole("x")))

    def behave(upstream: str, now_s: float) -> Script:
        dead = upstream == "u0" and now_s >= 1010
        return Script(before="refuse") if dead else good

    crowd = Crowd(watched(2), behave)
    visits = [crowd.call(call(), 1000 + number / RATE_PER_S) for number in range(CALLS)]
    crowd.run()
    assert all(visit.answer is not None and visit.answer.status == 200 for visit in visits)
    # The dead one is left alone, but for the one request a while that tries it.
    assert sum(len(visit.attempts_s) for visit in visits) <= CALLS + 50


def test_an_upstream_that_comes_back_is_found_again() -> None:
    good = Script(delay_s=0.1, chunks=tuple((0.05, each) for each in whole("x")))

    def behave(upstream: str, now_s: float) -> Script:
        dead = upstream == "u0" and 1010 <= now_s < 1020
        return Script(before="refuse") if dead else good

    asked = watched(2)
    crowd = Crowd(asked, behave)
    for number in range(CALLS):
        crowd.call(call(), 1000 + number / RATE_PER_S)
    crowd.run()
    late = [each.upstream for each in crowd.served if each.at_s > 1035]
    assert set(late) == {"u0"}


@pytest.mark.parametrize("part", range(4))
def test_a_crowd_leaves_nothing_behind(part: int) -> None:
    for seed in range(part, CASES, 4):
        try:
            storm(random.Random(seed))
        except AssertionError as error:
            raise AssertionError(f"seed {seed}") from error


def storm(rng: random.Random) -> None:
    """Some calls at once over random faults; a third of the callers leave at some moment."""
    scripts = schedule(rng)
    names = list(scripts)
    health, budget = Health(), Budget(floor_per_s=rng.choice((0.0, 0.1, 3.0)))
    asked = engine(*names, limits=LIMITS, health=health, budget=budget)
    behave: Behaviour = lambda upstream, _: rng.choice(scripts[upstream])  # noqa: E731 - a closure
    crowd = Crowd(asked, behave)
    for _ in range(rng.randint(1, 12)):
        leaves_s = rng.choice((None, None, 0.0, rng.random(), rng.uniform(0, 200)))
        crowd.call(call(), 1000 + rng.uniform(0, 20), leaves_s)
    crowd.run()
    for visit in crowd.visits:
        ended_well(visit)
    assert all(served.closed for served in crowd.served)
    for entry in health._entries.values():
        assert entry.probe is None
        assert entry.unproven == 0
    far_s = crowd.clock_s + 10_000
    assert {each.standing for each in health.states(far_s)} <= {
        Standing.CLOSED,
        Standing.HALF_OPEN,
    }


def ended_well(visit: Visit) -> None:
    """The outcome rules of one call, as far as its caller stayed to see it."""
    assert visit.ended_s is not None
    assert visit.ended_s - visit.began_s <= LIMITS.call_s + 1
    assert len(visit.attempts_s) <= LIMITS.attempts
    if visit.left:
        return
    assert visit.answer is not None
    if visit.answer.stream is None:
        refused_well(Seen(visit.answer, b""))
    else:
        streamed_well(visit.stream)


def watched(upstreams: int) -> Engine:
    names = [f"u{number}" for number in range(upstreams)]
    return engine(*names, limits=Limits(first_content_s=10.0), health=Health(), budget=Budget())
