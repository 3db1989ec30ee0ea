from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import anthropic
import httpx2
import pytest

import gateway
from gateway.cli.explain_report import plain
from gateway.cli.explain_request import Question, explained
from gateway.cli.journal_entries import entries
from gateway.cli.policy_sources import Setting
from gateway.emulator import Emulator
from gateway.engine import Engine
from gateway.policy.recorded import recall
from tests.boundary.house import ENVIRONMENT, SECTIONS, House
from tests.server.serving import Running, serving

CASES = max(min(int(os.environ.get("TIDEGATE_LAWS", "2000")) // 20, 500), 1)

NO_BREAKER = "[breaker]\nenabled = false\n"
POLICY = """
schema = 1
name = "house"
unlabelled = "inner"
[classes]
inner = "stays in Europe"
open = "may go anywhere"
care = "nothing is kept"
[[permit]]
classes = ["inner", "open", "care"]
environments = ["prod"]
[[rule]]
id = "stays-here"
classes = ["inner", "care"]
require.processing_in = "eu"
[[rule]]
id = "with-care"
classes = ["care"]
forbid.features = ["web_search", "code_execution"]
forbid.models = ["claude-haiku-*"]
forbid.betas = ["files-*"]
require.request_checks = ["no_phi_in_json_schema"]
[prefer]
order = ["tightest_residency"]
"""
SCHEMA = {"type": "object", "properties": {"name": {"type": "string"}}}
TOOLS: list[dict[str, Any]] = [
    {"type": "web_search_20250305", "name": "web_search"},
    {"type": "code_execution_20250825", "name": "code_execution"},
    {"type": "nobody_knows_20300101", "name": "new"},
    {"name": "mine", "input_schema": SCHEMA},
    {"name": "strict", "input_schema": SCHEMA, "strict": True},
]
MORE: list[dict[str, Any]] = [
    {"fallbacks": [{"model": "claude-haiku-5-5"}]},
    {"fallbacks": "default"},
    {"inference_geo": "us"},
    {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}},
    {"new_field": 1},
    {"service_tier": "auto"},
]
BETAS = ["files-api-2025-04-14", "made-up-2030-01-01", "context-1m-2025-08-07"]
REQUIRE = ["processing_in=eu", "processing_in=us", "processor=aws", "retention_days=0", "oops"]

Ask = tuple[str, dict[str, Any], dict[str, str]]
"""Kind, body, headers."""


@pytest.fixture
def house(tmp_path: Path, emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> House:
    monkeypatch.setenv("TEST_KEY", emulator.api_key)
    house = House(tmp_path / "config", emulator)
    # What platforms answered before changes the order of a plan; here nothing is to change it.
    house.write(POLICY, order=("anywhere", "frankfurt", "direct"), more=SECTIONS + NO_BREAKER)
    return house


@pytest.fixture
def client(house: House) -> Iterator[gateway.Anthropic]:
    with gateway.Anthropic(gateway=house.config(), max_retries=0) as client:
        yield client


@pytest.fixture
def server(house: House) -> Iterator[Running]:
    with serving(Engine.from_config(house.config())) as running:
        yield running


def asked(rng: random.Random) -> Ask:
    body: dict[str, Any] = {
        "model": rng.choice(["claude-opus-5-5", "claude-haiku-5-5", "claude-fable-5-1"]),
        "messages": [{"role": "user", "content": "hello"}],
    }
    kind = rng.choice(["messages", "messages", "count_tokens"])
    if kind == "messages":
        body["max_tokens"] = 8
    if rng.random() < 0.4:
        body["tools"] = rng.sample(TOOLS, rng.randint(1, 2))
    if rng.random() < 0.3:
        body |= rng.choice(MORE)
    headers: dict[str, str] = {}
    if rng.random() < 0.8:
        headers["x-gateway-class"] = rng.choice(["inner", "open", "care", "nobody"])
    if rng.random() < 0.2:
        headers["x-gateway-require"] = ",".join(rng.sample(REQUIRE, rng.randint(1, 2)))
    if rng.random() < 0.2:
        headers["x-gateway-only"] = rng.choice(["direct", "frankfurt,anywhere", "nowhere"])
    if rng.random() < 0.3:
        headers["anthropic-beta"] = ",".join(rng.sample(BETAS, rng.randint(1, 2)))
    return kind, body, headers


def by_client(client: gateway.Anthropic, ask: Ask) -> tuple[int, Mapping[str, str]]:
    kind, body, headers = ask
    path = "/v1/messages" if kind == "messages" else "/v1/messages/count_tokens"
    try:
        answer = client.post(path, cast_to=httpx2.Response, body=body, options={"headers": headers})
    except anthropic.APIStatusError as error:
        return error.status_code, error.response.headers
    return answer.status_code, answer.headers


def by_server(server: Running, ask: Ask) -> tuple[int, Mapping[str, str]]:
    kind, body, headers = ask
    path = "/v1/messages" if kind == "messages" else "/v1/messages/count_tokens"
    needed = {"anthropic-version": "2023-06-01", "content-type": "application/json"}
    reply = server.ask("POST", path, json.dumps(body).encode(), needed | headers)
    return reply.status, reply.headers


def by_explain(house: House, ask: Ask) -> dict[str, Any]:
    kind, body, headers = ask
    file = house.where / "request.json"
    file.write_text(json.dumps(body))
    named = tuple(f"{name}: {value}" for name, value in headers.items())
    question = Question(headers=named, body=str(file), kind=kind)
    return plain(explained(question, Setting(house.where, ENVIRONMENT)))


def decided(house: House, headers: Mapping[str, str]) -> tuple[list[Any], list[str]]:
    """Return the verdicts and the plan that the journal has of a call."""
    past = recall(lambda: entries(house.journal), headers["x-gateway-decision"])
    assert past is not None
    assert past.candidates is not None
    return [_told(each) for each in past.candidates], past.decision.data["plan"]


def _told(candidate: Mapping[str, Any]) -> tuple[str, bool, list[tuple[str, str]]]:
    reasons = [(reason["rule"], reason["text"]) for reason in candidate["reasons"]]
    return candidate["upstream"], candidate["allowed"], reasons


def test_explain_the_server_and_the_client_decide_a_call_alike(
    house: House, client: gateway.Anthropic, server: Running
) -> None:
    met = {"refused": 0, "planned": 0, "wrong": 0}
    for seed in range(CASES):
        ask = asked(random.Random(seed))
        found = by_explain(house, ask)
        answers = [by_client(client, ask), by_server(server, ask)]
        refused = found["refused"]
        if found["decision"] is None:
            met["wrong"] += 1
            assert [status for status, _ in answers] == [refused["status"]] * 2, (seed, ask)
            continue
        met["planned" if refused is None else "refused"] += 1
        if refused is not None:
            assert [status for status, _ in answers] == [refused["status"]] * 2, (seed, ask)
        told = [_told(each) for each in found["decision"]["candidates"]]
        for _, headers in answers:
            assert decided(house, headers) == (told, found["plan"]), (seed, ask)
    if CASES >= 100:
        assert all(met.values()), met
