"""What a probe found, beside what is configured, attested and hinted."""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.policy.attestations import Attestation, Attestations
from gateway.policy.facts import NEVER, Assurance, Fact
from gateway.policy.places import Where
from gateway.policy.sheet import fact_sheet
from gateway.policy.verified import Drop, Probed, Verified
from tests.unit.policy.worlds import MODELS, UPSTREAMS, VALUES, World, world

IN_A_ROW = 20
CASES = settings(
    max_examples=max(int(os.environ.get("TIDEGATE_LAWS", "2000")) // IN_A_ROW, 1), deadline=None
)
MODEL = "claude-opus-5-5"
HERE = Where("one", "bedrock", "eu-central-1", "eu")
PROBE = "bedrock.get_inference_profile"
DROPPED = Drop("one", "processing_in", PROBE, "it moved", 0.0)


def found(fact: str, value: Any, *, where: Where = HERE, models: Sequence[str] = ()) -> Probed:
    return Probed(where.name, fact, value, PROBE, where.fingerprint, 0.0, 100.0, tuple(models))


def fact(
    verified: Verified,
    name: str,
    attested: tuple[Attestation, ...] = (),
    *,
    where: Where = HERE,
    model: str = MODEL,
) -> Fact | None:
    sheet, _ = fact_sheet([where], Attestations(attested), verified)
    return sheet.upstreams[0].get(name, model)


def test_a_probe_narrows_and_after_its_end_the_configuration_holds_again() -> None:
    seen = fact(Verified((found("processing_in", frozenset({"DE", "FR"})),)), "processing_in")
    assert seen is not None
    assert seen.at(99.0).value == frozenset({"DE", "FR"})
    assert seen.at(99.0).assurance is Assurance.VERIFIED
    assert seen.at(100.0) == fact(Verified(), "processing_in")
    assert seen.ends() >= {100.0}


def test_a_probe_that_contradicts_leaves_the_fact_unknown() -> None:
    verified = Verified((found("processing_in", frozenset({"US"})),))
    sheet, contradictions = fact_sheet([HERE], Attestations(), verified)
    assert sheet.upstreams[0].get("processing_in", MODEL) is None
    assert [each.fact for each in contradictions] == ["processing_in"]


def test_what_was_found_for_some_models_says_nothing_of_others() -> None:
    verified = Verified((found("processing_in", frozenset({"DE"}), models=[MODEL]),))
    seen, other = (fact(verified, "processing_in", model=name) for name in (MODEL, "other"))
    assert seen is not None
    assert seen.assurance is Assurance.VERIFIED
    assert other is not None
    assert other.assurance is Assurance.ORG


def test_what_was_found_elsewhere_is_void() -> None:
    verified = Verified((found("retention_days", 0),))
    assert fact(verified, "retention_days") is not None
    for moved in (
        Where("one", "bedrock", "eu-west-1", "eu"),
        Where("one", "bedrock", "eu-central-1", "us"),
        Where("one", "bedrock", "eu-central-1", "eu", relay=True, address="https://a.example"),
        Where("one", "bedrock", "eu-central-1", "eu", models={MODEL: "eu.anthropic.x"}),
    ):
        assert fact(verified, "retention_days", where=moved) is None


def test_a_drop_beats_every_assurance() -> None:
    says = frozenset({"DE"})
    attested = Attestation("one", "processing_in", says, Assurance.VERIFIED)
    verified = Verified((found("processing_in", says, models=[MODEL]),), (DROPPED,))
    for model in (MODEL, "other"):
        assert fact(verified, "processing_in", (attested,), model=model) is None


Places = tuple[list[Where], Attestations, Verified]


def a_fact(rng: random.Random, name: str) -> Any:
    return rng.choice(VALUES[name])


def some_places(rng: random.Random) -> Places:
    """Return three upstreams, what is attested of them, and what probes found there."""
    kinds = (("bedrock", "eu-central-1", "eu"), ("vertex", "eu", None))
    places = [Where(name, *rng.choice(kinds)) for name in UPSTREAMS]
    facts: list[Attestation] = []
    probed: list[Probed] = []
    for where in places:
        for name in VALUES:
            said, seen = a_fact(rng, name), a_fact(rng, name)
            level = rng.choice((Assurance.ORG, Assurance.VERIFIED))
            if rng.random() < 0.7:
                facts.append(Attestation(where.name, name, said, level, rng.choice((NEVER, 150.0))))
            if rng.random() < 0.7:
                models = rng.sample(MODELS, rng.randint(0, 2))
                value = said if rng.random() < 0.7 else seen
                probed.append(found(name, value, where=where, models=models))
    return places, Attestations(tuple(facts)), Verified(tuple(probed))


def over(given: World, places: Places, verified: Verified) -> frozenset[str]:
    """Return what a world allows with the facts of other upstreams."""
    return replace(given, sheet=fact_sheet(places[0], places[1], verified)[0]).allowed()


@CASES
@given(seed=st.integers(0, 2**48), size=st.integers(1, 3))
def test_a_drop_never_adds(seed: int, size: int) -> None:
    for number in range(seed, seed + IN_A_ROW):
        one = world(number, size)
        places = some_places(one.rng)
        drop = Drop(one.rng.choice(UPSTREAMS), one.rng.choice(sorted(VALUES)), PROBE, "x", 0.0)
        dropped = Verified(places[2].facts, (drop,))
        assert over(one, places, dropped) <= over(one, places, places[2])


@CASES
@given(seed=st.integers(0, 2**48), size=st.integers(1, 3))
def test_what_ended_adds_nothing_to_what_is_attested(seed: int, size: int) -> None:
    for number in range(seed, seed + IN_A_ROW):
        one = replace(world(number, size), now=200.0)
        places = some_places(one.rng)
        assert over(one, places, places[2]) <= over(one, places, Verified())
