"""An upstream's geography and workspace, from its settings to what the platform gets."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.call import Call, read_call
from gateway.emulator import Emulator
from gateway.policy.observed import Expected, served, unobserved, violations, whole
from providers.contract import Kind
from tests.configured.conftest import Configured
from tests.fidelity.gateways import Caller

OPUS = "claude-opus-5-5"
KINDS = pytest.mark.parametrize("kind", ["asyncio", "blocking"])
VERSION = ("anthropic-version", "2026-10-21")


def call(text: str = "hello", kind: Kind = Kind.MESSAGES, **more: Any) -> Call:
    body: dict[str, Any] = {"model": OPUS, "messages": [{"role": "user", "content": text}]}
    if kind is Kind.MESSAGES:
        body["max_tokens"] = 64
    return read_call(kind, (VERSION,), json.dumps(body | more).encode())


@KINDS
@pytest.mark.parametrize("stream", [False, True])
def test_every_message_carries_the_geography_and_the_workspace(
    kind: str, stream: bool, configured: Configured, emulator: Emulator
) -> None:
    engine = configured(extra='geo = "us"\nworkspace = "wrkspc_1"')
    got = Caller(kind).ask(engine, call(stream=stream))
    assert got.status == 200
    (record,) = emulator.records
    assert record.json()["inference_geo"] == "us"
    assert record.header("anthropic-workspace-id") == "wrkspc_1"
    assert b'"inference_geo":"us"' in got.body


@KINDS
@pytest.mark.parametrize(
    ("asked", "status"),
    [
        (call(inference_geo="global"), 400),
        (call(model="claude-haiku-4-5"), 404),
        (call(kind=Kind.COUNT_TOKENS), 501),
    ],
    ids=["another geography", "a model that takes none", "a count"],
)
def test_what_cannot_be_held_to_the_geography_is_not_sent(
    kind: str, asked: Call, status: int, configured: Configured, emulator: Emulator
) -> None:
    for fidelity in ("strict", "lenient"):
        engine = configured(extra=f'geo = "us"\nfidelity = "{fidelity}"')
        got = Caller(kind).ask(engine, asked)
        assert got.status == status
    assert len(emulator.records) == 0


def test_a_count_goes_on_to_an_upstream_that_can_be_held_to_its_place(
    configured: Configured, emulator: Emulator
) -> None:
    engine = configured(order=("direct", "cloud"), extra='geo = "us"')
    Caller("blocking").ask(engine, call(model="claude-sonnet-4-6", kind=Kind.COUNT_TOKENS))
    assert [record.platform for record in emulator.records] == ["bedrock"]


@pytest.mark.parametrize(
    ("marks", "found"),
    [
        ("", []),
        ("[[geo:global]]", ["inference_geo"]),
        ("[[model:claude-opus-5]]", ["model"]),
        ("[[geo:eu]] [[model:claude-haiku-4-5-20251001]]", ["model", "inference_geo"]),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_from_elsewhere_is_noticed(
    marks: str, found: list[str], stream: bool, configured: Configured
) -> None:
    engine = configured(extra='geo = "us"')
    got = Caller("blocking").ask(engine, call(f"hello {marks}", stream=stream))
    assert got.status == 200
    if got.answer.stream is None:
        said = whole(got.body)
        told = served(said.model, said.counts)
    else:
        facts = got.answer.stream.stream.facts
        told = served(facts.model, facts.usage)
    expected = Expected(OPUS, geo="us")
    assert [each.what for each in violations(expected, told)] == found
    assert unobserved(expected, told) == ()
