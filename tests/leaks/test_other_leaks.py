"""More ways out: what a request says of itself, what the environment says, and who answers."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from gateway.call import Caller
from gateway.engine import Engine
from tests.leaks.company import BEDROCK, BRISK, DIRECT, HEAD, VERTEX, Company
from tests.leaks.doors import Door, asked
from tests.leaks.places import EU, PROFILES, US
from tests.leaks.test_five_leaks import OUT_OF_THE_UNION
from tests.server.serving import HEADERS, serving

ELSEWHERE = "elsewhere.example"


@pytest.mark.parametrize("status", [302, 307])
def test_a_redirect_is_not_followed(company: Company, door: Door, status: int) -> None:
    company.write(["belgium", "google-us"])
    for host in (VERTEX("us-east5"), ELSEWHERE):
        there = (("location", f"https://{host}/v1/messages"),)
        company.emulator.faults.add("status", status=status, times=-1, headers=there)
    door(company.config(), asked())
    company.stayed(EU)
    assert set(company.hosts.asked) == {VERTEX("europe-west1")}


FALLBACKS = {
    "a model that takes no geography": [{"model": "claude-haiku-4-5"}],
    "an id with a profile": [{"model": "global.anthropic.claude-opus-5-5"}],
    "an ARN": [{"model": "arn:aws:bedrock:us-east-1:1:inference-profile/eu.anthropic.claude-x"}],
    "a model that nobody knows": [{"model": "claude-next"}],
    "an odd list": ["claude-haiku-4-5"],
}


@pytest.mark.parametrize("named", FALLBACKS)
def test_a_model_inside_the_body_is_no_way_out(company: Company, door: Door, named: str) -> None:
    company.write(["direct-us", "direct", "direct-global"])
    told = door(company.config(), asked("states", fallbacks=FALLBACKS[named]))
    assert (told.status, company.log) == (403, []), told.body
    company.stayed(US)


@pytest.mark.parametrize("named", [*FALLBACKS, "the platform's choice"])
def test_a_rule_about_models_holds_for_those_inside(
    company: Company, door: Door, named: str
) -> None:
    rule = '[[rule]]\nid = "opus-only"\nforbid.models = ["claude-haiku-*"]\n'
    company.write(["direct"], policy=HEAD + rule)
    told = door(company.config(), asked("anything", fallbacks=FALLBACKS.get(named, "default")))
    assert (told.status, company.log) == (403, []), told.body


@pytest.mark.parametrize("place", ["tools", "system", "messages"])
def test_an_advisor_is_no_way_out(company: Company, door: Door, place: str) -> None:
    """A tool may be brought in by the top level or inside of content; its model sees it all."""
    company.write(["direct-us", "direct"])
    advisor = {"type": "advisor_20260301", "name": "advisor", "model": "claude-haiku-4-5"}
    brought = {"type": "tool_addition", "tool": {"type": "tool", "definition": advisor}}
    user = {"role": "user", "content": "hello"}
    bodies: dict[str, dict[str, Any]] = {
        "tools": {"tools": [advisor]},
        "system": {"system": [brought]},
        "messages": {"messages": [user, {"role": "system", "content": [brought]}]},
    }
    told = door(company.config(), asked("states", **bodies[place]))
    assert (told.status, company.log) == (403, []), told.body


@pytest.mark.parametrize(
    "asks",
    [
        "us.anthropic.claude-opus-5-5",
        "global.anthropic.claude-opus-5-5",
        "bedrock/us-east-1/anthropic.claude-opus-5-5",
        "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-opus-5-5",
        "vertex_ai/claude-opus-5-5",
        "claude-opus-5-5@default",
    ],
)
def test_a_model_id_opens_nothing(company: Company, door: Door, asks: str) -> None:
    """An id with a place in it narrows; it never moves a request there."""
    company.write([*OUT_OF_THE_UNION, "belgium"])
    door(company.config(), asked(model=asks))
    company.stayed(EU)


@pytest.mark.parametrize("only", ["america", "america,direct", "eu-frankfurt,america"])
def test_naming_an_upstream_does_not_open_it(company: Company, door: Door, only: str) -> None:
    company.write(["belgium", "america", "direct", "eu-frankfurt"])
    told = door(company.config(), asked(headers={"x-gateway-only": only}))
    assert (told.status, company.log, company.hosts.asked) == (403, [], [])


@pytest.mark.parametrize("name", ["anthropic-workspace-id", "anthropic-user-profile-id"])
def test_a_caller_chooses_no_account(company: Company, door: Door, name: str) -> None:
    company.write(["direct-us"])
    told = door(company.config(), asked("states", headers={name: "wrkspc_of_somebody"}))
    assert told.status in {400, 403}
    assert (company.log, company.hosts.asked) == ([], [])


@pytest.mark.parametrize(
    "required", ["processing_in=member-states", "processor=google", "platforms=vertex"]
)
def test_what_a_caller_requires_is_kept_in_every_attempt(
    company: Company, door: Door, required: str
) -> None:
    company.write(["direct", "america", "belgium", "eu-frankfurt", "google-us", "member-states"])
    company.emulator.faults.add("status", status=500, times=-1)
    headers = {"x-gateway-require": required}
    door(company.config(), asked("anything", headers=headers))
    assert company.log
    assert {record.platform for record in company.log} == {"vertex"}
    if required.startswith("processing_in"):
        company.stayed(EU)


@pytest.mark.parametrize("label", ["x-gateway-class", "x-gateway-require"])
def test_without_a_policy_a_label_is_refused(company: Company, door: Door, label: str) -> None:
    company.write(["direct", "america"], sections=BRISK.replace("policies/company.toml", ""))
    text = (company.where / "gateway.toml").read_text().replace('files = [""]', "files = []")
    (company.where / "gateway.toml").write_text(text)
    value = "union" if label == "x-gateway-class" else "processing_in=eu"
    told = door(company.config(), asked(headers={label: value}))
    assert (told.status, company.log, company.hosts.asked) == (403, [], [])


VARIABLES = {
    "ANTHROPIC_BASE_URL": f"https://{ELSEWHERE}",
    "ANTHROPIC_BEDROCK_BASE_URL": f"https://{ELSEWHERE}",
    "ANTHROPIC_BEDROCK_MANTLE_BASE_URL": f"https://{ELSEWHERE}",
    "ANTHROPIC_VERTEX_BASE_URL": f"https://{ELSEWHERE}/v1",
    "ANTHROPIC_AWS_BASE_URL": f"https://{ELSEWHERE}",
    "AWS_ENDPOINT_URL": f"https://{ELSEWHERE}",
    "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": f"https://{ELSEWHERE}",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "CLOUD_ML_REGION": "us-east5",
    "ANTHROPIC_API_KEY": "of-somebody",
    "HTTPS_PROXY": f"http://{ELSEWHERE}:3128",
    "ALL_PROXY": f"http://{ELSEWHERE}:3128",
}


def test_variables_of_the_sdks_move_nothing(
    company: Company, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    company.environ = dict(VARIABLES)
    company.write(["direct-us", "europe", "belgium"])
    company.emulator.faults.add("status", status=500, times=-1)
    door(company.config(), asked("anything"))
    hosts = {DIRECT, BEDROCK("eu-central-1"), VERTEX("europe-west1")}
    assert set(company.hosts.asked) == hosts
    keys = {record.header("x-api-key") for record in company.log} - {None}
    assert keys == {company.emulator.api_key}


@pytest.mark.parametrize("told_twice", ["messages", "model", "inference_geo", "fallbacks"])
def test_a_body_with_two_readings_goes_nowhere(company: Company, told_twice: str) -> None:
    """Written out by hand: an SDK would not send it, another client may."""
    company.write(["direct-us"])
    usual = json.dumps(dict(asked().body))[1:-1]
    twice = {
        "model": '"model": "claude-haiku-4-5"',
        "inference_geo": '"inference_geo": "us", "inference_geo": "global"',
        "fallbacks": '"fallbacks": [{"model": "claude-opus-5-5", "model": "claude-haiku-4-5"}]',
        "messages": '"messages": []',
    }[told_twice]
    with serving(Engine.from_config(company.config()), drain_s=0.1) as running:
        reply = running.call(
            f"{{{usual}, {twice}}}".encode(), HEADERS | {"x-gateway-class": "states"}
        )
    assert (reply.status, company.log) == (400, [])


def test_a_profile_that_is_known_by_its_model_alone_is_judged_by_it(
    company: Company, door: Door
) -> None:
    """`eu-renamed` is in Europe for other models, and anywhere for this one."""
    company.write(["eu-renamed"])
    refused = door(company.config(), asked("wide"))
    assert (refused.status, company.log) == (403, [])
    told = door(company.config(), asked("wide", model="claude-sonnet-5-5"))
    assert told.status == 200
    company.stayed(PROFILES["eu"])


@pytest.mark.parametrize("word", ["refuse", "keep"])
@pytest.mark.parametrize("geo", ["global", "eu", "US"])
def test_a_geography_of_the_callers_own_is_refused_or_held_to_the_rules(
    company: Company, door: Door, word: str, geo: str
) -> None:
    company.write(["direct-us", "direct"], policy=f'{HEAD}[hatches]\ninference_geo = "{word}"\n')
    told = door(company.config(), asked("states", inference_geo=geo))
    assert (told.status, company.log) == (403, [])


def test_a_geography_of_the_callers_own_is_a_policys_to_leave(company: Company, door: Door) -> None:
    kept = HEAD + '[hatches]\ninference_geo = "keep"\n'
    company.write(["direct"], policy=HEAD)
    refused = door(company.config(), asked("anything", inference_geo="us"))
    assert (refused.status, company.log) == (403, [])
    company.write(["direct"], policy=kept)
    told = door(company.config(), asked("anything", inference_geo="us"))
    assert told.status == 200
    company.stayed(US)


FEATURES: dict[str, dict[str, Any]] = {
    "mcp servers": {"mcp_servers": [{"type": "url", "name": "x", "url": "https://x.example"}]},
    "a container": {"container": "container_1"},
    "code execution": {"tools": [{"type": "code_execution_20250825", "name": "code_execution"}]},
    "web search": {"tools": [{"type": "web_search_20250305", "name": "web_search"}]},
    "a tool of tomorrow": {"tools": [{"type": "teleport_20270101", "name": "teleport"}]},
    "a field of tomorrow": {"send_a_copy_to": "https://x.example"},
    "a thread": {"thread": {"type": "create"}},
    "the platform's fallback": {"fallbacks": "default"},
}


@pytest.mark.parametrize("feature", FEATURES)
def test_a_feature_that_sends_content_on_is_forbidden_where_a_rule_says_so(
    company: Company, door: Door, feature: str
) -> None:
    rule = """
