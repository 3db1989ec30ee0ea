"""A body that two readers of JSON read in two ways is decided alike for both, or refused."""

from __future__ import annotations

import json
import os
import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.call import read_call
from gateway.errors import Malformed
from gateway.judging import Judgement, judge
from gateway.policy.attestations import Attestations
from gateway.policy.compiling import compile_policies
from gateway.policy.files import read_policy
from gateway.policy.in_force import InForce
from gateway.policy.places import Where
from gateway.policy.sheet import fact_sheet
from providers.contract import Kind

IN_A_ROW = 20
CASES = settings(
    max_examples=max(int(os.environ.get("TIDEGATE_LAWS", "2000")) // IN_A_ROW, 1), deadline=None
)
HEAD = """schema = 1
name = "org"
unlabelled = "a"
[classes]
a = "one"
[[permit]]
classes = ["a"]
environments = ["prod"]
[hatches]
inference_geo = "keep"
[[rule]]
id = "models"
require.processing_in = "eu"
forbid.models = ["claude-fable-*"]
"""
STRICT = (
    HEAD
    + """[[rule]]
id = "features"
forbid.features = ["files", "web_search", "advisor", "code_execution"]
require.request_checks = ["no_phi_in_json_schema"]
"""
)

Pairs = list[tuple[str, Any]]
"""An object as it is written, with the keys that stand in it twice."""


def in_force(text: str) -> InForce:
    file = read_policy("org.toml", text)
    places = [Where("one", "bedrock", "eu-west-1"), Where("two", "anthropic", geo="us")]
    facts = fact_sheet(places, Attestations())[0]
    return InForce("prod", compile_policies([file]), facts, (file,))


POLICIES = [in_force(HEAD), in_force(STRICT)]


class Writer:
    """Bodies in which some keys stand twice."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.doubled = self.rng.choice((0.0, 0.03, 0.1))

    def obj(self, **makers: Any) -> Pairs:
        """Return an object with some of the keys; a doubled one gets another value, too."""
        pairs: Pairs = []
        for key, make in makers.items():
            if self.rng.random() < 0.75:
                pairs.append((key, make()))
                if self.rng.random() < self.doubled:
                    pairs.insert(self.rng.randint(0, len(pairs)), (key, make()))
        return pairs

    def of(self, *words: Any) -> Any:
        return lambda: self.rng.choice(words)

    def some(self, make: Any) -> Any:
        return lambda: [make() for _ in range(self.rng.randint(0, 2))]

    def schema(self) -> Pairs:
        inner = self.of({}, [("x", [("type", "string")])], [("x", []), ("x", [("const", "y")])])
        return self.obj(type=self.of("object"), properties=inner, title=self.of("t"))

    def tool(self) -> Pairs:
        return self.obj(
            type=self.of("custom", "web_search_20250305", "advisor_20260301", None),
            name=self.of("x", "y"),
            model=self.of("claude-opus-5", "claude-fable-5-1"),
            strict=self.of(True, False),
            input_schema=self.schema,
        )

    def source(self) -> Pairs:
        return self.obj(type=self.of("base64", "file", "text"), file_id=self.of("f", "g"))

    def definition(self) -> Pairs:
        kind = self.of("tool_definition", "tool_reference")
        return self.obj(type=kind, definition=self.tool)

    def block(self, depth: int = 0) -> Pairs:
        inner = self.of("text") if depth > 1 else self.some(lambda: self.block(depth + 1))
        return self.obj(
            type=self.of("text", "document", "tool_result", "tool_addition", "server_tool_use"),
            text=self.of("a", "b"),
            name=self.of("web_search", "code_execution"),
            source=self.source,
            content=inner,
            tool=self.definition,
        )

    def message(self) -> Pairs:
        return self.obj(role=self.of("user", "assistant"), content=self.some(self.block))

    def fallback(self) -> Pairs:
        return self.obj(
            model=self.of("claude-opus-5", "claude-fable-5-1"), max_tokens=self.of(1, 2)
        )

    def body(self) -> Pairs:
        rest = self.obj(
            messages=self.some(self.message),
            tools=self.some(self.tool),
            fallbacks=self.rng.choice((self.of("default"), self.some(self.fallback))),
            inference_geo=self.of("us", "eu", None),
            billing_policy=lambda: self.obj(bill_to=self.of("self", "user_profile")),
            output_config=lambda: self.obj(format=lambda: self.obj(schema=self.schema)),
            container=lambda: self.obj(id=self.of("c"), skills=self.some(self.tool)),
        )
        return [("model", "claude-opus-5-5"), ("max_tokens", 9), *rest]


def written(value: Any, rng: random.Random | None = None) -> str:
    """Return JSON as it stands, repeated keys and all; with `rng`, with odd spellings."""
    if isinstance(value, list) and value and all(isinstance(each, tuple) for each in value):
        pairs = (f"{_spelled(key, rng)}:{written(inner, rng)}" for key, inner in value)
        return "{" + ",".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + ",".join(written(each, rng) for each in value) + "]"
    return json.dumps(value)


def _spelled(key: str, rng: random.Random | None) -> str:
    if rng is None or rng.random() > 0.1:
        return json.dumps(key)
    return f' "\\u{ord(key[0]):04x}{key[1:]}" '


def first_wins(pairs: Pairs) -> dict[str, Any]:
    return dict(reversed(pairs))


def judged(text: str, policies: InForce) -> Judgement | None:
    headers = (("anthropic-version", "2023-06-01"),)
    try:
        call = read_call(Kind.MESSAGES, headers, text.encode())
        return judge(call, call.asked, policies, 1_795_348_800.0)
    except Malformed:
        return None


@CASES
@given(st.integers(0, 2**48))
def test_every_reader_of_an_accepted_body_would_decide_alike(seed: int) -> None:
    for number in range(seed, seed + IN_A_ROW):
        writer = Writer(number)
        text = written(writer.body(), writer.rng)
        readings = [json.loads(text, object_pairs_hook=hook) for hook in (first_wins, dict)]
        for policies in POLICIES:
            found = judged(text, policies)
            if found is None:
                continue
            for reading in readings:
                other = judged(json.dumps(reading), policies)
                assert other is not None, (number, text)
                assert other.decision == found.decision, (number, text)


def test_bodies_are_accepted_and_refused_and_decided_in_different_ways() -> None:
    found = []
    for number in range(400):
        writer = Writer(number)
        found.append(judged(written(writer.body(), writer.rng), POLICIES[1]))
    assert 20 < sum(each is None for each in found) < 380
    assert len({each.decision.allowed for each in found if each is not None}) > 1
    assert len({each.request.features for each in found if each is not None}) > 20
