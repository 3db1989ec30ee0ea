from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli_policy.conftest import EXAMPLES, Run

BANK = Path("config/policies/eu-bank.toml")


def test_the_worked_examples_have_nothing_odd_in_them(run: Run) -> None:
    found = run("policy", "lint", str(EXAMPLES))
    assert (found.exit_code, found.output) == (0, "0 errors, 0 warnings\n")


def test_what_is_in_force_is_looked_at_together(run: Run) -> None:
    found = run("policy", "lint")
    assert (found.exit_code, found.output) == (0, "0 errors, 0 warnings\n")


def test_permits_for_other_environments_are_not_tried_over_this_ones_upstreams(run: Run) -> None:
    Path("config/environments/dev.toml").write_text("routing.order = ['direct']\n")
    assert run("policy", "lint", GATEWAY_ENV="dev").exit_code == 0
    Path("config/environments/prod.toml").write_text("routing.order = ['direct']\n")
    found = run("policy", "lint")
    assert found.exit_code == 1
    assert "eu-bank.toml:24: permit[1]: nobody can use this" in found.output
    assert "in staging" not in found.output


def test_a_block_makes_no_permit_a_mistake(run: Run) -> None:
    run("policy", "block", "*", "--because", "incident")
    assert run("policy", "lint").exit_code == 0


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("require.cmek = true", "", "constrains nothing"),
        ('require.processing_in = "eu"', 'require.processing_in = "eea2"', "unknown zone eea2"),
        ("require.cmek", "require.cmk", "unknown key (did you mean cmek?)"),
        (
            'environments = ["staging", "prod"]\nrequire',
            "environments = ['test']\nrequire",
            "unreachable",
        ),
        ("require.cmek = true", "forbid.upstreams = ['dublin']", "dublin fits no upstream"),
        ('name = "eu-bank"', 'name = "eu-bank', "is no TOML"),
    ],
)
def test_a_mistake_is_told_with_file_and_line(run: Run, old: str, new: str, told: str) -> None:
    text = BANK.read_text()
    assert old in text
    BANK.write_text(text.replace(old, new))
    for arguments in (["policy", "lint"], ["policy", "lint", str(BANK)]):
        found = run(*arguments)
        assert found.exit_code == 1
        (line,) = [each for each in found.output.splitlines() if told in each]
        assert "eu-bank.toml:" in line
        assert "Traceback" not in found.output


def test_what_ends_within_two_weeks_is_a_warning(run: Run) -> None:
    attestations = Path("config/attestations.toml")
    text = attestations.read_text()
    attestations.write_text(text.replace('"ticket 9"', '"ticket 9"\nexpires = 2020-01-01'))
    found = run("policy", "lint", "--json")
    report = json.loads(found.stdout)
    (warning, *_) = [each for each in report["findings"] if not each["error"]]
    assert warning["message"] == "retention_days of frankfurt has ended"
    assert (warning["line"], warning["key"]) == (14, "attest[1].expires")


def test_an_attestation_for_nothing_is_a_warning(run: Run) -> None:
    attestations = Path("config/attestations.toml")
    attestations.write_text(attestations.read_text().replace('"frankfurt"', '"frankfort"', 1))
    found = run("policy", "lint")
    assert "frankfort fits no upstream (did you mean frankfurt?)" in found.output


def test_no_policy_at_all_is_no_success(run: Run) -> None:
    main = Path("config/gateway.toml")
    main.write_text(main.read_text().partition("[policy]")[0])
    found = run("policy", "lint")
    assert found.exit_code == 1
    assert found.output.startswith("error: no policy is in force: [policy] files is empty")


@pytest.mark.parametrize("arguments", [["nowhere.toml"], ["empty"]])
def test_what_is_not_there_is_one_line(run: Run, arguments: list[str]) -> None:
    Path("empty").mkdir()
    found = run("policy", "lint", *arguments)
    assert found.exit_code == 1
    assert arguments[0] in found.output
    assert len(found.output.splitlines()) <= 2


def test_a_layer_by_itself_has_no_idle_rules(run: Run) -> None:
    layer = "schema = 1\nname = 'team'\nlayer.keys = ['team']\n"
    Path("team.toml").write_text(layer + "[[rule]]\nid = 'x'\nrequire.baa = true\n")
    found = run("policy", "lint", "team.toml")
    assert (found.exit_code, found.output) == (0, "0 errors, 0 warnings\n")


def test_what_is_wrong_in_force_is_a_finding_in_json_too(run: Run) -> None:
    BANK.write_text(BANK.read_text().replace("require.cmek", "require.cmk"))
    found = run("policy", "lint", "--json")
    assert found.exit_code == 1
    (finding,) = json.loads(found.stdout)["findings"]
    assert finding["error"]
    assert finding["key"] == "rule[2].require.cmk"
