"""Random policies, facts and calls from one seed, over a small vocabulary, so that they meet."""

from __future__ import annotations

import datetime as dt
import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.call import Call, Caller, read_call
from providers.contract import Kind
from tests.witness.oracle import Asked, Known, Place

CLASSES = ("a", "b")
ENVIRONMENT = "prod"
UPSTREAMS: tuple[str, ...] = ("one", "two", "three")
MODELS = ("claude-opus-5-5", "claude-sonnet-5-5", "claude-fable-5-1")
MIDNIGHT_S = 86400.0
START_S = MIDNIGHT_S - 10
"""Calls begin shortly before a day ends, so that what ends with it ends under way."""
MOMENTS_S = tuple(START_S + each for each in (0.0, 0.3, 2.0, 9.0, 10.0, 40.0, 150.0))
TODAY = dt.date(1970, 1, 1)
LATER = dt.date(2999, 1, 1)

CALLERS = tuple(
    Caller("a-key", classes, frozenset(layers))
    for classes in (*[None] * 6, frozenset({"*"}), frozenset({"a"}))
    for layers in (*[()] * 12, ("team",), ("team",), ("nobody",))
)
TOOL = {"web_search": "web_search_20250305", "code_execution": "code_execution_20250825"}
SCHEMA = {"type": "object", "properties": {"kind": {"enum": ["x", "y"]}}}


@dataclass(frozen=True)
class Extra:
    """Something a call asks for beside the usual: how it is written, and what it means."""

    body: Mapping[str, Any]
    features: tuple[str, ...] = ()
    inside: tuple[str, ...] = ()
    beta: str | None = None
    hatch: str | None = None


EXTRAS = (
    Extra({}),
    Extra({}),
    Extra({}),
    Extra({"speed": "fast"}, ("fast_mode",)),
    *(Extra({"tools": [{"type": t, "name": n}]}, (n,)) for n, t in TOOL.items()),
    Extra({"tools": [{"type": "teleport_20270101", "name": "x"}]}, ("unknown:x",)),
    Extra({"brand_new": 1}, ("unknown:x",)),
    Extra({"mcp_servers": []}, ("mcp_connector",)),
    Extra(
        {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}},
        ("structured_outputs", "json_schema_values"),
    ),
    Extra({"inference_geo": "us"}, ("inference_geo",), hatch="inference_geo"),
    Extra({}, beta="context-1m-2025-08-07"),
    Extra({}, ("experiments",), beta="experimental-claude-tag-2026-10-21"),
    *(
        Extra(
            {"tools": [{"type": "advisor_20260301", "name": "advisor", "model": model}]},
            ("advisor",),
            (model,),
        )
        for model in MODELS
    ),
    *(Extra({"fallbacks": [{"model": model}]}, ("server_fallback",), (model,)) for model in MODELS),
    Extra({"fallbacks": "default"}, ("server_fallback",), ("default",)),
)
REQUIRED: tuple[tuple[str, dict[str, Any]], ...] = (
    ("processing_in=eu", {"processing_in": "eu"}),
    ("processor=aws|google", {"processor": ["aws", "google"]}),
    ("certifications=c5", {"certifications": ["c5"]}),
    ("baa", {"baa": True}),
    ("retention_days=0", {"retention_days": 0}),
    ("processing_in=us,assurance=verified", {"processing_in": "us", "assurance": "verified"}),
)


@dataclass(frozen=True)
class State:
    """What is in force at one time, as it is written."""

    files: Sequence[dict[str, Any]]
    places: Mapping[str, Place]


def policies(rng: random.Random) -> list[dict[str, Any]]:
    """Return up to three files; the first is the organization's and permits much."""
    return [_policy(rng, f"p{at}") for at in range(rng.choice((1, 1, 1, 2, 3)))]


def places(rng: random.Random, names: Sequence[str] = UPSTREAMS) -> dict[str, Place]:
    """Return what is known of each upstream; mostly enough for mild rules."""
    return {name: _place(rng) for name in names}


@dataclass(frozen=True)
class Written:
    """A call as it is written, and what it asks for."""

    kind: Kind
    headers: Mapping[str, str]
    body: Mapping[str, Any]
    caller: Caller
    asked: Asked

    def read(self) -> Call:
        """Return the call as a door reads it."""
        headers = (("anthropic-version", "2023-06-01"), *self.headers.items())
        body = json.dumps(self.body).encode()
        return read_call(self.kind, headers, body, caller=self.caller)


def call(rng: random.Random, callers: Sequence[Caller] = CALLERS) -> Written:
    """Return a call of one of some callers."""
    extra, model, caller = rng.choice(EXTRAS), rng.choice(MODELS), rng.choice(callers)
    label = rng.choice((None, None, *CLASSES * 5, "nobody"))
    words, require = rng.choice(REQUIRED) if rng.random() < 0.15 else (None, {})
    kind = rng.choice((Kind.MESSAGES, Kind.MESSAGES, Kind.COUNT_TOKENS))
    only = rng.sample(UPSTREAMS, 2) if rng.random() < 0.15 else None
    given = {
        "x-gateway-only": None if only is None else ",".join(only),
        "anthropic-beta": extra.beta,
        "x-gateway-class": label,
        "x-gateway-require": words,
    }
    body = {"model": model, "messages": [{"role": "user", "content": "hello"}], **extra.body}
    if kind is Kind.MESSAGES:
        body |= {"max_tokens": 64, "stream": rng.random() < 0.7}
    asked = Asked(
        environment=ENVIRONMENT,
        data_class=label,
        model=model,
        features=frozenset(extra.features),
        betas=frozenset() if extra.beta is None else frozenset({extra.beta}),
        layers=caller.layers,
        inside=extra.inside,
        hatch=extra.hatch,
        require=require,
        only=None if only is None else frozenset(only),
        may_assert=label is None or caller.classes is None or bool({label, "*"} & caller.classes),
    )
    headers = {name: value for name, value in given.items() if value is not None}
    return Written(kind, headers, body, caller, asked)