[[rule]]
id = "stays-with-the-model"
forbid.features = [
  "mcp_connector", "code_execution", "web_search", "server_thread", "server_fallback",
]
"""
    company.write(["direct", "direct-us"], policy=HEAD + rule)
    told = door(company.config(), asked("anything", **FEATURES[feature]))
    assert (told.status, company.log) == (403, []), told.body
    assert "stays-with-the-model" in told.message


def test_without_a_policy_a_key_with_layers_is_refused(company: Company) -> None:
    """Somebody meant its calls to be narrowed, and nothing is there to narrow them."""
    company.write(["direct"], sections=BRISK.replace('files = ["policies/company.toml"]', ""))
    callers = {"a-key": Caller("team", layers=frozenset({"team"})), "other": Caller("other")}
    with serving(Engine.from_config(company.config()), callers=callers, drain_s=0.1) as running:
        refused = running.call(asked().body, HEADERS | {"x-api-key": "a-key"})
        served = running.call(asked().body, HEADERS | {"x-api-key": "other"})
    assert (refused.status, served.status, len(company.log)) == (403, 200, 1)


@pytest.mark.parametrize(
    "path",
    ["/v1/agents", "/v1/vaults", "/v1/complete", "/v1/messages/../models", "/v1/sessions"],
)
def test_what_nobody_serves_is_sent_nowhere(company: Company, door: Door, path: str) -> None:
    company.write(["direct", "belgium"])
    told = door(company.config(), replace(asked("anything"), at=path))
    assert told.status in {404, 405, 501}
    assert (company.log, company.hosts.asked) == ([], [])
