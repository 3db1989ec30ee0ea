"""One request that tries to reach what policy does not allow, or to leave its words behind."""

from __future__ import annotations

import json
import os
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest
from anthropic import AnthropicError

from gateway import Anthropic
from gateway.boundary import Boundary
from gateway.boundary import boundary as boundary_module
from gateway.boundary.where import where
from gateway.call import Call, read_body, read_call
from gateway.client import requests
from gateway.config import ConfigError
from gateway.emulator import Emulator
from gateway.errors import Malformed
from gateway.judging import Judgement, judge
from gateway.policy import observed
from gateway.policy.attestations import Attestation, Attestations
from gateway.policy.compiling import compile_policies
from gateway.policy.facts import Assurance
from gateway.policy.files import read_policy
from gateway.policy.in_force import InForce
from gateway.policy.places import Where
from gateway.policy.sheet import fact_sheet
from gateway.routing import Upstream, plan
from providers.contract import Kind, Place, PlaceError
from providers.registry import PROVIDERS
from tests.boundary.house import POLICY, House

HEAD = """schema = 1
name = "org"
unlabelled = "a"
[classes]
a = "one"
[[permit]]
classes = ["a"]
environments = ["prod"]
"""


NOW_S = 1_795_348_800.0  # 2026-11-22, noon
OPUS = "claude-opus-5-5"
SECRET = "the patient is called Erika Mustermann, born 12.08.1964. "


def rule(demand: str) -> str:
    return f"{HEAD}[[rule]]\nid = 'x'\n{demand}\n"


def in_force(*texts: str, attested: tuple[Attestation, ...] = ()) -> InForce:
    files = [read_policy(f"{at}.toml", text) for at, text in enumerate(texts)]
    places = [Where("one", "bedrock", "us-east-1", "us"), Where("two", "anthropic", geo="us")]
    facts = fact_sheet(places, Attestations(attested))[0]
    return InForce("prod", compile_policies(files), facts, tuple(files))


def a_call(*headers: tuple[str, str], **fields: Any) -> Call:
    body = {"model": OPUS, "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
    return read_call(
        Kind.MESSAGES,
        (("anthropic-version", "2023-06-01"), *headers),
        json.dumps(body | fields).encode(),
    )


def read(text: str) -> Call:
    return read_call(Kind.MESSAGES, (("anthropic-version", "2023-06-01"),), text.encode())


def judged(policy: str, *headers: tuple[str, str], **fields: Any) -> Judgement:
    return judge(a_call(*headers, **fields), OPUS, in_force(policy), NOW_S)


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("claude-haiku-4-5-20251001", "claude-haiku-4-5"),
        ("claude-haiku-4-5-2025*", "claude-haiku"),
        ("anthropic.claude-opus-5-5", "claude-opus-5-5"),
        ("eu.anthropic.claude-opus-4-5-20251101-v1:0", "claude-opus-4-5"),
        ("claude-opus-5-5[1m]", "claude-opus-5-5"),
        ("claude-opsu-5-5", "claude-opus-5-5"),
        ("claude-nothing-*", ""),
    ],
)
def test_a_model_that_is_forbidden_by_a_name_nobody_judges_is_a_mistake(
    name: str, right: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        read_policy("org.toml", rule(f"forbid.models = ['{name}']"))
    assert "is not known" in str(caught.value)
    assert right in caught.value.mistakes[0].suggestion


@pytest.mark.parametrize("name", ["claude-opus-5-5", "claude-mythos-*", "*", "claude-[fm]*"])
def test_a_model_may_be_forbidden_by_its_own_name_and_by_a_glob(name: str) -> None:
    read = read_policy("org.toml", rule(f"forbid.models = ['{name}']"))
    assert read.policy.rule[0].forbid.models == (name,)


@pytest.mark.parametrize(
    "fields",
    [
        {"inference_geo": ["global"]},
        {"inference_geo": {"in": "global"}},
        {"inference_geo": 7},
        {"inference_geo": ""},
        {"inference_geo": "us " * 30},
        {"billing_policy": ["user_profile"]},
        {"billing_policy": "user_profile"},
        {"billing_policy": {"bill_to": ["user_profile"]}},
    ],
)
def test_a_hatch_that_cannot_be_read_is_not_kept_silently(fields: dict[str, Any]) -> None:
    assert judged(rule("require.processing_in = 'us'")).decision.allowed == ("one", "two")
    assert judged(rule("require.processing_in = 'us'"), **fields).decision.allowed == ()


@pytest.mark.parametrize(
    "fields",
    [{"inference_geo": SECRET * 9}, {"billing_policy": {"bill_to": SECRET * 9}}],
)
def test_words_put_into_a_hatch_are_not_kept(fields: dict[str, Any]) -> None:
    found = judged(rule("require.processing_in = 'us'\nrequire.baa = true"), **fields)
    assert "Erika" not in repr(found)


def test_a_caller_may_not_choose_the_organization() -> None:
    with pytest.raises(Malformed, match="anthropic-organization-id"):
        a_call(("anthropic-organization-id", "org_1"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("anthropic-beta", ",".join(f"b{number}" for number in range(9000))),
        ("anthropic-beta", "b" * 60_000),
        ("x-gateway-class", "c" * 60_000),
        ("x-gateway-require", "certifications=" + "c" * 60_000),
        ("x-gateway-tag-team", "t" * 60_000),
    ],
)
def test_a_header_that_would_be_decided_on_and_recorded_has_a_bound(name: str, value: str) -> None:
    with pytest.raises(Malformed, match=f"^{name}: ") as caught:
        a_call((name, value))
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("days", "allowed"), [("0" * 4000 + "9", ("one",)), ("000000000036500", ("one", "two"))]
)
def test_days_may_be_written_with_zeros_before_them(days: str, allowed: tuple[str, ...]) -> None:
    attested = tuple(
        Attestation(name, "retention_days", kept, Assurance.ORG)
        for name, kept in (("one", 7), ("two", 30))
    )
    label = ("x-gateway-require", f"retention_days={days}")
    policy = in_force(HEAD, attested=attested)
    assert judge(a_call(label), OPUS, policy, NOW_S).decision.allowed == allowed


