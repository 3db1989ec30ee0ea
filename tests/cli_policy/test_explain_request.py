from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.boundary import load
from gateway.call import read_call
from gateway.config import load as load_config
from gateway.judging import judge
from providers.contract import Kind
from tests.cli_policy.conftest import Run

CUSTOMER = ("explain", "--class", "customer", "--model", "claude-opus-5-5")
BODY: dict[str, Any] = {
    "model": "claude-opus-5-5",
    "max_tokens": 5,
    "messages": [{"role": "user", "content": "the secret of Mrs Example"}],
}


def explained(run: Run, *arguments: str, stdin: str | None = None) -> dict[str, Any]:
    found = run(*arguments, "--json", stdin=stdin)
    assert "Traceback" not in found.output
    report: dict[str, Any] = json.loads(found.stdout)
    return report


def test_every_upstream_is_shown_with_the_rule_that_rejects_it(run: Run) -> None:
    found = run(*CUSTOMER)
    assert found.exit_code == 0
    lines = found.output.splitlines()
    assert lines[0] == "class: customer; environment: prod; model: claude-opus-5-5"
    assert "allowed: frankfurt" in lines
    assert "ALLOW  frankfurt" in lines
    (london,) = [line for line in lines if line.startswith("REJECT london")]
    assert "eu-baseline: processing_in=['GB'] not within eu" in london
    assert lines[-1] == "plan: frankfurt"


def test_nothing_allowed_exits_1_and_names_the_rules(run: Run) -> None:
    found = run(*CUSTOMER, "--feature", "web_search")
    assert found.exit_code == 1
    assert "allowed: NONE" in found.output
    assert "refused: 403 permission_error: No upstream is allowed" in found.output
    assert "gdpr-customer: feature web_search is forbidden" in found.output


def test_what_a_platform_is_certain_to_refuse_is_a_reason(run: Run) -> None:
    body = json.dumps({**BODY, "max_tokens": 128_001})
    found = run("explain", "--class", "customer", "--body", "-", stdin=body)
    assert found.exit_code == 2
    reason = "max_tokens: claude-opus-5-5 answers at most 128000 tokens on Amazon Bedrock"
    assert f"left out: frankfurt: {reason}" in found.output.splitlines()


def test_an_unlabelled_request_is_shown_with_the_class_it_gets(run: Run) -> None:
    found = run("explain", "--model", "claude-opus-5-5")
    assert found.output.startswith("class: none, so customer; ")


def test_an_unknown_class_is_a_rejection(run: Run) -> None:
    found = run("explain", "--class", "secret", "--model", "claude-opus-5-5")
    assert found.exit_code == 1
    assert "eu-bank: class secret is unknown" in found.output


def test_the_environment_is_that_of_the_configuration(run: Run) -> None:
    found = run(*CUSTOMER, "--env", "dev")
    assert found.exit_code == 1
    assert "no permit for class customer in dev" in found.output


def test_why_not_tells_missing_facts_from_violated_ones(run: Run) -> None:
    report = explained(run, *CUSTOMER, "--why-not", "london")
    remedies = {each["fact"]: each["remedy"] for each in report["why_not"]["reasons"]}
    assert remedies["processing_in"] == "none"
    assert remedies["private_network"] == "attestation"
    assert "no attestation would let it" in run(*CUSTOMER, "--why-not", "london").output
    report = explained(run, *CUSTOMER, "--feature", "batch", "--why-not", "frankfurt")
    assert {each["remedy"] for each in report["why_not"]["reasons"]} == {"request"}


def test_why_not_names_the_attestations_that_would_do(run: Run) -> None:
    attestations = Path("config/attestations.toml")
    text = attestations.read_text()
    attestations.write_text(text.replace('fact = "private_network"', 'fact = "baa"'))
    found = run(*CUSTOMER, "--why-not", "frankfurt")
    assert "attest private_network of frankfurt: true, at least org" in found.output
    assert "facts alone would let it, were they so: private_network" in found.output
    attestations.write_text(text)
    assert "why not frankfurt: it is in the plan" in run(*CUSTOMER, "--why-not", "frankfurt").output


def test_why_not_sends_to_a_probe_where_several_places_are_known(run: Run) -> None:
    main = Path("config/gateway.toml")
    text = main.read_text().replace(
        'region = "eu-west-2"', 'region = "eu-central-1"\nprofile = "eu"'
    )
    main.write_text(
        text.replace('"anthropic.claude-opus-5-5" }', '"eu.anthropic.claude-opus-5-5" }')
    )
    report = explained(run, *CUSTOMER, "--why-not", "london")
    remedies = {each["fact"]: each["remedy"] for each in report["why_not"]["reasons"]}
    assert remedies["processing_in"] == remedies["storage_in"] == "probe"
    assert (
        "configure fewer places, or let a probe find them"
        in run(*CUSTOMER, "--why-not", "london").output
    )


def test_what_another_cause_than_policy_leaves_out_is_told_apart(run: Run) -> None:
    found = run(
        "explain", "--class", "internal", "--model", "claude-opus-4-5", "--why-not", "frankfurt"
    )
    assert found.exit_code == 1
    assert "allowed: frankfurt" in found.output
    assert "left out: frankfurt: does not serve claude-opus-4-5" in found.output
    assert "policy allows it, but: does not serve" in found.output


def test_a_body_is_read_as_the_doors_read_it(run: Run) -> None:
    tool = {"type": "web_search_20250305", "name": "web_search"}
    Path("request.json").write_text(json.dumps({**BODY, "tools": [tool, {"type": "new_1"}]}))
    report = explained(run, "explain", "--class", "customer", "--body", "request.json")
    assert report["request"]["features"] == ["unknown:new_1", "web_search"]
    assert report["decision"]["allowed"] == report["plan"] == []
    assert report["refused"]["status"] == 403


