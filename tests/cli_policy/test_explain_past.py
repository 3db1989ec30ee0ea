from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway import Anthropic, PolicyDenied
from gateway.emulator import Emulator
from gateway.journal import Journal
from tests.cli_policy.conftest import Run

NOW = 1_795_348_800.0  # 2026-11-22, noon
OF_DECISION = {
    "environment": "prod",
    "class": "customer",
    "model": "claude-opus-5-5",
    "features": ["thinking"],
    "policy_digest": "aa",
    "facts_digest": "bb",
    "verdicts": "v1",
    "plan": ["one", "two"],
    "rejected": [{"upstream": "four", "cause": "model", "reason": "does not serve it"}],
}
CANDIDATES = [
    {"upstream": "one", "allowed": True, "reasons": []},
    {"upstream": "two", "allowed": True, "reasons": []},
    {
        "upstream": "three",
        "allowed": False,
        "reasons": [{"rule": "r-1", "text": "baa UNKNOWN", "fact": "baa", "kind": "unknown"}],
    },
]


@pytest.fixture
def append(folder: Path) -> Callable[[str, dict[str, Any]], None]:
    times = iter(range(10_000))
    journal = Journal.open(folder / "journal", fsync="never", now=lambda: NOW + next(times))
    return journal.append


@pytest.fixture
def journal(append: Callable[[str, dict[str, Any]], None]) -> str:
    append("verdicts", {"id": "v1", "candidates": CANDIDATES})
    for name in ("dec_1", "dec_2"):
        append("decision", {"decision": name, **OF_DECISION})
    append("decision", {"decision": "dec_3", **OF_DECISION, "verdicts": "lost", "plan": []})
    for name in ("dec_1", "dec_2"):
        of = {"decision": name, "attempt": 1, "upstream": "one"}
        append("started", {**of, "host": "one.example"})
        append(
            "failed", {**of, "kind": "throttled", "status": 429, "platform_request_id": "p-" + name}
        )
        of = {"decision": name, "attempt": 2, "upstream": "two"}
        append("finished", {**of, "state": "final", "request_id": "req_" + name})
    return "journal"


def test_a_decision_is_shown_as_it_was(run: Run, journal: str) -> None:
    found = run("explain", "dec_1", "--journal", journal)
    assert found.exit_code == 0
    lines = found.output.splitlines()
    assert lines[0].startswith("decision dec_1, made 2026-11-22T12:00:0")
    assert lines[1] == (
        "class customer, environment prod, model claude-opus-5-5, features thinking"
    )
    assert lines[2:8] == [
        "policy aa, facts bb",
        "ALLOW  one",
        "ALLOW  two",
        "REJECT three  r-1: baa UNKNOWN",
        "left out: four: does not serve it",
        "plan: one, two",
    ]
    assert [line.split(" ", 1)[1] for line in lines[8:]] == [
        "started 1 one: host one.example",
        "failed 1 one: kind throttled, platform_request_id p-dec_1, status 429",
        "finished 2 two: request_id req_dec_1, state final",
    ]


@pytest.mark.parametrize("known", ["req_dec_2", "p-dec_2"])
def test_a_call_is_found_by_a_request_id_of_the_caller_or_of_the_platform(
    run: Run, journal: str, known: str
) -> None:
    found = run("explain", known, "--journal", journal, "--json")
    report = json.loads(found.stdout)
    assert report["decision"]["decision"] == "dec_2"
    assert [each["record"] for each in report["attempts"]] == ["started", "failed", "finished"]
    assert report["candidates"] == CANDIDATES


def test_of_two_calls_with_one_request_id_the_last_is_meant(
    run: Run, append: Callable[[str, dict[str, Any]], None]
) -> None:
    for name in ("dec_1", "dec_2"):
        append("decision", {"decision": name, **OF_DECISION})
        append("finished", {"decision": name, "state": "final", "request_id": "req_again"})
    report = json.loads(run("explain", "req_again", "--journal", "journal", "--json").stdout)
    assert report["decision"]["decision"] == "dec_2"