@pytest.mark.parametrize("days", ["000000000999999999999", "36501", "", "0" * 40 + "99999999999"])
def test_too_many_days_are_a_mistake_of_the_caller(days: str) -> None:
    with pytest.raises(Malformed, match="whole number of days"):
        judged(HEAD, ("x-gateway-require", f"retention_days={days}"))


FILE = {"type": "file", "file_id": "file_1"}


@pytest.mark.parametrize(
    ("feature", "fields"),
    [
        ("fast_mode", {"fallbacks": [{"model": "claude-opus-5", "speed": "fast"}]}),
        ("tool_search", {"tools": [{"default_config": {"defer_loading": True}}]}),
        ("tool_search", {"tools": [{"configs": {"a": {}, "b": {"defer_loading": True}}}]}),
        ("unknown:source", {"messages": [{"content": [{"type": "image", "source": [FILE]}]}]}),
        ("unknown:tools[].configs", {"tools": [{"configs": {"a": [{"defer_loading": True}]}}]}),
        ("unknown:tools[].configs", {"tools": [{"default_config": [{"defer_loading": True}]}]}),
    ],
)
def test_a_feature_is_found_where_it_is_asked_for_a_level_deeper(
    feature: str, fields: dict[str, Any]
) -> None:
    policy = rule("forbid.features = ['fast_mode', 'tool_search']")
    found = judged(policy, **fields)
    assert feature in found.request.features
    assert found.decision.allowed == ()


CLOSED = rule("forbid.features = ['web_search']")
BLOCK = '{"type":"text","text":"x"}'
MESSAGE = f'{{"content":[{BLOCK}]}}'
STRICT_TOOL = f'{{"strict":true,"input_schema":[{"0," * 9000}1]}}'
MANY = 150_000
NAMED = ",".join(f'"{number}":{{}}' for number in range(MANY))


def listed(item: str, times: int) -> str:
    return f"[{','.join([item] * times)}]"


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        (f'"messages":{listed("{}", MANY)}', "messages"),
        (f'"tools":{listed("{}", MANY)}', "tools"),
        (f'"messages":[{{"content":{listed(BLOCK, MANY)}}}]', "messages"),
        (f'"messages":{listed(MESSAGE, MANY)}', "messages"),
        (f'"messages":{listed(MESSAGE, 60_000)}', "messages"),
        (f'"output_config":{{"format":{listed("{}", MANY)}}}', "output_config.format"),
        (f'"tools":{listed(STRICT_TOOL, 30)}', "tools"),
        (f'"tools":[{{"configs":{{{NAMED}}}}}]', "tools"),
    ],
)
def test_a_body_of_very_many_parts_is_refused_before_it_takes_long(fields: str, where: str) -> None:
    text = f'{{"model":"{OPUS}","max_tokens":9,{fields}}}'
    with pytest.raises(Malformed, match=where):
        judge(read(text), OPUS, in_force(CLOSED), NOW_S)


