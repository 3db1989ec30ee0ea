from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config.mistakes import ConfigError
from gateway.policy.attestations import Attestations
from gateway.policy.compiling import compile_policies
from gateway.policy.facts import FactSheet
from gateway.policy.files import read_policy
from gateway.policy.lint import lint
from gateway.policy.places import Where
from gateway.policy.scenarios import read_scenarios, run
from gateway.policy.sheet import fact_sheet

EXAMPLES = Path(__file__).parents[3] / "config" / "policies"
NOW = 1_795_348_800.0  # 2026-11-22, noon

HEAD = """schema = 1
name = "p"
unlabelled = "a"
[classes]
a = "one"
[[permit]]
classes = ["a"]
environments = ["prod"]
"""


def wrong(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read_policy("p.toml", HEAD + text)
    return [str(each) for each in caught.value.mistakes]


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("[[rule]]\nid = 'x'\n", "p.toml:9: rule[0]: rule x constrains nothing"),
        (
            "[[rule]]\nid = 'x'\nrequire.assurance = 'verified'\n",
            "p.toml:9: rule[0]: rule x constrains nothing",
        ),
        (
            "[[rule]]\nid = 'x'\nrequire.procesing_in = 'eu'\n",
            "p.toml:11: rule[0].require.procesing_in: unknown key (did you mean processing_in?)",
        ),
        (
            "[[rule]]\nid = 'x'\nrequire.processing_in = 'eaa'\n",
            "p.toml:11: rule[0].require.processing_in: unknown zone eaa (did you mean eea?)",
        ),
        (
            "[[rule]]\nid = 'x'\nclasses = ['b']\nrequire.baa = true\n",
            "p.toml:11: rule[0].classes[0]: b is no class",
        ),
        (
            "[[rule]]\nid = 'x'\nforbid.features = ['web_serch']\n",
            (
                "p.toml:11: rule[0].forbid.features[0]: web_serch is not known "
                "(did you mean web_search?)"
            ),
        ),
        (
            "[[rule]]\nid = 'x'\nforbid.platforms = ['bedrok']\n",
            "p.toml:11: rule[0].forbid.platforms[0]: bedrok is not known (did you mean bedrock?)",
        ),
        ("[[rule]]\nid = 'x'\nrequire.processor = []\n", "rule[0].require.processor: is empty"),
        ("[[rule]]\nid = 'x'\nrequire.baa = false\n", "p.toml:11: rule[0].require.baa: is none of"),
        ("[[rule]]\nid = 'x'\nrequire.retention_days = true\n", "rule[0].require.retention_days"),
        (
            "[[rule]]\nid = 'x'\nrequire.baa = true\nallow.betas = ['b']\n",
            "p.toml:12: rule[0].allow.betas: allows betas, but the rule forbids none",
        ),
        (
            "[[rule]]\nid = 'x'\nrequire.request_checks = ['no_phi_in_json_shema']\n",
            "no_phi_in_json_shema is not known (did you mean no_phi_in_json_schema?)",
        ),
        (
            "[hatches]\nworkspaces = 'keep'\n",
            "p.toml:10: hatches.workspaces: unknown key (did you mean workspace?)",
        ),
        ("[hatches]\nbill_to = 'allow'\n", "p.toml:10: hatches.bill_to: is none of its values"),
        ("[zones]\nbritain = ['UK']\n", "zones.britain[0]: UK is no country code of ISO 3166"),
        ("[prefer]\norder = ['price']\n", "p.toml:10: prefer.order[0]: is none of its values"),
        (
            (
                "[[exception]]\nid = 'e'\nrule = 'y'\nupstream = 'u'\nuntil = 2027-01-01\n"
                "approved_by = 'me'\nticket = 'T-1'\n"
            ),
            "p.toml:11: exception[0].rule: y is no rule of this file",
        ),
        ("[classes]\n", "p.toml:9: this name is here a second time"),
        ("[[rule]]\nid = 'x'\nrequire.baa = true\nrequire.baa = true\n", "a second time"),
        ("surprise = 1\n", "permit[0].surprise: unknown key"),
    ],
)
def test_a_mistake_is_told_with_its_place(text: str, mistake: str) -> None:
    assert any(mistake in each for each in wrong(text)), wrong(text)