def _policy(rng: random.Random, name: str) -> dict[str, Any]:
    rules = [_rule(rng, f"{name}-{at}") for at in range(rng.choice((0, 1, 1, 1, 2)))]
    every = {"classes": list(CLASSES), "environments": [ENVIRONMENT]}
    found: dict[str, Any] = {"schema": 1, "name": name, "rule": rules}
    if name == "p0" or rng.random() < 0.3:
        found["classes"] = {each: each for each in CLASSES}
        found["permit"] = [every] if rng.random() < 0.9 else [{**every, "classes": ["a"]}]
    if rng.random() < 0.7:
        found["unlabelled"] = rng.choice(CLASSES)
    if name != "p0":
        found["layer"] = rng.choice(({}, {"keys": ["team"]}, {"environments": [ENVIRONMENT, "x"]}))
    if rng.random() < 0.5:
        found["hatches"] = {"inference_geo": rng.choice(("keep", "keep", "refuse"))}
    if rng.random() < 0.5:
        found["prefer"] = {"order": rng.choice((["tightest_residency"], ["cost"]))}
    if rng.random() < 0.1:
        ends = rng.choice((None, *MOMENTS_S))
        found["block"] = [_block(rng.choice(("one", "t*")), ends)]
    if rules and rng.random() < 0.3:
        found["exception"] = [_exception(rng, rng.choice(rules)["id"])]
    return found


def _block(upstream: str, ends_s: float | None) -> dict[str, Any]:
    block: dict[str, Any] = {"upstream": upstream, "because": "an incident"}
    return block if ends_s is None else block | {"until": dt.datetime.fromtimestamp(ends_s, dt.UTC)}


def _exception(rng: random.Random, rule: str) -> dict[str, Any]:
    return {
        "id": "lifted",
        "rule": rule,
        "upstream": rng.choice(("one", "t*", "*")),
        "until": rng.choice((TODAY, LATER)),
        "approved_by": "someone",
        "ticket": "T-1",
    }


_REQUIRE: Mapping[str, Sequence[Any]] = {
    "processing_in": ("eu", "us"),
    "storage_in": ("eu",),
    "processor": (["aws", "google"], ["anthropic"]),
    "certifications": (["c5"], ["c5", "iso27001"]),
    "baa": (True,),
    "retention_days": (0, 30),
    "request_checks": (["no_phi_in_json_schema"],),
    "assurance": ("org", "verified"),
    "assurance_exempt": (["processing_in", "baa"],),
}
_FORBID: Mapping[str, Sequence[Any]] = {
    "upstreams": (["two"], ["t*"]),
    "platforms": (["bedrock"],),
    "models": (["claude-fable-*"], ["claude-fable-*"], ["claude-sonnet-*"], ["claude-*"]),
    "features": (["code_execution", "fast_mode"], ["*"]),
    "betas": (["*"], ["experimental-*"]),
}
_ALLOW: Mapping[str, Sequence[Any]] = {
    "models": (["claude-opus-*"], ["default"]),
    "features": (["fast_mode"], ["unknown:*"]),
    "betas": (["context-*"],),
}


_PARTS = (("require", _REQUIRE, 0.6), ("forbid", _FORBID, 0.6), ("allow", _ALLOW, 0.4))


def _rule(rng: random.Random, name: str) -> dict[str, Any]:
    found: dict[str, Any] = {"id": name}
    for key, menu, share in _PARTS:
        words = [rng.choice(sorted(menu))] if rng.random() < share else []
        if key == "require" and words and rng.random() < 0.3:
            words += ["assurance"]
        if key == "forbid" and words and rng.random() < 0.4:
            words = ["models"]
        found[key] = {word: rng.choice(menu[word]) for word in words}
    if rng.random() < 0.5:
        found["classes"] = [rng.choice(CLASSES)]
    return found


_VALUES: Mapping[str, Sequence[Any]] = {
    "processing_in": (["DE"], ["DE", "FR"], ["US"], ["DE", "US"], ["*"]),
    "storage_in": (["DE"], ["DE"], ["US"]),
    "processor": ("aws", "google", "anthropic"),
    "certifications": (["c5", "iso27001"], ["c5"]),
    "baa": (True, True, False),
    "retention_days": (0, 0, 30),
}


def _place(rng: random.Random) -> Place:
    facts = {name: fact(rng, name) for name in _VALUES if rng.random() < 0.85}
    by_model: dict[str, dict[str, Known | None]] = {}
    if rng.random() < 0.2:
        own = None if rng.random() < 0.3 else fact(rng, "processing_in")
        by_model[rng.choice(MODELS)] = {"processing_in": own}
    return Place(rng.choice(("bedrock", "vertex", "anthropic")), facts, by_model)


def fact(rng: random.Random, name: str) -> Known:
    level = rng.choice(("hint", "org", "org", "org", *["verified"] * 4))
    until_s = rng.choice(MOMENTS_S) if rng.random() < 0.2 else float("inf")
    return Known(rng.choice(_VALUES[name]), level, until_s)
