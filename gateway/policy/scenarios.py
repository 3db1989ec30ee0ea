"""Tests beside a policy: what must be allowed, what never, and for which reason."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, Strict

from gateway.config.document import Document
from gateway.config.mistakes import ConfigError, Mistake, nearest
from gateway.policy import places
from gateway.policy.attestations import (
    Attestations,
    AttestShape,
    attest_mistakes,
    attestation,
)
from gateway.policy.compiling import Compiled
from gateway.policy.deciding import decide
from gateway.policy.decision import Decision, Request
from gateway.policy.facts import FactSheet, plain
from gateway.policy.places import Where
from gateway.policy.reading import Names, Shape, checked, document, in_order
from gateway.policy.sheet import fact_sheet


class UpstreamShape(Shape):
    """An `[upstreams.NAME]` table of a test file: where an upstream of the test is."""

    platform: str
    region: str | None = None
    profile: str | None = None
    geo: Literal["us", "global"] | None = None
    relay: bool = False


class RequestShape(Shape):
    """The request of a test."""

    environment: str
    data_class: Annotated[str | None, Field(alias="class")] = None
    model: str
    features: Names = ()
    betas: Names = ()
    checks: Names = ()
    layers: Names = ()


class ReasonShape(Shape):
    """A reason that must be given."""

    upstream: str
    contains: str


class ScenarioShape(Shape):
    """A `[[test]]` table."""

    name: str
    request: RequestShape
    down: Names = ()
    """Upstreams that are not there; globs are not taken."""
    allowed: Names | None = None
    """Exactly these are allowed."""
    never: Names = ()
    """None of these is allowed."""
    reason: ReasonShape | None = None
    min_allowed: Annotated[int, Field(ge=0)] | None = None
    min_distinct_processors: Annotated[int, Field(ge=0)] | None = None
    expect_forbidden_feature: str | None = None
    """With this feature nothing is allowed; without it something is."""


class ScenarioShapes(Shape):
    """A `*_test.toml` file; with `upstreams` it brings its own world."""

    now: dt.date | None = None
    upstreams: dict[str, UpstreamShape] = Field(default_factory=dict)
    adopt: Names = ()
    attest: Annotated[tuple[AttestShape, ...], Strict(strict=False)] = ()
    test: Annotated[tuple[ScenarioShape, ...], Strict(strict=False), Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class Scenarios:
    """The tests of one file."""

    tests: tuple[ScenarioShape, ...]
    facts: FactSheet | None
    """What the file says of upstreams of its own; None: the configured ones are meant."""
    now: dt.date | None = None

    def at(self, now: float) -> float:
        """Return the Unix time of the tests: noon of the day that the file names, else `now`."""
        return now if self.now is None else _noon(self.now)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one test found; without differences it passed."""

    name: str
    differences: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether everything was as the test says."""
        return not self.differences


def read_scenarios(file: str, text: str) -> Scenarios:
    """Read a test file; raises ConfigError with every mistake in it."""
    source = document(file, text)
    shape = checked(source, ScenarioShapes)
    mistakes = in_order([*attest_mistakes(source, shape.attest), *_mistakes(source, shape)])
    if mistakes:
        raise ConfigError(mistakes)
    if not shape.upstreams:
        return Scenarios(shape.test, None, shape.now)
    upstreams = [_where(name, each) for name, each in shape.upstreams.items()]
    attested = Attestations(tuple(map(attestation, shape.attest)), shape.adopt)
    return Scenarios(shape.test, fact_sheet(upstreams, attested)[0], shape.now)


def run(scenarios: Scenarios, compiled: Compiled, facts: FactSheet, now: float) -> list[Outcome]:
    """Run the tests of one file.

    Args:
        scenarios: The tests.
        compiled: The policies they are for.
        facts: What is known of the configured upstreams; used when the file brings none.
        now: Unix time; used when the file names no day.
    """
    known = facts if scenarios.facts is None else scenarios.facts
    return [
        Outcome(each.name, tuple(_differences(each, compiled, known, scenarios.at(now))))
        for each in scenarios.tests
    ]


def _mistakes(source: Document, shape: ScenarioShapes) -> Iterator[Mistake]:
    for name, each in shape.upstreams.items():
        if each.platform not in places.platforms():
            hint = nearest(each.platform, places.platforms())
            yield source.mistake(("upstreams", name, "platform"), "is no platform", hint)
    if not shape.upstreams and (shape.attest or shape.adopt):
        yield source.mistake(("attest",), "is of no use without [upstreams.NAME]")
    for place, test in enumerate(shape.test):
        if not _expects(test):
            yield source.mistake(("test", place), "expects nothing", "add allowed or never")
        for key, names in (("allowed", test.allowed or ()), ("never", test.never)):
            for at, name in enumerate(names):
                if shape.upstreams and name not in shape.upstreams:
                    hint = nearest(name, shape.upstreams)
                    yield source.mistake(("test", place, key, at), "is no upstream", hint)


def _expects(test: ScenarioShape) -> bool:
    expected = (
        test.allowed,
        test.never or None,
        test.reason,
        test.min_allowed,
        test.min_distinct_processors,
        test.expect_forbidden_feature,
    )
    return any(each is not None for each in expected)


def _where(name: str, shape: UpstreamShape) -> Where:
    return Where(name, shape.platform, shape.region, shape.profile, shape.geo, shape.relay)


def _noon(day: dt.date) -> float:
    return dt.datetime(day.year, day.month, day.day, 12, tzinfo=dt.UTC).timestamp()


def _differences(
    test: ScenarioShape, compiled: Compiled, facts: FactSheet, now: float
) -> Iterator[str]:
    names = {each.name for each in facts.upstreams}
    for name in sorted({*(test.allowed or ()), *test.never, *test.down} - names):
        yield f"there is no upstream {name}"
    request = _request(test.request)
    decision = decide(compiled, facts, request, now)
    left = [name for name in decision.allowed if name not in test.down]
    if test.allowed is not None and sorted(left) != sorted(test.allowed):
        yield f"allowed: expected {sorted(test.allowed)}, got {sorted(left)}"
    for name in test.never:
        if name in left:
            yield f"never: {name} is allowed"
    if test.reason is not None:
        yield from _reason_missing(test.reason, decision)
    if test.min_allowed is not None and len(left) < test.min_allowed:
        yield f"min_allowed: expected {test.min_allowed}, got {len(left)}"
    if test.min_distinct_processors is not None:
        running = _processors(left, facts, request.model)
        if len(running) < test.min_distinct_processors:
            wanted = test.min_distinct_processors
            yield f"min_distinct_processors: expected {wanted}, got {sorted(running)}"
    if test.expect_forbidden_feature is not None:
        yield from _feature_free(test.expect_forbidden_feature, compiled, facts, request, now=now)


def _request(shape: RequestShape) -> Request:
    return Request(
        shape.environment,
        shape.data_class,
        shape.model,
        frozenset(shape.features),
        frozenset(shape.betas),
        frozenset(shape.checks),
        frozenset(shape.layers),
    )


def _reason_missing(reason: ReasonShape, decision: Decision) -> Iterator[str]:
    for verdict in decision.candidates:
        if verdict.upstream == reason.upstream:
            given = [str(each) for each in verdict.reasons]
            if not any(reason.contains in each for each in given):
                yield f"reason: {reason.contains!r} is in none of {given}"
            return
    yield f"reason: there is no upstream {reason.upstream}"


def _processors(names: list[str], facts: FactSheet, model: str) -> set[str]:
    found = [each.get("processor", model) for each in facts.upstreams if each.name in names]
    return {str(plain(fact.value)) for fact in found if fact is not None}


def _feature_free(
    feature: str, compiled: Compiled, facts: FactSheet, request: Request, *, now: float
) -> Iterator[str]:
    with_it = request._replace(features=request.features | {feature})
    without = request._replace(features=request.features - {feature})
    if allowed := decide(compiled, facts, with_it, now).allowed:
        yield f"expect_forbidden_feature: with {feature}, {', '.join(allowed)} is allowed"
    if not decide(compiled, facts, without, now).allowed:
        yield f"expect_forbidden_feature: nothing is allowed without {feature} either"