def test_all_mistakes_are_told_at_once() -> None:
    text = "[[rule]]\nid = 'x'\n[[rule]]\nid = 'x'\nrequire.storage_in = 'mars'\n"
    assert len(wrong(text)) == 3


def test_a_norwegian_zone_is_a_zone() -> None:
    read = read_policy("p.toml", HEAD + "[zones]\nnorth = ['SE', 'NO', 'IS']\n")
    assert read.policy.zones["north"] == ("SE", "NO", "IS")


def test_two_files_cannot_share_a_name_or_a_rule() -> None:
    rule = "[[rule]]\nid = 'x'\nrequire.baa = true\n"
    first, second = (read_policy(file, HEAD + rule) for file in ("1.toml", "2.toml"))
    with pytest.raises(ConfigError) as caught:
        compile_policies([first, second])
    assert [each.key for each in caught.value.mistakes] == ["name", "rule[0].id"]


def found(text: str, facts: FactSheet) -> list[str]:
    read = read_policy("p.toml", HEAD + text)
    return [str(each) for each in lint([read], facts, ["claude-opus-5-5"], NOW)]


def one_upstream() -> FactSheet:
    return fact_sheet([Where("one", "bedrock", "eu-west-1")], Attestations())[0]


def test_a_permit_that_nobody_can_use_is_told() -> None:
    assert found("", one_upstream()) == []
    (told,) = found("[[rule]]\nid = 'x'\nrequire.processing_in = 'us'\n", one_upstream())
    assert told.startswith("error: p.toml:6: permit[0]: nobody can use this")


def test_a_rule_that_no_permit_reaches_is_told() -> None:
    (told,) = found(
        "[[rule]]\nid = 'x'\nenvironments = ['dev']\nrequire.baa = true\n", one_upstream()
    )
    assert told.startswith("error: p.toml:9: rule[0]: rule x is unreachable")


def test_an_exception_near_its_end_and_a_missing_upstream_are_told() -> None:
    text = (
        "[[rule]]\nid = 'x'\nforbid.platforms = ['vertex']\n"
        "[[exception]]\nid = 'e'\nrule = 'x'\nupstream = 'ona'\nuntil = 2026-11-30\n"
        "approved_by = 'me'\nticket = 'T-1'\n"
    )
    missing, ending = found(text, one_upstream())
    assert "exception[0].upstream: ona fits no upstream (did you mean one?)" in missing
    assert ending.startswith("warning: p.toml:16")
    assert "ends in 8 days" in ending
    assert "has ended" in found(text.replace("2026-11-30", "2026-11-21"), one_upstream())[1]


def test_a_test_that_fails_says_what_differed() -> None:
    compiled = compile_policies([read_policy("p.toml", HEAD)])
    text = """[[test]]
name = "t"
request = { environment = "prod", class = "a", model = "claude-opus-5-5" }
allowed = []
never = ["one", "two"]
reason = { upstream = "one", contains = "words" }
min_allowed = 2
min_distinct_processors = 2
expect_forbidden_feature = "batch"
"""
    (outcome,) = run(read_scenarios("t.toml", text), compiled, one_upstream(), NOW)
    assert not outcome.passed
    assert outcome.differences == (
        "there is no upstream two",
        "allowed: expected [], got ['one']",
        "never: one is allowed",
        "reason: 'words' is in none of []",
        "min_allowed: expected 2, got 1",
        "min_distinct_processors: expected 2, got ['aws']",
        "expect_forbidden_feature: with batch, one is allowed",
    )


def test_a_test_file_is_read_strictly() -> None:
    text = "[[test]]\nname = 't'\nrequest = { environment = 'prod', model = 'm' }\n"
    with pytest.raises(ConfigError, match="expects nothing"):
        read_scenarios("t.toml", text)
    with pytest.raises(ConfigError, match="did you mean never"):
        read_scenarios("t.toml", text + "nevr = ['x']\n")
