"""One request that tries to reach what policy does not allow, or to leave its words behind."""

from __future__ import annotations

import json
import os
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from gateway.boundary import Boundary
from gateway.boundary import boundary as boundary_module
from gateway.call import Call, read_body, read_call
from gateway.config import ConfigError
from gateway.emulator import Emulator
from gateway.errors import Malformed
from gateway.judging import Judgement, judge
from gateway.policy.attestations import Attestation, Attestations
from gateway.policy.compiling import compile_policies
from gateway.policy.facts import Assurance
from gateway.policy.files import read_policy
from gateway.policy.in_force import InForce
from gateway.policy.places import Where
from gateway.policy.sheet import fact_sheet
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


CLOSED = rule("forbid.features = ['web_search']")
BLOCK = '{"type":"text","text":"x"}'
MESSAGE = f'{{"content":[{BLOCK}]}}'
STRICT_TOOL = f'{{"strict":true,"input_schema":[{"0," * 9000}1]}}'
MANY = 150_000


def listed(item: str, times: int) -> str:
    return f"[{','.join([item] * times)}]"


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        (f'"messages":{listed("{}", MANY)}', "messages"),
        (f'"tools":{listed("{}", MANY)}', "tools"),
        (f'"messages":[{{"content":{listed(BLOCK, MANY)}}}]', "content"),
        (f'"messages":{listed(MESSAGE, MANY)}', "messages"),
        (f'"messages":{listed(MESSAGE, 60_000)}', "content"),
        (f'"output_config":{{"format":{listed("{}", MANY)}}}', "output_config.format"),
        (f'"tools":{listed(STRICT_TOOL, 30)}', "tools"),
    ],
)
def test_a_body_of_very_many_parts_is_refused_before_it_takes_long(fields: str, where: str) -> None:
    text = f'{{"model":"{OPUS}","max_tokens":9,{fields}}}'
    call = read_call(Kind.MESSAGES, (("anthropic-version", "2023-06-01"),), text.encode())
    with pytest.raises(Malformed, match=where):
        judge(call, OPUS, in_force(CLOSED), NOW_S)


def test_a_long_text_full_of_braces_is_no_body_of_many_parts() -> None:
    found = judged(CLOSED, messages=[{"role": "user", "content": "{}" * MANY * 2}])
    assert found.decision.allowed == ("one", "two")


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
        call = read_call(Kind.MESSAGES, (("anthropic-version", "2023-06-01"),), text.encode())
        with pytest.raises(Malformed, match="in one object twice"):
            judge(call, OPUS, in_force(CLOSED), NOW_S)


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
