"""The outcome rules hold for every provider in the registry, alone and beside others."""

from __future__ import annotations

import os
import random

import pytest

from providers.registry import PROVIDERS
from tests.fuzz.samples import PLACES
from tests.simulation.callers import ask, call, engine
from tests.simulation.schedules import LIMITS, holds, schedule
from tests.simulation.virtual import VirtualWire

CASES = int(os.environ.get("TIDEGATE_LAWS", "2000")) // len(PROVIDERS)
BESIDE = 0.5
"""How often another upstream is of another provider."""


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_rules_hold(provider: str) -> None:
    for seed in range(CASES):
        rng = random.Random(f"{provider} {seed}")
        kinds = dict.fromkeys(("one", "two", "three"), provider)
        for name in ("two", "three"):
            if rng.random() < BESIDE:
                kinds[name] = rng.choice(list(PROVIDERS))
        scripts = schedule(rng, kinds)
        wire = VirtualWire(scripts)
        places = {name: (kind, PLACES[kind]) for name, kind in kinds.items()}
        asked = engine(*scripts, limits=LIMITS, providers=places)
        try:
            holds(ask(asked, wire, call()), wire, scripts, kinds)
        except AssertionError as error:
            raise AssertionError(f"{provider}: seed {seed}: {kinds}") from error


def test_whole_answers_come_through_from_every_provider() -> None:
    """Some of the answers above are whole, so that the rules are held to more than errors."""
    for provider in PROVIDERS:
        ends = set()
        for seed in range(60):
            rng = random.Random(seed)
            scripts = schedule(rng, {"one": provider})
            one = {"one": scripts["one"]}
            wire = VirtualWire(one)
            asked = engine("one", limits=LIMITS, providers={"one": (provider, PLACES[provider])})
            seen = ask(asked, wire, call())
            ends.add(seen.stream.endswith(b'"message_stop"}\n\n'))
        assert True in ends, provider
