from __future__ import annotations

import json
from pathlib import Path

from tests.cli_policy.conftest import EXAMPLES, Run

TESTS = Path("config/policies/eu-bank_test.toml")
OWN = """[[test]]
name = "customer data stays in Frankfurt"
request = { environment = "prod", class = "customer", model = "claude-opus-5-5" }
allowed = ["frankfurt"]
"""


def test_the_worked_examples_hold(run: Run) -> None:
    found = run("policy", "test", str(EXAMPLES))
    assert found.exit_code == 0
    assert found.output.count("0 failed") == 3


def test_without_upstreams_of_their_own_tests_run_over_the_configured_ones(run: Run) -> None:
    TESTS.write_text(OWN)
    assert run("policy", "test").output == "config/policies/eu-bank_test.toml: 1 passed, 0 failed\n"
    attestations = Path("config/attestations.toml")
    attestations.write_text("schema = 1\n")
    found = run("policy", "test")
    assert found.exit_code == 1
    assert "allowed: expected ['frankfurt'], got []" in found.output


def test_each_test_file_is_for_the_policy_beside_it_alone(run: Run) -> None:
    TESTS.write_text(OWN)
    strict = BANK_LAYER.replace("NAME", "strict")
    Path("config/policies/strict.toml").write_text(strict)
    found = run("policy", "test", "config/policies")
    assert found.exit_code == 0
    assert "note: config/policies/strict.toml has no tests beside it" in found.output


def test_a_failure_says_what_was_expected_and_what_came(run: Run) -> None:
    TESTS.write_text(OWN.replace('["frankfurt"]', '["london"]\nnever = ["frankfurt"]'))
    found = run("policy", "test", str(TESTS), "--json")
    assert found.exit_code == 1
    report = json.loads(found.stdout)
    (test,) = report["files"][0]["tests"]
    assert test["differences"] == [
        "allowed: expected ['london'], got ['frankfurt']",
        "never: frankfurt is allowed",
    ]


def test_a_policy_file_stands_for_its_tests(run: Run) -> None:
    TESTS.write_text(OWN)
    assert run("policy", "test", "config/policies/eu-bank.toml").exit_code == 0


def test_tests_without_their_policy_are_told(run: Run) -> None:
    Path("lost_test.toml").write_text(OWN)
    found = run("policy", "test", "lost_test.toml")
    assert found.exit_code == 1
    assert "tests lost.toml, which is not beside it" in found.stderr


def test_a_directory_without_tests_is_no_success(run: Run) -> None:
    found = run("policy", "test")
    assert found.exit_code == 1
    assert "has no tests in it" in found.stderr


def test_a_mistake_in_tests_has_its_line_in_json_too(run: Run) -> None:
    TESTS.write_text(OWN.replace("allowed", "alowed"))
    found = run("policy", "test", "--json")
    assert found.exit_code == 1
    mistakes = json.loads(found.stdout)["mistakes"]
    assert [(each["line"], each["key"]) for each in mistakes] == [(4, "test[0].alowed")]


BANK_LAYER = """schema = 1
name = "NAME"
[layer]
[[rule]]
id = "NAME"
forbid.upstreams = ["*"]
"""
