from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.call import Call, read_body, read_call
from gateway.errors import Malformed
from providers.contract import Headers, Kind

HEADERS: Headers = (("anthropic-version", "2026-10-21"),)
BODY = b'{"model":"claude-opus-5-5","max_tokens":5,"messages":[]}'


def read(body: bytes = BODY, *headers: tuple[str, str], own_account: bool = False) -> Call:
    return read_call(Kind.MESSAGES, (*HEADERS, *headers), body, own_account=own_account)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "not a JSON object"),
        (b"{", "not a JSON object"),
        (b"[1]", "not a JSON object"),
        (b'{"model":"a"} trailing', "not a JSON object"),
        (b'{"model":"a","model":"b"}', "model: this field is in the request body twice"),
        (b'{"model":"a","mo\\u0064el":"b"}', "model: this field is in the request body twice"),
        (b'{"model": "a", "model": "b"}', "model: this field is in the request body twice"),
        (b'{"model":"a","n":12,"n":1}', "n: this field is in the request body twice"),
        (b'{"model":"a","n":1,"n":1}', "n: this field is in the request body twice"),
        (b'{"model":"\xff"}', "not valid UTF-8"),
        (b'{"messages":["\xed\xa0\x80"]}', "not valid UTF-8"),
        (b'{"messages":["\\ud800 alone"]}', r"half a surrogate pair \(byte 14\)"),
        (b'{"messages":["\\ud800"]}', r"half a surrogate pair \(byte 14\)"),
        (b'{"messages":["\\\\u0041\\uDC00"]}', r"half a surrogate pair \(byte 21\)"),
        (b'{"messages":["\\ud83d\\ude00\\ud83d\\n"]}', r"half a surrogate pair \(byte 26\)"),
        (b'{"messages":["\\\\ud800 is no escape"}', "not a JSON object"),
        (b'{"messages":["\\ud83d\\ude00 is a pair"}', "not a JSON object"),
        (b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested too deeply"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "nested too deeply"),
        (b'{"messages":[]}', "model: Field required"),
        (b'{"model":7}', "model: Input should be a valid string"),
        (b'{"model":null}', "model: Input should be a valid string"),
        (b'{"model":"a","stream":"yes"}', "stream: Input should be a valid boolean"),
        (b'{"model":"a","stream":1}', "stream: Input should be a valid boolean"),
        (b'{"model":"a","max_tokens":"5"}', "max_tokens: Input should be a valid integer"),
        (b'{"model":"a","max_tokens":1.5}', "max_tokens: Input should be a valid integer"),
        (b'{"model":"a","max_tokens":true}', "max_tokens: Input should be a valid integer"),
    ],
)
def test_a_bad_body_is_refused_by_name(body: bytes, words: str) -> None:
    with pytest.raises(Malformed, match=words):
        read(body)


def test_two_million_keys_are_refused() -> None:
    body = b"{" + b",".join(b'"k%d":0' % number for number in range(2_000_000)) + b"}"
    with pytest.raises(Malformed, match="more than 200"):
        read(body)


def test_the_version_header_is_required() -> None:
    with pytest.raises(Malformed, match="anthropic-version"):
        read_call(Kind.MESSAGES, (), BODY)


def test_repeated_keys_deeper_down_are_only_carried() -> None:
    body = b'{"model":"a","messages":[{"role":"user","role":"user"}]}'
    assert bytes(read(body).fields.body["messages"]) == b'[{"role":"user","role":"user"}]'


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)
NAMES = st.text(max_size=6).filter(lambda name: name != "max_tokens")
OBJECTS = st.dictionaries(NAMES, JSON_VALUES, max_size=6)
SEPARATORS = st.sampled_from([(",", ":"), (", ", ": "), (" ,\n", " :\t")])


@given(OBJECTS, SEPARATORS, st.booleans())
def test_every_object_is_read_with_its_bytes_and_order(
    value: dict[str, object], separators: tuple[str, str], ascii_only: bool
) -> None:
    text = json.dumps(value, separators=separators, ensure_ascii=ascii_only).encode()
    body = read_body(text)
    assert list(body) == list(value)
    for key, raw in body.items():
        assert bytes(raw) in text
        assert msgspec.json.decode(raw) == value[key]


@given(OBJECTS.filter(bool), SEPARATORS, st.data())
def test_a_key_written_twice_is_always_found(
    value: dict[str, object], separators: tuple[str, str], data: st.DataObject
) -> None:
    key = data.draw(st.sampled_from(list(value)))
    escaped = "".join(f"\\u{ord(char):04x}" for char in key if ord(char) < 0xFFFF)
    written = data.draw(st.sampled_from([json.dumps(key), f'"{escaped}"']))
    if json.loads(written) != key:
        written = json.dumps(key)
    text = json.dumps(value, separators=separators)
    twice = f"{text[:-1]}{separators[0]}{written}{separators[1]}0}}"
    with pytest.raises(Malformed, match="twice"):
        read_body(twice.encode())


def test_labels_are_read_and_never_forwarded() -> None:
    call = read(
        BODY,
        ("x-gateway-class", "phi"),
        ("x-gateway-only", "a, b"),
        ("x-gateway-tag-team", "x"),
        ("anthropic-beta", "one,two"),
        ("anthropic-beta", "three"),
        ("x-app", "cli"),
        ("authorization", "Bearer secret"),
        ("x-api-key", "secret"),
        ("cookie", "secret"),
        ("x-amz-security-token", "secret"),
    )
    assert call.labels.data_class == "phi"
    assert call.labels.only == ("a", "b")
    assert call.labels.tags == (("team", "x"),)
    assert call.fields.betas == ("one", "two", "three")
    assert call.fields.headers == (("x-app", "cli"),)


def test_only_who_brings_the_credential_chooses_the_workspace() -> None:
    workspace = ("anthropic-workspace-id", "wrkspc_1")
    assert workspace in read(BODY, workspace, own_account=True).fields.headers
    with pytest.raises(Malformed, match="anthropic-workspace-id"):
        read(BODY, workspace)
    profiled = b'{"user_profile_id":"uprof_1",' + BODY[1:]
    assert "user_profile_id" in read(profiled, own_account=True).fields.body
    with pytest.raises(Malformed, match="user_profile_id"):
        read(profiled)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("30", 30.0), ("0.5", 0.5), ("NOT_GIVEN", None), ("-1", None), ("inf", None), ("nan", None)],
)
def test_a_clients_timeout_is_read_or_ignored(value: str, seconds: float | None) -> None:
    assert read(BODY, ("x-stainless-timeout", value)).silence_s == seconds


@pytest.mark.parametrize(
    ("policy", "payer"),
    [
        ({"type": "billing_policy", "bill_to": "user_profile"}, "user_profile"),
        ({"bill_to": "self"}, None),
        ({"bill_to": 3}, None),
        ("user_profile", None),
        (None, None),
    ],
)
def test_who_pays_is_read(policy: object, payer: str | None) -> None:
    body = {"model": "claude-opus-5-5", "max_tokens": 5, "messages": [], "billing_policy": policy}
    call = read(json.dumps(body).encode())
    assert (call.payer, call.max_tokens) == (payer, 5)
    assert read().payer is None


@pytest.mark.parametrize(
    ("speed", "read_as"), [('"fast"', "fast"), ('"standard"', "standard"), ("3", None)]
)
def test_the_speed_that_is_asked_for_is_read(speed: str, read_as: str | None) -> None:
    assert read().speed == "standard"
    assert read(BODY[:-1] + b',"speed":' + speed.encode() + b"}").speed == read_as
