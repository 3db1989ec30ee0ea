from __future__ import annotations

from pathlib import Path

import pytest

from gateway.policy.compiling import Compiled, compile_policies
from gateway.policy.deciding import decide
from gateway.policy.decision import Request
from gateway.policy.explain import as_json, rows, summary, table, why_not
from gateway.policy.facts import FactSheet
from gateway.policy.files import read_policy
from gateway.policy.lint import lint
from gateway.policy.scenarios import read_scenarios, run

EXAMPLES = Path(__file__).parents[3] / "config" / "policies"
NAMES = ["eu-bank", "us-hospital", "us-federal"]
NOW = 1_795_348_800.0  # 2026-11-22, noon
CUSTOMER = Request("prod", "customer", "claude-opus-5-5")


@pytest.mark.parametrize("name", NAMES)
def test_an_example_decides_as_the_tests_beside_it_say(name: str) -> None:
    policy, tests = EXAMPLES / f"{name}.toml", EXAMPLES / f"{name}_test.toml"
    compiled = compile_policies([read_policy(policy.name, policy.read_text())])
    outcomes = run(read_scenarios(tests.name, tests.read_text()), compiled, FactSheet(()), NOW)
    assert [(each.name, each.differences) for each in outcomes if not each.passed] == []
    assert outcomes


@pytest.mark.parametrize("name", NAMES)
def test_an_example_has_nothing_odd_in_it(name: str) -> None:
    policy, tests = EXAMPLES / f"{name}.toml", EXAMPLES / f"{name}_test.toml"
    facts = read_scenarios(tests.name, tests.read_text()).facts
    assert facts is not None
    read = read_policy(policy.name, policy.read_text())
    assert [str(each) for each in lint([read], facts, ["claude-opus-5-5"], NOW)] == []


def test_every_policy_of_the_project_is_tested() -> None:
    files = {file.stem for file in EXAMPLES.glob("*.toml")}
    assert files == {*NAMES, *(f"{name}_test" for name in NAMES)}


def test_the_rows_name_the_rules(bank: Compiled, bank_facts: FactSheet) -> None:
    decision = decide(bank, bank_facts, CUSTOMER, NOW)
    by_name = {upstream: (word, text) for word, upstream, text in rows(decision)}
    assert decision.allowed == ("bedrock-frankfurt", "bedrock-eu")
    assert by_name["bedrock-frankfurt"] == ("ALLOW", "")
    assert by_name["bedrock-london"] == (
        "REJECT",
        (
            "eu-baseline: processing_in=['GB'] not within eu; "
            "gdpr-customer: storage_in=['GB'] not within eu"
        ),
    )
    assert by_name["bedrock-global"][1].startswith(
        "eu-baseline: processing_in=['*'] not within eu; eu-baseline: certifications UNKNOWN"
    )
    assert by_name["vertex-eu"] == (
        "REJECT",
        "gdpr-customer: retention_days UNKNOWN (assurance hint < org)",
    )


def test_the_table_begins_with_what_is_allowed(bank: Compiled, bank_facts: FactSheet) -> None:
    text = table(decide(bank, bank_facts, CUSTOMER, NOW))
    assert text.startswith("allowed: bedrock-frankfurt, bedrock-eu\nREJECT direct-us          eu-")
    nothing = decide(bank, bank_facts, CUSTOMER._replace(environment="dev"), NOW)
    assert table(nothing).startswith("allowed: NONE\n")
    assert "eu-bank" in summary(nothing)


def test_why_not_names_the_fact_that_would_change_it(bank: Compiled, bank_facts: FactSheet) -> None:
    decision = decide(bank, bank_facts, CUSTOMER, NOW)
    assert why_not(decision, "bedrock-frankfurt") == []
    assert why_not(decision, "vertex-eu") == [
        (
            "gdpr-customer: retention_days UNKNOWN (assurance hint < org); "
            "attest retention_days of vertex-eu: at most 0, at least org"
        )
    ]
    assert "no attestation would change" in why_not(decision, "bedrock-london")[0]
    with pytest.raises(LookupError, match="did you mean vertex-eu"):
        why_not(decision, "vertex-eo")


def test_what_programs_read_says_the_same(bank: Compiled, bank_facts: FactSheet) -> None:
    decision = decide(bank, bank_facts, CUSTOMER, NOW)
    data = as_json(decision)
    assert data["allowed"] == ["bedrock-frankfurt", "bedrock-eu"]
    assert data["policy_digest"] == bank.digest
    assert data["facts_digest"] == bank_facts.digest
    (reason,) = next(c["reasons"] for c in data["candidates"] if c["upstream"] == "vertex-eu")
    assert (reason["rule"], reason["fact"], reason["kind"]) == (
        "gdpr-customer",
        "retention_days",
        "assurance",
    )
