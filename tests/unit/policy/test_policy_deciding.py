from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.policy.attestations import Attestation, Attestations
from gateway.policy.compiling import Compiled, compile_policies
from gateway.policy.deciding import decide
from gateway.policy.decision import Decision, Kind, Request
from gateway.policy.facts import Assurance, FactSheet
from gateway.policy.files import read_policy
from gateway.policy.places import Where
from gateway.policy.sheet import fact_sheet

NOW = 1_795_348_800.0  # 2026-11-22, noon
DAY_S = 86_400.0
OPUS = "claude-opus-5-5"
ASK = Request("prod", "a", OPUS)

HEAD = """schema = 1
name = "org"
[classes]
a = "one"
b = "two"
[[permit]]
classes = ["a"]
environments = ["prod"]
"""


def policy(*texts: str) -> Compiled:
    return compile_policies([read_policy(f"{at}.toml", text) for at, text in enumerate(texts)])


def sheet(*attested: Attestation, where: Where | None = None) -> FactSheet:
    place = where or Where("one", "bedrock", "eu-west-1")
    return fact_sheet([place, Where("two", "vertex", "eu")], Attestations(attested))[0]


def says(fact: str, value: str | int | bool, until_s: float) -> Attestation:
    return Attestation("one", fact, value, Assurance.ORG, until_s)


def kinds(decision: Decision, upstream: str = "one") -> list[Kind]:
    verdict = next(each for each in decision.candidates if each.upstream == upstream)
    return [reason.kind for reason in verdict.reasons]


def test_without_a_policy_nothing_is_allowed() -> None:
    decision = decide(compile_policies([]), sheet(), ASK, NOW)
    assert decision.allowed == ()
    assert kinds(decision) == [Kind.UNPERMITTED]


def test_without_a_permit_nothing_is_allowed() -> None:
    permitted = policy(HEAD)
    assert decide(permitted, sheet(), ASK, NOW).allowed == ("one", "two")
    assert kinds(decide(permitted, sheet(), ASK._replace(data_class="b"), NOW)) == [
        Kind.UNPERMITTED
    ]
    assert kinds(decide(permitted, sheet(), ASK._replace(environment="dev"), NOW)) == [
        Kind.UNPERMITTED
    ]


@pytest.mark.parametrize("data_class", [None, "c", ""])
def test_an_unknown_class_and_none_are_rejections(data_class: str | None) -> None:
    asked = ASK._replace(data_class=data_class)
    assert kinds(decide(policy(HEAD), sheet(), asked, NOW)) == [Kind.CLASS]


def test_a_layer_cannot_label_what_the_organization_leaves_unlabelled() -> None:
    layer = 'schema = 1\nname = "team"\nunlabelled = "a"\n[layer]\nenvironments = ["prod"]\n'
    asked = ASK._replace(data_class=None)
    assert decide(policy(HEAD, layer), sheet(), asked, NOW).allowed == ()


def test_a_fact_ends_at_its_moment() -> None:
    rule = HEAD + "[[rule]]\nid = 'x'\nrequire.baa = true\n"
    facts = sheet(says("baa", value=True, until_s=NOW + 10))
    compiled = policy(rule)
    before = decide(compiled, facts, ASK, NOW + 9.9)
    assert (before.allowed, before.until_s) == (("one",), NOW + 10)
    assert kinds(decide(compiled, facts, ASK, NOW + 10)) == [Kind.EXPIRED]
    assert decide(compiled, facts, ASK, NOW).allowed == ("one",)


def test_an_exception_lifts_one_rule_for_one_upstream_until_its_day_is_over() -> None:
    text = (
        HEAD + "[[rule]]\nid = 'x'\nforbid.platforms = ['bedrock', 'vertex']\n"
        "forbid.features = ['batch']\n"
        "[[exception]]\nid = 'e'\nrule = 'x'\nupstream = 'on*'\nuntil = 2026-11-30\n"
        "approved_by = 'me'\nticket = 'T-1'\n"
    )
    compiled, facts = policy(text), sheet()
    batch = ASK._replace(features=frozenset({"batch"}))
    assert decide(compiled, facts, ASK, NOW).allowed == ("one",)
    assert decide(compiled, facts, batch, NOW).allowed == ("one",)
    assert decide(compiled, facts, ASK, NOW + 8 * DAY_S).allowed == ("one",)
    assert decide(compiled, facts, ASK, NOW + 8.5 * DAY_S).allowed == ()


def test_a_block_holds_until_it_ends() -> None:
    text = (
        HEAD + "[[block]]\nupstream = 'one'\nbecause = 'incident 7'\nuntil = 2026-11-22T13:00:00Z\n"
    )
    compiled, facts = policy(text), sheet()
    blocked = decide(compiled, facts, ASK, NOW)
    assert (blocked.allowed, blocked.until_s) == (("two",), NOW + 3600)
    assert kinds(blocked) == [Kind.BLOCKED]
    assert decide(compiled, facts, ASK, NOW + 3600).allowed == ("one", "two")
    forever = policy(HEAD + "[[block]]\nupstream = '*'\nbecause = 'incident 7'\n")
    assert decide(forever, facts, ASK, NOW * 2).allowed == ()


