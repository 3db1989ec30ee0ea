"""Random policies, facts and requests from one number, over few words, so that they often meet."""

from __future__ import annotations

import datetime as dt
import pickle
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from gateway.config.document import Document, Source
from gateway.policy.compiling import Compiled, compile_policies
from gateway.policy.deciding import decide
from gateway.policy.decision import Decision, Request
from gateway.policy.facts import (
    EVERYWHERE,
    NEVER,
    Assurance,
    Fact,
    FactSheet,
    Retention,
    UpstreamFacts,
)
from gateway.policy.files import PolicyFile
from gateway.policy.model import Policy

T = TypeVar("T")
Data = dict[str, Any]

CLASSES = ("a", "b")
ENVIRONMENTS = ("dev", "prod")
UPSTREAMS = ("one", "two", "three")
MODELS = ("claude-opus-5-5", "claude-opus-5-5", "claude-fable-5-1", "other")
INSIDE = ("claude-opus-5-5", "claude-fable-5-1", "default", "nobody")
FEATURES = ("fast_mode", "batch", "structured_outputs", "server_fallback", "unknown:x")
BETAS = ("beta-1", "beta-2")
HATCHES = ("inference_geo=us", "inference_geo=global", "workspace", "bill_to", "user_profile")
REQUIREMENTS = (
    "processing_in=eu",
    "storage_in=us",
    "processor=aws|google",
    "certifications=c5",
    "retention_days=0",
    "baa",
    "assurance=verified",
)
NOWS = (0.0, 50.0, 100.0, 1e12)
"""Before, at and after the ends of facts; the last is after every exception."""
UNTIL = ("1970-01-01", "2030-01-01", "9000-01-01")
RETENTION = Retention(
    (("claude-fable-*", 30), ("claude-*", 0)),
    {"fast_mode": 0, "batch": 29, "structured_outputs": 1, "server_fallback": None},
)
VALUES: dict[str, tuple[Any, ...]] = {
    "processing_in": (frozenset({"DE"}), frozenset({"US"}), frozenset({"US", "DE"}), EVERYWHERE),
    "storage_in": (frozenset({"DE"}), frozenset({"US"})),
    "processor": ("aws", "google", "anthropic"),
    "certifications": (frozenset({"c5"}), frozenset({"c5", "iso27001"})),
    "baa": (True, True, False),
    "retention_days": (0, 0, 30),
}


@dataclass(frozen=True)
class World:
    """Policies, facts, a request and a moment."""

    files: tuple[Data, ...]
    policy: Compiled
    sheet: FactSheet
    request: Request
    now: float
    rng: random.Random

    def decision(self, now: float | None = None) -> Decision:
        moment = self.now if now is None else now
        return decide(self.policy, self.sheet, self.request, moment)

    def allowed(self, now: float | None = None) -> frozenset[str]:
        return frozenset(self.decision(now).allowed)

    def asking(self, **changes: Any) -> World:
        return replace(self, request=self.request._replace(**changes))

    def with_files(self, *files: Data) -> World:
        return replace(self, files=files, policy=compiled(files))


def world(seed: int, size: int = 3) -> World:
    """Return a world; `size` bounds how many policies, rules and upstreams it has."""
    rng = random.Random(seed)
    layers = [None, *(a_layer(rng) for _ in range(1, rng.randint(1, size)))]
    files = [a_policy(rng, f"p{at}", size, layer) for at, layer in enumerate(layers)]
    return World(
        tuple(files), compiled(files), a_sheet(rng, size), a_request(rng), rng.choice(NOWS), rng
    )


def a_policy(rng: random.Random, name: str, size: int, layer: Data | None) -> Data:
    rules = [a_rule(rng, f"{name}-{at}") for at in range(rng.randint(0, size))]
    data: Data = {
        "schema": 1,
        "name": name,
        "classes": {each: each for each in CLASSES},
        "permit": [a_permit(rng) for _ in range(rng.randint(0 if layer else 1, size))],
        "rule": rules,
        "exception": [an_exception(rng, rule["id"]) for rule in rules if rng.random() < 0.2],
        "block": [{"upstream": one(rng, UPSTREAMS), "because": "x"} for _ in rare(rng, 0.05)],
        "prefer": {"order": some(rng, ("cost", "latency"))},
        "hatches": a_table(rng, 0.7, **dict.fromkeys(HATCH_NAMES, lambda: one(rng, HATCH_WORDS))),
    }
    if layer is not None:
        data["layer"] = layer
    if rng.random() < 0.7:
        data["unlabelled"] = rng.choice(CLASSES)
    if rng.random() < 0.1:
        data["zones"] = {"eu": list(some(rng, ("DE", "US")))}
    return data


HATCH_NAMES = ("inference_geo", "workspace", "user_profile", "bill_to")
HATCH_WORDS = ("keep", "keep", "keep", "refuse")


def a_layer(rng: random.Random) -> Data | None:
    if rng.random() < 0.3:
        return None
    layer = a_table(rng, 0.4, environments=lambda: some(rng, ENVIRONMENTS))
    return layer | a_table(rng, 0.4, keys=lambda: ("team",))