@pytest.mark.parametrize(
    "value",
    [
        f"[5,{listed('{}', MANY)[1:]}",
        f"[{listed('{}', MANY)}]",
        f'[{{"content":{{"content":{listed("{}", MANY)}}}}}]',
        f'[{{"content":[[{listed("{}", MANY)}]]}}]',
    ],
)
@pytest.mark.parametrize("name", ["messages", "system", "tools"])
def test_very_many_parts_are_refused_in_an_odd_shape_too(name: str, value: str) -> None:
    with pytest.raises(Malformed, match=f"{name}: more than 100000"):
        read(f'{{"model":"{OPUS}","max_tokens":9,"{name}":{value}}}')


def test_as_many_messages_as_a_platform_takes_are_read() -> None:
    text = f'{{"model":"{OPUS}","max_tokens":9,"messages":{listed("{}", 100_000)}}}'
    assert read(text).asked == OPUS


def test_a_rejection_names_a_few_of_the_losses() -> None:
    provider = PROVIDERS["bedrock"]
    place = provider.endpoint(Place(region="eu-central-1", profile="eu"))
    tools = [{"type": f"{number}{'x' * 50}"} for number in range(1000)]
    fields = {f"f{number}{'x' * 50}": 1 for number in range(190)}
    for more in ({"tools": tools}, fields):
        found = plan(a_call(**more), [Upstream("one", provider, place)])
        assert found.refused is not None
        assert 500 < len(found.refused.message) < 5000


@pytest.mark.parametrize("name", ["messages", "tools"])
def test_many_braces_in_texts_and_inputs_are_no_parts(name: str) -> None:
    use = {"type": "tool_use", "name": "x", "input": {"rows": [{"cell": {}}] * MANY}}
    messages = [{"role": "user", "content": "{}" * MANY}, {"role": "assistant", "content": [use]}]
    tool = {"name": "x", "input_schema": {"anyOf": [{}] * MANY * 2}}
    fields = {"messages": messages, "tools": [tool]}
    assert judged(CLOSED, **{name: fields[name]}).decision.allowed == ("one", "two")


@pytest.mark.parametrize("key", ["k" * 1_000_000, "\u00e9" * 500_000])
def test_a_very_long_key_costs_little_memory(key: str) -> None:
    text = f'{{ "{key}": 1, "model": "{OPUS}", "max_tokens": 9 }}'.encode()
    tracemalloc.start()
    try:
        read_body(text)
        assert tracemalloc.get_traced_memory()[1] < 20 * len(text)
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("outer", ["%s", "[%s]", '[{"\\u0074ype":"tool_result","content":[%s]}]'])
def test_a_key_that_stands_twice_is_found_however_the_rest_is_written(outer: str) -> None:
    for twice in (
        '{"type":"text","type":"image"}',
        '{"type":"text","\\u0074ype":"text"}',
        '{"\\u0074ype":"text" , "type":"text"}',
        '{"x":1,"type":"text","x":12}',
    ):
        inner = twice if "[" in outer else f"[{twice}]"
        message = f'{{"role":"user","content":{outer % inner}}}'
        text = f'{{"model":"{OPUS}","max_tokens":9,"messages":[{message}]}}'
        with pytest.raises(Malformed, match="in one object twice"):
            judge(read(text), OPUS, in_force(CLOSED), NOW_S)


@pytest.mark.parametrize(
    "wire_id",
    [
        "eu.anthropic.claude-fable-5-1",
        "anthropic.claude-sonnet-5",
        "arn:aws:bedrock:eu-central-1::foundation-model/anthropic.claude-fable-5-1",
        "arn:aws:bedrock:eu-central-1:1:inference-profile/eu.anthropic.claude-fable-5-1",
    ],
)
def test_a_model_is_not_asked_for_under_the_id_of_another(wire_id: str) -> None:
    place = Place(region="eu-central-1", profile="eu", models={OPUS: wire_id})
    with pytest.raises(PlaceError, match="would be asked of claude-"):
        PROVIDERS["bedrock"].endpoint(place)


@pytest.mark.parametrize(
    "wire_id",
    [
        "global.anthropic.claude-opus-5-5",
        "arn:aws:bedrock:eu-central-1:1:application-inference-profile/abc123",
        "a-deployment",
    ],
)
def test_a_model_may_be_asked_for_under_a_name_of_the_operators(wire_id: str) -> None:
    place = Place(region="eu-central-1", profile="eu", models={OPUS: wire_id})
    assert PROVIDERS["bedrock"].endpoint(place).models[OPUS].id == wire_id