def test_layers_hold_for_their_environments_and_keys() -> None:
    layer = (
        'schema = 1\nname = "team"\n[layer]\nkeys = ["x"]\n'
        "[[rule]]\nid = 'only-google'\nrequire.processor = ['google']\n"
    )
    compiled = policy(HEAD, layer)
    assert decide(compiled, sheet(), ASK, NOW).allowed == ("one", "two")
    asked = ASK._replace(layers=frozenset({"x"}))
    assert decide(compiled, sheet(), asked, NOW).allowed == ("two",)
    stranger = ASK._replace(layers=frozenset({"y"}))
    assert decide(compiled, sheet(), stranger, NOW).allowed == ()


def test_what_is_kept_is_the_longest_of_account_model_and_features() -> None:
    text = HEAD + "[[rule]]\nid = 'x'\nrequire.retention_days = 7\n"
    compiled, facts = policy(text), sheet(says("retention_days", 0, end_of_year()))
    asked = ASK._replace(features=frozenset({"structured_outputs"}))
    assert decide(compiled, facts, asked, NOW).allowed == ("one",)
    fable = ASK._replace(model="claude-fable-5-1")
    assert kinds(decide(compiled, facts, fable, NOW)) == [Kind.VIOLATED]
    assert kinds(decide(compiled, facts, ASK._replace(model="other"), NOW)) == [Kind.UNKNOWN]
    batch = ASK._replace(features=frozenset({"batch"}))
    assert kinds(decide(compiled, facts, batch, NOW)) == [Kind.VIOLATED]
    thread = ASK._replace(features=frozenset({"server_thread"}))
    assert kinds(decide(compiled, facts, thread, NOW)) == [Kind.UNKNOWN]
    account = sheet(says("retention_days", 30, end_of_year()))
    assert kinds(decide(compiled, account, ASK, NOW)) == [Kind.VIOLATED]


def end_of_year() -> float:
    return NOW + 39 * DAY_S


@pytest.mark.parametrize(
    "demand",
    [
        "forbid.features = ['batch']",
        "forbid.betas = ['x']",
        "require.retention_days = 0",
        "require.baa = true",
    ],
)
def test_an_unknown_feature_fails_closed_where_a_rule_restricts(demand: str) -> None:
    facts = sheet(
        says("retention_days", 0, end_of_year()), says("baa", value=True, until_s=end_of_year())
    )
    asked = ASK._replace(features=frozenset({"unknown:tool"}))
    free = policy(HEAD + "[[rule]]\nid = 'x'\nrequire.processing_in = 'eu'\n")
    assert "one" in decide(free, facts, asked, NOW).allowed
    bound = policy(HEAD + f"[[rule]]\nid = 'x'\n{demand}\n")
    assert "one" in decide(bound, facts, ASK, NOW).allowed
    assert "one" not in decide(bound, facts, asked, NOW).allowed


def test_betas_are_forbidden_but_for_those_allowed() -> None:
    text = HEAD + "[[rule]]\nid = 'x'\nforbid.betas = ['*']\nallow.betas = ['context-1m-*']\n"
    compiled = policy(text)
    good = ASK._replace(betas=frozenset({"context-1m-2025-08-07"}))
    assert decide(compiled, sheet(), good, NOW).allowed == ("one", "two")
    both = ASK._replace(betas=frozenset({"context-1m-2025-08-07", "other"}))
    assert kinds(decide(compiled, sheet(), both, NOW)) == [Kind.FORBIDDEN]


def test_one_model_under_a_global_profile_leaves_the_zone_alone() -> None:
    models = {OPUS: "global.anthropic.claude-opus-5-5", "claude-opus-5": "anthropic.claude-opus-5"}
    where = Where("one", "bedrock", "eu-west-1", models=models)
    text = HEAD + "[[rule]]\nid = 'x'\nrequire.processing_in = 'eu'\n"
    compiled, facts = policy(text), sheet(where=where)
    assert decide(compiled, facts, ASK, NOW).allowed == ("two",)
    other = ASK._replace(model="claude-opus-5")
    assert decide(compiled, facts, other, NOW).allowed == ("one", "two")


def test_a_shipped_zone_is_part_of_the_digest_and_words_are_too() -> None:
    text = HEAD + "[[rule]]\nid = 'x'\nrequire.processing_in = 'eu'\n"
    own = text.replace("[classes]", "[zones]\neu = ['DE']\n[classes]")
    digests = {policy(each).digest for each in (text, own, text + "because = 'law'\n")}
    assert len(digests) == 3
    assert policy("# words\n" + text).digest == policy(text).digest


def test_a_changed_fact_changes_the_digest() -> None:
    before, after = (sheet(says("baa", value, NOW)) for value in (True, False))
    assert before.digest != after.digest
    longer = sheet(replace(says("baa", value=True, until_s=NOW), until_s=NOW + 1))
    assert len({before.digest, after.digest, longer.digest}) == 3