def test_one_that_allowed_nothing_exits_1_and_lost_verdicts_are_unknown(
    run: Run, journal: str
) -> None:
    found = run("explain", "dec_3", "--journal", journal, "--json")
    assert found.exit_code == 1
    assert json.loads(found.stdout)["candidates"] is None


def test_what_the_journal_does_not_have_is_told(run: Run, journal: str) -> None:
    for wanted in ("dec_9", "req_9"):
        found = run("explain", wanted, "--journal", journal)
        assert found.exit_code == 2
        assert f"has no call {wanted}" in found.stderr


def test_a_torn_end_is_passed_over_and_a_broken_line_is_told(run: Run, journal: str) -> None:
    (file,) = Path(journal).glob("*.jsonl")
    whole = file.read_bytes()
    file.write_bytes(whole[:-30])
    assert run("explain", "dec_2", "--journal", journal).exit_code == 0
    file.write_bytes(whole.replace(b'"kind"', b'"knd"', 1))
    found = run("explain", "dec_2", "--journal", journal)
    assert found.exit_code == 2
    assert "line 1 is no record (`gateway audit verify` says more)" in found.stderr


@pytest.fixture
def configured(folder: Path, emulator: Emulator) -> Path:
    """The bank's policy over the emulated platform, and a journal."""
    config = folder / "config"
    (config / "gateway.toml").write_text(f"""schema = 1
[routing]
order = ["here", "there"]
[upstreams.here]
provider = "anthropic"
api_key = "{"${KEY}"}"
base_url = "{emulator.direct.base_url}"
[upstreams.there]
provider = "anthropic"
api_key = "{"${KEY}"}"
base_url = "{emulator.direct.base_url}"
[policy]
files = ["policies/eu-bank.toml"]
[journal]
dir = "journal"
""")
    facts = {
        "processing_in": '["DE"]',
        "processor": '"aws"',
        "certifications": '["iso27001"]',
    }
    (config / "attestations.toml").write_text(
        "schema = 1\n"
        + "".join(
            f'[[attest]]\nupstream = "here"\nfact = "{name}"\nvalue = {value}\n'
            'assurance = "org"\nevidence = "made up"\n'
            for name, value in facts.items()
        )
    )
    return config


def test_a_real_call_is_explained_by_the_id_that_its_answer_has(
    run: Run, configured: Path, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEY", emulator.api_key)
    monkeypatch.setenv("GATEWAY_ENV", "prod")
    words = "the secret of Mrs Example"
    asked: dict[str, Any] = {
        "model": "claude-opus-5-5",
        "max_tokens": 5,
        "messages": [{"role": "user", "content": words}],
    }
    with Anthropic(gateway=str(configured)) as client:
        answer = client.messages.with_raw_response.create(
            **asked, extra_headers={"x-gateway-class": "internal"}
        )
        with pytest.raises(PolicyDenied) as denied:
            client.messages.create(**asked, extra_headers={"x-gateway-class": "customer"})
    request_id = answer.headers["request-id"]
    report = json.loads(run("explain", request_id, "--json", KEY="x").stdout)
    assert report["decision"]["class"] == "internal"
    assert report["decision"]["plan"] == ["here"]
    assert [each["upstream"] for each in report["candidates"] if each["allowed"]] == ["here"]
    kinds = [each["record"] for each in report["attempts"]]
    assert kinds[0] == "started"
    assert "finished" in kinds
    for found in (
        run("explain", request_id, KEY="x"),
        run("explain", request_id, "--json", KEY="x"),
    ):
        assert words not in found.output
    past = denied.value.response.headers["x-gateway-decision"]
    refused = run("explain", past, KEY="x")
    assert refused.exit_code == 1
    assert "plan: NONE" in refused.output
    now = run("explain", "--class", "customer", "--model", "claude-opus-5-5", "--json", KEY="x")
    assert run("explain", past, "--json", KEY="x").exit_code == now.exit_code == 1
    then = json.loads(run("explain", past, "--json", KEY="x").stdout)
    today = json.loads(now.stdout)["decision"]["candidates"]
    assert [(each["upstream"], each["reasons"]) for each in then["candidates"]] == [
        (each["upstream"], each["reasons"]) for each in today
    ]
