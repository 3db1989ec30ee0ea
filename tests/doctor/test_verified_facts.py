"""What a probe found, beside what is configured, attested and hinted."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.policy.attestations import Attestation, Attestations
from gateway.policy.deciding import decide
from gateway.policy.decision import Request
from gateway.policy.facts import NEVER, Assurance, Fact, FactSheet
from gateway.policy.places import Where
from gateway.policy.sheet import fact_sheet
from gateway.policy.verified import Drop, Probed, Verified
from tests.unit.policy.worlds import MODELS, REQUESTS, UPSTREAMS, VALUES, compiled, policies

CASES = settings(max_examples=min(int(os.environ.get("TIDEGATE_LAWS", "50")), 2000))
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


@st.composite
def worlds(draw: st.DrawFn) -> tuple[list[Where], Attestations, Verified]:
    """Return three upstreams, what is attested of them, and what probes found there."""
    kinds = st.sampled_from([("bedrock", "eu-central-1", "eu"), ("vertex", "eu", None)])
    places = []
    for name in UPSTREAMS:
        platform, region, profile = draw(kinds)
        places.append(Where(name, platform, region, profile))
    facts: list[Attestation] = []
    probed: list[Probed] = []
    for where in places:
        for name, values in VALUES.items():
            level = draw(st.sampled_from([Assurance.ORG, Assurance.VERIFIED]))
            until_s = draw(st.sampled_from([NEVER, 150.0]))
            if draw(st.booleans()):
                facts.append(Attestation(where.name, name, draw(values), level, until_s))
            if draw(st.booleans()):
                models = draw(st.lists(st.sampled_from(MODELS), max_size=2))
                probed.append(found(name, draw(values), where=where, models=models))
    return places, Attestations(tuple(facts)), Verified(tuple(probed))


DROPS = st.lists(
    st.builds(
        Drop,
        st.sampled_from(UPSTREAMS),
        st.sampled_from(sorted(VALUES)),
        st.just(PROBE),
        st.just("it moved"),
        st.just(0.0),
    ),
    min_size=1,
    max_size=3,
)
TIMES = st.sampled_from([0.0, 99.0, 100.0, 200.0])
Files = list[dict[str, Any]]


def allowed(files: Files, sheet: FactSheet, request: Request, now: float) -> set[str]:
    return set(decide(compiled(files), sheet, request, now).allowed)


@CASES
@given(policies(), worlds(), DROPS, REQUESTS, TIMES)
def test_a_drop_never_adds(
    files: Files,
    world: tuple[list[Where], Attestations, Verified],
    drops: list[Drop],
    request: Request,
    now: float,
) -> None:
    places, attested, verified = world
    before = fact_sheet(places, attested, verified)[0]
    after = fact_sheet(places, attested, Verified(verified.facts, tuple(drops)))[0]
    assert allowed(files, after, request, now) <= allowed(files, before, request, now)


@CASES
@given(policies(), worlds(), REQUESTS, st.sampled_from([100.0, 200.0]))
def test_what_ended_adds_nothing_to_what_is_attested(
    files: Files,
    world: tuple[list[Where], Attestations, Verified],
    request: Request,
    now: float,
) -> None:
    places, attested, verified = world
    without = fact_sheet(places, attested)[0]
    ended = fact_sheet(places, attested, verified)[0]
    assert allowed(files, ended, request, now) <= allowed(files, without, request, now)