def a_permit(rng: random.Random) -> Data:
    if rng.random() < 0.6:
        return {"classes": CLASSES, "environments": ENVIRONMENTS}
    return {"classes": some(rng, CLASSES), "environments": some(rng, ENVIRONMENTS)}


def an_exception(rng: random.Random, rule: str) -> Data:
    until = dt.date.fromisoformat(rng.choice(UNTIL))
    who = {"approved_by": "me", "ticket": "T-1"}
    return {"id": "e", "rule": rule, "upstream": one(rng, (*UPSTREAMS, "t*")), "until": until} | who


def a_rule(rng: random.Random, name: str) -> Data:
    rule = a_table(
        rng,
        0.25,
        classes=lambda: some(rng, CLASSES),
        environments=lambda: some(rng, ENVIRONMENTS),
        forbid=lambda: a_forbid(rng),
        allow=lambda: a_table(
            rng,
            0.5,
            features=lambda: some(rng, FEATURES),
            betas=lambda: some(rng, BETAS),
            models=lambda: some(rng, (*MODELS, *INSIDE)),
        ),
    )
    return {"id": name, "require": a_require(rng)} | rule


def a_require(rng: random.Random) -> Data:
    return a_table(
        rng,
        0.1,
        processing_in=lambda: one(rng, ("eu", "us")),
        storage_in=lambda: one(rng, ("eu", "us")),
        processor=lambda: some(rng, ("aws", "google")),
        certifications=lambda: some(rng, ("iso27001", "c5")),
        baa=lambda: True,
        retention_days=lambda: rng.choice((0, 1, 30)),
        request_checks=lambda: ("no_phi_in_json_schema",),
        assurance=lambda: one(rng, ("org", "verified")),
        assurance_exempt=lambda: some(rng, ("processing_in", "baa")),
    )


def a_forbid(rng: random.Random) -> Data:
    return a_table(
        rng,
        0.3,
        upstreams=lambda: some(rng, ("one", "t*")),
        platforms=lambda: some(rng, ("bedrock", "vertex")),
        models=lambda: some(rng, ("claude-fable-*", "claude-*", "nobody")),
        features=lambda: some(rng, FEATURES),
        betas=lambda: some(rng, ("*", "beta-1")),
    )


def a_fact(rng: random.Random, name: str) -> Fact:
    until_s = rng.choice((NEVER, NEVER, NEVER, NEVER, 50.0, 150.0))
    assurance = rng.choice((Assurance.VERIFIED, Assurance.VERIFIED, Assurance.ORG, Assurance.HINT))
    return Fact(rng.choice(VALUES[name]), assurance, until_s, "made up")


def a_sheet(rng: random.Random, size: int) -> FactSheet:
    upstreams = []
    for name in UPSTREAMS[:size]:
        known = {each: a_fact(rng, each) for each in VALUES if rng.random() < 0.95}
        own = {"claude-fable-5-1": {"processing_in": a_fact(rng, "processing_in")}}
        by_model = own if rng.random() < 0.2 else {}
        upstreams.append(UpstreamFacts(name, rng.choice(("bedrock", "vertex")), known, by_model))
    return FactSheet(tuple(upstreams), RETENTION)


def a_request(rng: random.Random) -> Request:
    return Request(
        environment=rng.choice(ENVIRONMENTS),
        data_class=rng.choice((None, "a", "a", "a", "b", "b", "b", "nobody")),
        model=rng.choice(MODELS),
        features=sometimes(rng, 0.3, FEATURES),
        betas=sometimes(rng, 0.2, BETAS),
        checks=frozenset({"no_phi_in_json_schema"}) if rng.random() < 0.7 else frozenset(),
        layers=sometimes(rng, 0.1, ("team",)),
        require=sometimes(rng, 0.1, REQUIREMENTS),
        hatches=sometimes(rng, 0.1, HATCHES),
        models_inside=sometimes(rng, 0.1, INSIDE),
    )


def a_table(rng: random.Random, share: float, **makers: Any) -> Data:
    """Return a table in which each key stands with this probability."""
    return {name: make() for name, make in makers.items() if rng.random() < share}


def one(rng: random.Random, words: Sequence[T]) -> T:
    return rng.choice(words)


def some(rng: random.Random, words: Sequence[T]) -> tuple[T, ...]:
    """Return one or two of the words."""
    return tuple(dict.fromkeys(rng.choice(words) for _ in range(rng.randint(1, 2))))


def sometimes(rng: random.Random, share: float, words: Sequence[str]) -> frozenset[str]:
    return frozenset(some(rng, words)) if rng.random() < share else frozenset()


def rare(rng: random.Random, share: float) -> range:
    return range(rng.random() < share)


def compiled(files: Sequence[Data]) -> Compiled:
    return compile_policies(
        [PolicyFile(Policy.model_validate(data), _document(data)) for data in files]
    )


def changed(files: Sequence[Data]) -> list[Data]:
    """Return a copy to change."""
    again: list[Data] = pickle.loads(pickle.dumps(list(files)))  # noqa: S301 - the test's own
    return again


def _document(data: Data) -> Document:
    return Document.of(Source(f"{data['name']}.toml", data, {}))
