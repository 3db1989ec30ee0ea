"""From a call to a judgement: labels, what the body asks for, models inside, hatches."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.call import Call, Caller, read_call
from gateway.errors import Forbidden, Malformed
from gateway.judging import Judgement, again, judge
from gateway.policy.attestations import Attestation, Attestations
from gateway.policy.compiling import compile_policies
from gateway.policy.deciding import decide
from gateway.policy.decision import Kind
from gateway.policy.facts import Assurance
from gateway.policy.files import read_policy
from gateway.policy.in_force import InForce
from gateway.policy.places import Where
from gateway.policy.sheet import fact_sheet
from providers.contract import Kind as Operation

NOW_S = 1_795_348_800.0  # 2026-11-22, noon
OPUS, FABLE = "claude-opus-5-5", "claude-fable-5-1"
HEAD = """schema = 1
name = "org"
unlabelled = "a"
[classes]
a = "one"
b = "two"
[[permit]]
classes = ["a", "b"]
environments = ["prod"]
"""
ADVISOR = {"type": "advisor_20260301", "name": "advisor", "model": FABLE}


def rule(demand: str, name: str = "x") -> str:
    return f"[[rule]]\nid = '{name}'\n{demand}\n"


def in_force(*texts: str, attested: tuple[Attestation, ...] = ()) -> InForce:
    files = [read_policy(f"{at}.toml", text) for at, text in enumerate(texts)]
    places = [Where("one", "bedrock", "eu-west-1"), Where("two", "anthropic", geo="us")]
    facts = fact_sheet(places, Attestations(attested))[0]
    return InForce("prod", compile_policies(files), facts, tuple(files))


def a_call(
    *headers: tuple[str, str], caller: Caller | None = None, own: bool = False, **fields: Any
) -> Call:
    body = {"model": OPUS, "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
    return read_call(
        Operation.MESSAGES,
        (("anthropic-version", "2023-06-01"), *headers),
        json.dumps(body | fields).encode(),
        own_account=own,
        caller=caller or Caller(),
    )


def judged(policy: str, *headers: tuple[str, str], **fields: Any) -> Judgement:
    return judge(a_call(*headers, **fields), OPUS, in_force(HEAD + policy), NOW_S)


def reasons(judgement: Judgement, upstream: str = "one") -> list[str]:
    verdict = next(each for each in judgement.decision.candidates if each.upstream == upstream)
    return [str(reason) for reason in verdict.reasons]


def test_a_call_without_a_label_gets_the_class_of_the_policy() -> None:
    found = judged("")
    assert found.decision.allowed == ("one", "two")
    assert found.decision.data_classes == ("a",)
    assert found.request.data_class is None


def test_a_class_that_the_key_may_not_assert_is_refused() -> None:
    policies = in_force(HEAD)
    caller = Caller(key="web", classes=frozenset({"a"}))
    label = ("x-gateway-class", "b")
    with pytest.raises(Forbidden, match="may not assert the class b"):
        judge(a_call(label, caller=caller), OPUS, policies, NOW_S)
    assert judge(a_call(label), OPUS, policies, NOW_S).decision.allowed
    assert judge(a_call(caller=caller), OPUS, policies, NOW_S).decision.allowed


def test_the_layers_of_a_key_apply() -> None:
    layer = "schema = 1\nname = 'team'\n[layer]\nkeys = ['x']\n" + rule(
        "require.processor = ['aws']"
    )
    policies = in_force(HEAD, layer)
    caller = Caller(layers=frozenset({"x"}))
    assert judge(a_call(), OPUS, policies, NOW_S).decision.allowed == ("one", "two")
    assert judge(a_call(caller=caller), OPUS, policies, NOW_S).decision.allowed == ("one",)


@pytest.mark.parametrize(
    ("required", "allowed"),
    [
        ("processing_in=eu", ("one",)),
        ("processor=aws|anthropic", ("one", "two")),
        ("processor=aws, processor=anthropic", ()),
        ("platforms=anthropic", ("two",)),
        ("partition=aws", ("one",)),
        ("certifications=c5", ("one",)),
        ("certifications=c5,certifications=iso27001", ()),
        ("certifications=c5,assurance=verified", ()),
        ("baa", ()),
        ("retention_days=30", ("one",)),
        ("retention_days=0,storage_in=eu", ()),
    ],
)
def test_what_a_caller_requires_narrows(required: str, allowed: tuple[str, ...]) -> None:
    attested = (
        Attestation("one", "certifications", frozenset({"c5"}), Assurance.ORG),
        Attestation("one", "retention_days", 7, Assurance.ORG),
    )
    policies = in_force(HEAD, attested=attested)
    found = judge(a_call(("x-gateway-require", required)), OPUS, policies, NOW_S)
    assert found.decision.allowed == allowed
    for verdict in found.decision.candidates:
        assert all(reason.rule == "x-gateway-require" for reason in verdict.reasons)


@pytest.mark.parametrize(
    ("required", "message"),
    [
        ("procesor=aws", "did you mean processor?"),
        ("processing_in=euu", "euu is no zone .did you mean eu?"),
        ("processing_in", "nothing is no zone"),
        ("processor=amazon", "amazon is not known"),
        ("processor=", "nothing is not known"),
        ("certifications=c5|iso27001", "write the requirement twice"),
        ("retention_days=-1", "whole number of days .retention_days=0"),
        ("retention_days=" + "9" * 5000, "whole number of days"),
        ("retention_days=" + "0" * 9 + "9" * 5000, "whole number of days"),
        ("baa=false", "it has no value"),
        ("assurance=hint,baa", "hint is no level"),
        ("assurance=verified", "how surely the other requirements must hold"),
        (",".join(f"certifications=c{number}" for number in range(33)), "more than 32"),
    ],
)
def test_a_requirement_that_is_not_known_is_refused_with_what_is_right(
    required: str, message: str
) -> None:
    with pytest.raises(Malformed, match=message):
        judged("", ("x-gateway-require", required))


def test_a_requirement_of_what_is_kept_looks_at_features() -> None:
    label = ("x-gateway-require", "retention_days=0")
    assert "feature server_thread" in " ".join(reasons(judged("", label, thread={})))


def test_a_zone_is_what_every_policy_says_it_is() -> None:
    own = HEAD.replace("[classes]", "[zones]\nnear = ['IE', 'DE']\n[classes]")
    other = own.replace('"org"', '"more"').replace("'IE', 'DE'", "'DE'")
    label = a_call(("x-gateway-require", "processing_in=near"))
    assert judge(label, OPUS, in_force(own), NOW_S).decision.allowed == ("one",)
    assert judge(label, OPUS, in_force(own, other), NOW_S).decision.allowed == ()
    layer = "schema = 1\nname = 'team'\n[layer]\n[zones]\nnear = ['DE', 'US']\n"
    assert judge(label, OPUS, in_force(own, layer), NOW_S).decision.allowed == ()


def test_a_zone_of_a_layer_alone_is_none_a_caller_may_name() -> None:
    layer = "schema = 1\nname = 'team'\n[layer]\n[zones]\nours = ['IE']\n"
    label = a_call(("x-gateway-require", "processing_in=ours"))
    with pytest.raises(Malformed, match="ours is no zone"):
        judge(label, OPUS, in_force(HEAD, layer), NOW_S)


def test_a_model_inside_must_be_allowed_too() -> None:
    policy = rule("forbid.models = ['claude-fable-*']")
    named = judged(policy, fallbacks=[{"model": FABLE}])
    assert (named.models, named.decision.allowed) == ((FABLE,), ())
    assert reasons(named) == [
        "x: model claude-fable-5-1 is forbidden (for claude-fable-5-1, which the request names too)"
    ]
    assert judged(policy, tools=[ADVISOR]).decision.allowed == ()
    assert judged(policy, fallbacks=[{"model": "claude-opus-5"}]).decision.allowed == ("one", "two")


def test_a_model_inside_that_no_rule_minds_is_allowed() -> None:
    assert judged("", fallbacks=[{"model": FABLE}]).decision.allowed == ("one", "two")
    assert judged("", fallbacks="default").decision.allowed == ("one", "two")
    eu = rule("require.processing_in = 'eu'")
    assert judged(eu, fallbacks="default").decision.allowed == ("one",)


@pytest.mark.parametrize("name", ["default", "claude-99", "arn:aws:bedrock:us-east-1::x/y"])
def test_a_name_for_no_known_model_is_allowed_only_where_a_policy_says_so(name: str) -> None:
    policy = rule("forbid.models = ['claude-fable-*']")
    found = judged(policy, fallbacks=[{"model": name}])
    assert reasons(found) == [
        f"x: model {name} is not known (for {name}, which the request names too)"
    ]
    named = rule(f"forbid.models = ['claude-fable-*']\nallow.models = ['{name}']")
    assert judged(named, fallbacks=[{"model": name}]).decision.allowed == ("one", "two")


@pytest.mark.parametrize("name", ["us.anthropic.claude-opus-5-5", "claude-99"])
def test_a_name_that_may_be_another_places_is_refused_where_places_matter(name: str) -> None:
    found = judged(rule("require.processing_in = 'eu'"), fallbacks=[{"model": name}])
    assert found.decision.allowed == ()


def test_a_model_that_the_platform_chooses_may_be_under_any_profile() -> None:
    models = {OPUS: "anthropic.claude-opus-5-5", FABLE: "global.anthropic.claude-fable-5-1"}
    facts = fact_sheet([Where("one", "bedrock", "eu-west-1", models=models)], Attestations())[0]
    file = read_policy("p.toml", HEAD + rule("require.processing_in = 'eu'"))
    policies = InForce("prod", compile_policies([file]), facts, (file,))
    assert judge(a_call(), OPUS, policies, NOW_S).decision.allowed == ("one",)
    chosen = judge(a_call(fallbacks="default"), OPUS, policies, NOW_S)
    assert chosen.decision.allowed == ()


@pytest.mark.parametrize(
    "fields",
    [
        {"fallbacks": [{"model": f"m{number}"} for number in range(60)]},
        {"fallbacks": [FABLE]},
        {"fallbacks": [{"model": [FABLE]}]},
        {"fallbacks": [{"model": OPUS, "models": [FABLE]}]},
        {"tools": [ADVISOR | {"model": "m" * 300}]},
        {"tools": [ADVISOR, FABLE]},
    ],
)
def test_a_model_that_cannot_be_read_is_one_that_is_not_known(fields: dict[str, Any]) -> None:
    policy = rule("forbid.models = ['claude-fable-*']")
    assert judged(policy, **fields).decision.allowed == ()


@pytest.mark.parametrize("role", ["user", "system"])
@pytest.mark.parametrize("escaped", [False, True])
def test_a_model_in_a_tool_that_a_message_brings_is_judged(role: str, escaped: bool) -> None:
    tool = {"type": "tool_definition", "definition": ADVISOR}
    blocks = [{"type": "tool_addition", "tool": tool}]
    body = {"model": OPUS, "max_tokens": 9, "messages": [{"role": role, "content": blocks}]}
    text = json.dumps(body)
    if escaped:
        text = text.replace('"definition"', '"defin\\u0069tion"')
    call = read_call(Operation.MESSAGES, (("anthropic-version", "x"),), text.encode())
    policies = in_force(HEAD + rule("forbid.models = ['claude-fable-*']"))
    found = judge(call, OPUS, policies, NOW_S)
    assert (found.models, found.decision.allowed) == ((FABLE,), ())


HATCHES = [
    ("inference_geo", {"inference_geo": "us"}),
    ("bill_to", {"billing_policy": {"type": "x", "bill_to": "user_profile"}}),
    ("workspace", {"header": "anthropic-workspace-id"}),
    ("user_profile", {"header": "anthropic-user-profile-id"}),
]


def hatch_call(fields: dict[str, Any]) -> Call:
    more = dict(fields)
    header = more.pop("header", None)
    return a_call(*([(header, "wrkspc_1")] if header else []), own=True, **more)


@pytest.mark.parametrize(("name", "fields"), HATCHES)
def test_what_is_not_a_callers_to_choose_is_refused(name: str, fields: dict[str, Any]) -> None:
    found = judge(hatch_call(fields), OPUS, in_force(HEAD), NOW_S)
    assert found.decision.allowed == ()
    assert reasons(found) == [f"org.hatches: the request sets {name}"]


@pytest.mark.parametrize(("name", "fields"), HATCHES)
def test_what_every_policy_leaves_to_callers_is_kept(name: str, fields: dict[str, Any]) -> None:
    keeping = HEAD + f"[hatches]\n{name} = 'keep'\n"
    silent = "schema = 1\nname = 'blocks'\n[layer]\n"
    refusing = silent + f"[hatches]\n{name} = 'refuse'\n"
    other = HEAD.replace('"org"', '"more"')
    call = hatch_call(fields)
    assert judge(call, OPUS, in_force(keeping), NOW_S).decision.allowed == ("one", "two")
    assert judge(call, OPUS, in_force(keeping, silent), NOW_S).decision.allowed == ("one", "two")
    assert judge(call, OPUS, in_force(keeping, refusing), NOW_S).decision.allowed == ()
    assert judge(call, OPUS, in_force(keeping, other), NOW_S).decision.allowed == ()


@pytest.mark.parametrize(("geo", "allowed"), [("us", ("two",)), ("global", ()), ("mars", ())])
def test_a_place_that_is_left_to_callers_must_still_be_in_the_zone(
    geo: str, allowed: tuple[str, ...]
) -> None:
    policy = "[hatches]\ninference_geo = 'keep'\n" + rule("require.processing_in = 'us'")
    assert judged(policy, inference_geo=geo).decision.allowed == allowed


def test_a_hatch_that_nobody_knows_is_refused() -> None:
    policies = in_force(HEAD)
    request = judge(a_call(), OPUS, policies, NOW_S).request
    later = request._replace(hatches=frozenset({"moon"}))
    assert decide(policies.compiled, policies.facts, later, NOW_S).allowed == ()


def test_billing_oneself_is_no_choice() -> None:
    found = judged("", billing_policy={"type": "x", "bill_to": "self"})
    assert found.request.hatches == frozenset()


def test_every_beta_is_looked_at() -> None:
    policy = rule("forbid.betas = ['*']\nallow.betas = ['effort-2025-11-24']")
    good = ("anthropic-beta", "effort-2025-11-24")
    assert judged(policy, good).decision.allowed == ("one", "two")
    for more in (
        (("anthropic-beta", "effort-2025-11-24, compact-2026-01-12"),),
        (good, ("anthropic-beta", "compact-2026-01-12")),
    ):
        assert judged(policy, *more).decision.allowed == ()


def test_a_schema_with_names_in_it_has_not_passed_the_check() -> None:
    policy = rule("require.request_checks = ['no_phi_in_json_schema']")
    schema = {"type": "object", "properties": {"jane_doe": {"type": "string"}}}
    tool = {"name": "t", "input_schema": schema}
    assert judged(policy, tools=[tool]).decision.allowed == ("one", "two")
    assert judged(policy, tools=[tool | {"strict": True}]).decision.allowed == ()
    assert (
        judged(policy, output_format={"type": "json_schema", "schema": schema}).decision.allowed
        == ()
    )
    assert judged(policy, unheard_of={}).decision.allowed == ()


def test_a_body_is_looked_into_only_when_a_rule_asks() -> None:
    block = [{"type": "document", "source": {"type": "file", "file_id": "f"}}]
    messages = [{"role": "user", "content": block}]
    found = judged(rule("require.processing_in = 'eu'"), messages=messages)
    assert "messages" in found.asked.unread
    closely = judged(rule("forbid.features = ['batch']"), messages=messages)
    assert closely.asked.unread == frozenset()
    assert "files" in closely.request.features


def test_what_was_not_looked_into_is_allowed_nowhere_once_a_rule_asks() -> None:
    found = judge(a_call(), OPUS, in_force(HEAD), NOW_S)
    assert again(found, in_force(HEAD), NOW_S) == {"one", "two"}
    changed = in_force(HEAD + rule("forbid.features = ['batch']"))
    assert again(found, changed, NOW_S) == frozenset()
    assert judge(a_call(), OPUS, changed, NOW_S).decision.allowed == ("one", "two")


def test_a_second_look_sees_new_blocks_and_ends() -> None:
    attested = (Attestation("one", "baa", value=True, assurance=Assurance.ORG, until_s=NOW_S + 10),)
    policies = in_force(HEAD + rule("require.baa = true"), attested=attested)
    found = judge(a_call(), OPUS, policies, NOW_S)
    assert again(found, policies, NOW_S + 9) == {"one"}
    assert again(found, policies, NOW_S + 10) == frozenset()
    block = "schema = 1\nname = 'blocks'\n[layer]\n[[block]]\nupstream = 'one'\nbecause = 'x'\n"
    assert again(found, in_force(HEAD, block), NOW_S) == frozenset()


def test_a_key_that_stands_twice_where_a_rule_looks_is_refused() -> None:
    text = (
        '{"model":"claude-opus-5-5","max_tokens":9,"messages":'
        '[{"role":"user","content":[{"type":"text","type":"document","text":"x"}]}]}'
    )
    call = read_call(Operation.MESSAGES, (("anthropic-version", "x"),), text.encode())
    assert judge(call, OPUS, in_force(HEAD), NOW_S).decision.allowed
    with pytest.raises(Malformed, match="type: this key is in one object twice"):
        judge(call, OPUS, in_force(HEAD + rule("forbid.features = ['batch']")), NOW_S)


def test_a_count_is_judged_like_the_call_it_is_for() -> None:
    body = json.dumps({"model": OPUS, "messages": [], "thread": {}}).encode()
    call = read_call(Operation.COUNT_TOKENS, (("anthropic-version", "x"),), body)
    policies = in_force(HEAD + rule("forbid.features = ['server_thread']"))
    verdict = judge(call, OPUS, policies, NOW_S).decision.candidates[0]
    assert [reason.kind for reason in verdict.reasons] == [Kind.FORBIDDEN]
