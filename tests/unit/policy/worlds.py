"""Random policies, facts and requests over a small vocabulary, so that they often meet."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from gateway.config.document import Document, Source
from gateway.policy import hints
from gateway.policy.compiling import Compiled, compile_policies
from gateway.policy.decision import Request
from gateway.policy.facts import (
    EVERYWHERE,
    NEVER,
    SHAPES,
    Assurance,
    Fact,
    FactSheet,
    UpstreamFacts,
)
from gateway.policy.files import PolicyFile
from gateway.policy.model import Policy

CLASSES = ("a", "b")
ENVIRONMENTS = ("dev", "prod")
UPSTREAMS = ("one", "two", "three")
MODELS = ("claude-opus-5-5", "claude-fable-5-1", "other")
FEATURES = ("fast_mode", "batch", "structured_outputs", "unknown:x")
BETAS = ("beta-1", "beta-2")
CHECKS = ("clean",)
LAYERS = ("team",)


def some(names: tuple[str, ...]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(names), min_size=1, max_size=2, unique=True)


def optional(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=fields)


REQUIRE = optional(
    processing_in=st.sampled_from(["eu", "us"]),
    storage_in=st.sampled_from(["eu", "us"]),
    processor=some(("aws", "google")),
    certifications=some(("iso27001", "c5")),
    baa=st.just(True),
    retention_days=st.sampled_from([0, 1, 30]),
    request_checks=st.just(["clean"]),
    assurance=st.sampled_from(["org", "verified"]),
    assurance_exempt=some(("processing_in", "baa")),
)
FORBID = optional(
    upstreams=some(("one", "t*")),
    platforms=some(("bedrock", "vertex")),
    models=some(("claude-fable-*", "claude-*")),
    features=some(FEATURES),
    betas=some(("*", "beta-1")),
)
ALLOW = optional(features=some(FEATURES), betas=some(BETAS), models=some(MODELS))
RULE = optional(
    classes=some(CLASSES),
    environments=some(ENVIRONMENTS),
    require=REQUIRE,
    forbid=FORBID,
    allow=ALLOW,
)
PERMIT = st.fixed_dictionaries({"classes": some(CLASSES), "environments": some(ENVIRONMENTS)})
LAYER = st.none() | optional(environments=some(ENVIRONMENTS), keys=st.just(["team"]))


@st.composite
def policies(draw: st.DrawFn, *, layer: st.SearchStrategy[Any] = LAYER) -> list[dict[str, Any]]:
    """Return up to three files as data; the first is the organization's and permits much."""
    count = draw(st.integers(1, 3))
    return [draw(a_policy(f"p{at}", st.none() if at == 0 else layer)) for at in range(count)]


@st.composite
def a_policy(draw: st.DrawFn, name: str, layer: st.SearchStrategy[Any]) -> dict[str, Any]:
    rules = draw(st.lists(RULE, max_size=3))
    data: dict[str, Any] = {
        "schema": 1,
        "name": name,
        "classes": {each: each for each in CLASSES},
        "permit": draw(st.lists(PERMIT, max_size=3)),
        "rule": [{**rule, "id": f"{name}-{place}"} for place, rule in enumerate(rules)],
        "prefer": {"order": draw(st.lists(st.sampled_from(["cost", "latency"]), unique=True))},
    }
    more = {"unlabelled": draw(st.none() | st.sampled_from(CLASSES)), "layer": draw(layer)}
    data.update({key: value for key, value in more.items() if value is not None})
    return data


ASSURANCES = st.sampled_from(list(Assurance))
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "processing_in": st.sampled_from([frozenset({"DE"}), frozenset({"US", "DE"}), EVERYWHERE]),
    "storage_in": st.sampled_from([frozenset({"DE"}), frozenset({"US"})]),
    "processor": st.sampled_from(["aws", "google", "anthropic"]),
    "certifications": st.sampled_from([frozenset({"c5"}), frozenset({"c5", "iso27001"})]),
    "baa": st.booleans(),
    "retention_days": st.sampled_from([0, 30]),
}


@st.composite
def fact(draw: st.DrawFn, name: str) -> Fact:
    until_s = draw(st.sampled_from([NEVER, NEVER, NEVER, 50.0, 150.0]))
    return Fact(draw(VALUES[name]), draw(ASSURANCES), until_s, "made up")


@st.composite
def facts(draw: st.DrawFn) -> FactSheet:
    upstreams = []
    for name in UPSTREAMS:
        known = {each: draw(fact(each)) for each in VALUES if draw(st.integers(0, 9))}
        platform = draw(st.sampled_from(["bedrock", "vertex"]))
        upstreams.append(UpstreamFacts(name, platform, known))
    return FactSheet(tuple(upstreams), hints.retention())


REQUESTS = st.builds(
    Request,
    environment=st.sampled_from(ENVIRONMENTS),
    data_class=st.none() | st.sampled_from((*CLASSES, "nobody")),
    model=st.sampled_from(MODELS),
    features=st.frozensets(st.sampled_from(FEATURES), max_size=1),
    betas=st.frozensets(st.sampled_from(BETAS), max_size=1),
    checks=st.frozensets(st.sampled_from(CHECKS)),
    layers=st.frozensets(st.sampled_from(LAYERS)),
    require=st.just(frozenset[str]()),
    hatches=st.just(frozenset[str]()),
    models_inside=st.just(frozenset[str]()),
)
TIMES = st.sampled_from([0.0, 50.0, 100.0, 200.0])


def compiled(files: list[dict[str, Any]]) -> Compiled:
    return compile_policies(
        [PolicyFile(Policy.model_validate(data), _document(data)) for data in files]
    )


def _document(data: dict[str, Any]) -> Document:
    return Document.of(Source(f"{data['name']}.toml", data, {}))


assert set(VALUES) <= set(SHAPES)