def test_no_content_is_shown(run: Run) -> None:
    for arguments in ([], ["--json"]):
        found = run("explain", "--body", "-", *arguments, stdin=json.dumps(BODY))
        assert found.exit_code == 0
        assert "Mrs Example" not in found.output


@pytest.mark.parametrize("kind", ["messages", "count_tokens"])
@pytest.mark.parametrize("label", [None, "customer", "internal", "nobody"])
@pytest.mark.parametrize("beta", [(), ("files-api-2025-04-14", "made-up-2030-01-01")])
def test_it_decides_as_the_doors_do(
    run: Run, kind: str, label: str | None, beta: tuple[str, ...]
) -> None:
    arguments = ["explain", "--body", "-", "--kind", kind]
    headers = [("anthropic-version", "2023-06-01")]
    for each in beta:
        arguments += ["--beta", each]
    if beta:
        headers.append(("anthropic-beta", ",".join(beta)))
    if label is not None:
        arguments += ["--class", label]
        headers.append(("x-gateway-class", label))
    report = explained(run, *arguments, stdin=json.dumps(BODY))
    environ = {"KEY": "made-up", "OTHER_KEY": "other", "GATEWAY_ENV": "prod"}
    in_force = load(load_config("config", environ))
    assert in_force is not None
    call = read_call(Kind(kind), tuple(headers), json.dumps(BODY).encode())
    judged = judge(call, "claude-opus-5-5", in_force, 1_795_348_800.0)
    assert report["decision"]["allowed"] == list(judged.decision.allowed)
    reasons = [[str(reason) for reason in each.reasons] for each in judged.decision.candidates]
    assert reasons == [
        [f"{reason['rule']}: {reason['text']}" for reason in each["reasons"]]
        for each in report["decision"]["candidates"]
    ]


def test_a_caller_may_assert_only_its_classes(run: Run) -> None:
    assert run(*CUSTOMER, "--key", "teller").exit_code == 0
    for arguments in (
        ("explain", "--class", "internal", "--model", "claude-opus-5-5", "--key", "teller"),
        (*CUSTOMER, "--key", "key-1"),
    ):
        found = run(*arguments)
        assert found.exit_code == 1
        assert "refused: 403 permission_error" in found.output
        assert "may not" in found.output


def test_a_header_is_taken_as_it_would_be_sent(run: Run) -> None:
    model = ("--model", "claude-opus-5-5")
    found = run("explain", *model, "--header", "X-Gateway-Class: internal")
    assert found.output.startswith("class: internal;")
    refused = run("explain", *model, "--header", "x-gateway-clas: internal")
    assert refused.exit_code == 2
    assert "refused: 400" in refused.output
    only = run("explain", *model, "--header", "x-gateway-only: london")
    assert "left out: frankfurt: not named in x-gateway-only" in only.output


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--model", "claude-nope"], "404 not_found_error"),
        (["--body", "-"], "400 invalid_request_error: The request body is not a JSON object"),
        (["--body", "nowhere.json"], "nowhere.json: cannot be read: No such file"),
        (["--body", "."], "cannot be read: Is a directory"),
        ([], "name a --model"),
        (["--model", "claude-opus-5-5", "--body", "-"], "the body names the model"),
        (["--model", "claude-opus-5-5", "--feature", "web_serch"], "did you mean web_search?"),
        (["--model", "claude-opus-5-5", "--why-not", "frankfort"], "did you mean frankfurt?"),
        (["--model", "claude-opus-5-5", "--key", "tellr"], "did you mean teller?"),
        (["--model", "claude-opus-5-5", "--kind", "batch"], "messages, count_tokens"),
        (["--model", "claude-opus-5-5", "--header", "x-app"], "is no NAME:VALUE"),
        (["req_1", "--class", "customer"], "an ID is explained as it was"),
        (["--model", "claude-opus-5-5", "--config", "nowhere"], "there is no nowhere/gateway.toml"),
    ],
)
def test_what_cannot_be_asked_exits_2(run: Run, arguments: list[str], told: str) -> None:
    found = run("explain", *arguments, stdin="no JSON")
    assert found.exit_code == 2, found.output
    assert told in found.output
    assert "Traceback" not in found.output


def test_a_broken_policy_is_no_answer(run: Run) -> None:
    Path("config/policies/eu-bank.toml").write_text("schema = 1\nname = 'x'\nclass = 1\n")
    found = run(*CUSTOMER)
    assert found.exit_code == 2
    assert "eu-bank.toml:3: class: unknown key (did you mean classes?)" in found.stderr


def test_without_a_policy_it_says_so(run: Run) -> None:
    main = Path("config/gateway.toml")
    main.write_text(main.read_text().replace('["policies/eu-bank.toml"]', "[]"))
    found = run("explain", "--model", "claude-opus-5-5")
    assert found.exit_code == 0
    assert found.output.startswith("policy: none: any upstream in use may get any request\n")
    assert "plan: frankfurt, london, direct" in found.output
    labelled = run(*CUSTOMER)
    assert labelled.exit_code == 1
    assert "there is no policy that says where this class may go" in labelled.output


def test_a_block_shows_with_its_reason(run: Run) -> None:
    run("policy", "block", "frankfurt", "--because", "incident 7")
    report = explained(run, *CUSTOMER, "--why-not", "frankfurt")
    (reason,) = report["why_not"]["reasons"]
    assert (reason["text"], reason["remedy"]) == ("blocked: incident 7", "policy")