@pytest.mark.parametrize("labels", [{}, {"x-gateway-tag-team": "blue"}])
def test_a_label_that_stands_twice_narrows_twice_whatever_labels_hold(
    labels: dict[str, str],
) -> None:
    headers = (
        ("anthropic-version", "2023-06-01"),
        ("x-gateway-class", "phi"),
        ("x-gateway-class", "public"),
        ("x-gateway-require", "baa"),
        ("x-gateway-require", "cmek"),
    )
    body = {"model": OPUS, "max_tokens": 9, "messages": []}
    request = httpx2.Request("POST", "http://x/v1/messages", json=body)
    call = requests.read(Kind.MESSAGES, request, headers, labels, own_account=False)
    assert set(call.labels.require) == {"baa", "cmek"}
    assert call.labels.data_class == "phi, public"


def test_what_was_verified_in_one_account_is_void_in_another(house: House) -> None:
    found = set()
    sections = (
        'provider = "bedrock"\nregion = "eu-central-1"\naws_profile = "one"',
        'provider = "bedrock"\nregion = "eu-central-1"\naws_profile = "two"',
        'provider = "vertex"\nregion = "eu"\nproject = "project-one"\naccess_token = "${TEST_KEY}"',
        'provider = "vertex"\nregion = "eu"\nproject = "project-two"\naccess_token = "${TEST_KEY}"',
        'provider = "anthropic"\napi_key = "${TEST_KEY}"\nworkspace = "wrkspc_one"',
        'provider = "anthropic"\napi_key = "${TEST_KEY}"\nworkspace = "wrkspc_two"',
    )
    for section in sections:
        text = f'schema = 1\n[routing]\norder = ["one"]\n[upstreams.one]\n{section}\n'
        (house.where / "gateway.toml").write_text(text)
        found.add(where(house.config().used[0]).fingerprint)
    assert len(found) == len(sections)


def test_an_answer_that_names_very_many_models_is_told_of_a_few_times() -> None:
    iterations = [{"model": f"another-{number}"} for number in range(10_000)]
    told = observed.served(OPUS, {"iterations": iterations})
    found = observed.violations(observed.Expected(OPUS), told)
    assert 0 < len(found) < 100


MESSAGE_OF = {"max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}


def elsewhere(client: Anthropic, house: House) -> list[Callable[[], object]]:
    """Return calls that try to leave by what the SDK offers."""
    direct = house.emulator.direct.base_url
    body: Any = {"model": OPUS, **MESSAGE_OF}
    create: Any = client.messages.create
    key = {"x-api-key": house.emulator.api_key}
    moved: Any = client.with_options(base_url=direct, default_headers=key)
    return [
        lambda: moved.messages.create(**body),
        lambda: create(**body, extra_headers=key, extra_query={"upstream": "direct"}),
        lambda: create(**body, extra_headers={"host": "127.0.0.1"}),
        lambda: create(**body, extra_headers={"x-gateway-upstream": "direct"}),
        lambda: create(**body, extra_headers={"x-gateway-only": "direct,anywhere"}),
        lambda: create(**body, extra_headers={"x-gateway-class": "Open"}),
        lambda: create(**body, extra_headers={"x-gateway-class": "open, inner"}),
        lambda: create(**body, extra_headers={"x-gateway-class": ""}),
        lambda: create(**body, extra_body={"x-gateway-class": "open", "gateway": "direct"}),
        lambda: create(**{**body, "model": f"global.anthropic.{OPUS}"}),
        lambda: create(**{**body, "model": f"{OPUS}@default"}),
        lambda: client.post(f"{direct}/v1/messages", body=body, cast_to=object),
        lambda: client.post("/v1/messages/../../x/v1/messages", body=body, cast_to=object),
        lambda: client.post("/v1/messages/count_tokens?a=/v1/messages", body=body, cast_to=object),
        lambda: client.post("/v1/complete", body=body, cast_to=object),
        lambda: client.get(f"{direct}/v1/files", cast_to=object),
        lambda: client.messages.batches.create(requests=[{"custom_id": "1", "params": body}]),
        lambda: client.beta.files.upload(file=("a.txt", b"hi")),
        lambda: client.copy(http_client=httpx2.Client()).messages.create(**body),
        lambda: client.with_options(api_key=house.emulator.api_key).messages.create(**body),
        lambda: list(client.messages.stream(**body).__enter__().text_stream),
        lambda: client.beta.messages.create(**body, fallbacks="default"),
    ]


@pytest.mark.parametrize("number", range(22))
def test_no_way_of_the_sdk_leads_out_of_policy(house: House, number: int) -> None:
    with Anthropic(gateway=house.config(), max_retries=0) as client:
        ways = elsewhere(client, house)
        assert len(ways) == 22
        with suppress(AnthropicError, TypeError):
            ways[number]()
    for path in house.seen():
        assert path.startswith("/model/eu.") or path.endswith("/count-tokens"), path
    for record in house.emulator.records:
        assert not [name for name, _ in record.headers if name.startswith("x-gateway")]


def test_another_class_is_the_way_out_that_policy_has(house: House) -> None:
    with Anthropic(gateway=house.config(), max_retries=0) as client:
        body: Any = {"model": OPUS, **MESSAGE_OF}
        client.messages.create(**body, extra_headers={"x-gateway-class": "open"})
    assert house.seen() == ["/v1/messages"]


BLOCKS = """schema = 1
name = "blocks"
[layer]
[[block]]
upstream = "frankfurt"
because = "an incident"
until = 9999-12-31
"""


@pytest.fixture
def house(tmp_path: Path, emulator: Emulator) -> House:
    made = House(tmp_path / "config", emulator)
    made.write()
    return made


@pytest.fixture
def looks_at_every_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every call looks at the files, and takes what was written just now."""
    monkeypatch.setattr(boundary_module, "CHECK_S", 0.0)
    monkeypatch.setattr(boundary_module, "QUIET_S", 0.0)


def digest(boundary: Boundary) -> str:
    found = boundary.current()
    assert found is not None
    return found.compiled.digest


@pytest.mark.usefixtures("looks_at_every_call")
def test_a_block_until_the_last_day_there_is_stands(house: House) -> None:
    boundary = Boundary(house.config())
    before = digest(boundary)
    (house.where / "policies" / "blocks.toml").write_text(BLOCKS)
    assert digest(boundary) != before
    assert boundary.mistakes == ()


@pytest.mark.usefixtures("looks_at_every_call")
@pytest.mark.parametrize("name", ["policies/blocks.toml", "verified.toml", "attestations.toml"])
def test_a_link_that_leads_nowhere_is_no_file_that_is_not_there(house: House, name: str) -> None:
    boundary = Boundary(house.config())
    before = digest(boundary)
    (house.where / name).unlink(missing_ok=True)
    (house.where / name).symlink_to(house.where / "nowhere.toml")
    assert digest(boundary) == before
    assert [Path(str(each.file)).name for each in boundary.mistakes] == [Path(name).name]
    with pytest.raises(ConfigError, match="cannot be read"):
        Boundary(house.config())


@pytest.mark.usefixtures("looks_at_every_call")
def test_another_text_of_the_same_length_and_time_is_taken(house: House) -> None:
    boundary = Boundary(house.config())
    before = digest(boundary)
    times = house.policy.stat()
    with house.policy.open("r+") as file:
        file.write(POLICY.replace('"FR", "IE"', '"IE", "LU"'))
    os.utime(house.policy, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert digest(boundary) != before


def test_half_a_file_is_not_taken_while_it_is_written(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boundary_module, "CHECK_S", 0.0)
    monkeypatch.setattr(boundary_module, "QUIET_S", 600.0)
    monkeypatch.setattr(boundary_module, "PATIENCE_S", 600.0)
    boundary = Boundary(house.config())
    before = digest(boundary)
    house.policy.write_text(POLICY.partition("[[rule]]")[0])
    assert digest(boundary) == before
    house.policy.write_text(POLICY)
    assert digest(boundary) == before
    house.policy.write_text(POLICY.replace("IE", "LU"))
    assert digest(boundary) == before
    monkeypatch.setattr(boundary_module, "QUIET_S", 0.0)
    assert digest(boundary) != before


@pytest.mark.usefixtures("looks_at_every_call")
def test_files_that_are_never_left_alone_are_taken_in_the_end(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boundary_module, "QUIET_S", 600.0)
    monkeypatch.setattr(boundary_module, "PATIENCE_S", 0.0)
    boundary = Boundary(house.config())
    before = digest(boundary)
    house.policy.write_text(POLICY.replace("IE", "LU"))
    assert digest(boundary) != before


def test_a_changed_file_is_taken_within_five_seconds() -> None:
    assert boundary_module.CHECK_S * 2 + boundary_module.PATIENCE_S <= 5
    assert boundary_module.QUIET_S <= boundary_module.PATIENCE_S
