"""What a request in a cloud's format says in the words of the Messages API."""

from __future__ import annotations

import json
import sys
from base64 import b64encode
from typing import Any

import pytest

from gateway.call import read_body
from gateway.errors import Malformed, NotServed, Refused, UnknownModel
from gateway.formats.bedrock.table import table
from providers.capabilities import load
from providers.contract import Headers, header
from tests.formats.asking import ASK, BEARER, BEDROCK, VERTEX, call, invoke, predict, signed, way

MODEL = "claude-opus-5-5"
GLOBAL = f"global.anthropic.{MODEL}"
ODD = b'[ {"role":"user", "content":"caf\\u00e9 1.0e3"} ]'
"""Bytes that a JSON writer would write otherwise."""


def test_only_the_top_level_is_touched() -> None:
    body = b'{"anthropic_version":"bedrock-2023-05-31","messages":' + ODD + b',"max_tokens":9}'
    for found, more in (
        (way(f"/model/{GLOBAL}/invoke").read(BEARER, body), b""),
        (way(f"/model/{GLOBAL}/invoke-with-response-stream").read(BEARER, body), b',"stream":true'),
    ):
        expected = b'{"messages":' + ODD + b',"max_tokens":9,"model":"' + MODEL.encode() + b'"'
        assert found.raw == expected + more + b"}"
        assert bytes(found.fields["messages"]) == ODD
        assert call(found).stream is bool(more)


@pytest.mark.parametrize(
    ("version", "means"), [("bedrock-2023-05-31", "2023-06-01"), ("2026-10-21", "2026-10-21")]
)
def test_bedrocks_version_and_betas_become_headers(version: str, means: str) -> None:
    body = {**BEDROCK, "anthropic_version": version, "anthropic_beta": ["a-1", "b-2"]}
    headers = (*BEARER, ("anthropic-beta", "c-3, a-1"), ("anthropic-version", "2022-01-01"))
    found = call(invoke(GLOBAL, headers, body))
    assert found.fields.version == means
    assert found.fields.betas == ("c-3", "a-1", "b-2")
    assert not {"anthropic_version", "anthropic_beta"} & found.fields.body.keys()


@pytest.mark.parametrize(
    ("version", "means"), [("vertex-2023-10-16", "2023-06-01"), ("2026-10-21", "2026-10-21")]
)
def test_vertexs_version_and_betas_become_headers(version: str, means: str) -> None:
    body = {**VERTEX, "anthropic_version": version, "anthropic_beta": ["b-2"]}
    found = call(predict("global", MODEL, body, headers=(("anthropic-beta", "a-1"),)))
    assert (found.fields.version, found.fields.betas) == (means, ("a-1", "b-2"))


@pytest.mark.parametrize("row", sorted(load("bedrock").models))
@pytest.mark.parametrize("prefix", ["", "eu.", "global.", "us-gov.", "apac."])
def test_every_id_of_bedrock_is_known(row: str, prefix: str) -> None:
    found = invoke(prefix + load("bedrock").models[row].id)
    assert found.within is None or found.within.written.startswith(prefix)
    assert row.removeprefix("claude-") in call(found).asked


@pytest.mark.parametrize("row", sorted(load("vertex").models))
def test_every_id_of_vertex_is_known(row: str) -> None:
    assert call(predict("global", load("vertex").models[row].id)).asked == row


@pytest.mark.parametrize(
    "model",
    ["..", ".", "", "a b", "x" * 300, "eu.anthropic.claude\x00", "a/b", "é", "a?b", "arn:aws:s3:x"],
)
def test_what_is_no_id_of_bedrock_is_not_valid(model: str) -> None:
    with pytest.raises(Malformed, match="not valid"):
        invoke(model)


@pytest.mark.parametrize(
    "model", ["anthropic.claude-opus-5.5", "mars.anthropic.claude-opus-5-5", "amazon.nova"]
)
def test_an_id_that_no_model_has_is_not_found(model: str) -> None:
    with pytest.raises(UnknownModel, match="is not known"):
        invoke(model)


def test_near_names_are_bedrocks() -> None:
    with pytest.raises(UnknownModel, match=r"Near names: anthropic\.claude-opus-5-5,"):
        invoke("eu.anthropic.claude-opus-5.5")


@pytest.mark.parametrize("model", [f"eu.anthropic.{MODEL}", "claude-opus-9", "a%20b", "a b"])
def test_what_is_no_id_of_vertex_is_refused(model: str) -> None:
    with pytest.raises(Refused, match="model"):
        predict("global", model)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"model": MODEL}, "model: Extra inputs"),
        ({"stream": True}, "stream: Extra inputs"),
        ({"anthropic_version": None}, "anthropic_version"),
        ({"anthropic_version": "2023-06-01"}, "anthropic_version: Input should be 'bedrock-2023"),
        ({"anthropic_beta": "a"}, "anthropic_beta"),
        ({"anthropic_beta": [1]}, "anthropic_beta"),
    ],
)
def test_a_body_that_bedrock_would_not_take_is_refused_by_name(
    more: dict[str, Any], says: str
) -> None:
    with pytest.raises(Malformed, match=says):
        invoke(GLOBAL, body=BEDROCK | more)
    with pytest.raises(Malformed, match="anthropic_version: Field required"):
        invoke(GLOBAL, body=ASK)


def test_no_request_keeps_the_body_that_it_came_in() -> None:
    chat = json.dumps({"model": MODEL, **ASK, "thinking": {"type": "disabled"}}).encode()
    inner = b64encode(json.dumps(BEDROCK).encode()).decode()
    counted = json.dumps({"input": {"invokeModel": {"body": inner}}}).encode()
    place = "/v1/projects/p/locations/global/publishers/anthropic/models"
    for path, body in (
        ("/v1/chat/completions", chat),
        (f"/model/{GLOBAL}/invoke", json.dumps(BEDROCK).encode()),
        (f"/model/{GLOBAL}/count-tokens", counted),
        (f"{place}/{MODEL}:rawPredict", json.dumps(VERTEX).encode()),
    ):
        before = sys.getrefcount(body)
        asked = way(path).read(BEARER, body)
        assert sys.getrefcount(body) == before, path
        assert dict(asked.fields) == dict(read_body(asked.raw))


def test_nobody_names_an_account_of_the_gateways() -> None:
    more = {"user_profile_id": "x"}
    inner = b64encode(json.dumps(BEDROCK | more).encode()).decode()
    counted = {"input": {"invokeModel": {"body": inner}}}
    for asked in (
        invoke(GLOBAL, body=BEDROCK | more),
        invoke(GLOBAL, body=counted, action="count-tokens"),
        predict("global", MODEL, VERTEX | more),
    ):
        with pytest.raises(Malformed, match="user_profile_id"):
            call(asked)


@pytest.mark.parametrize(
    ("more", "verb", "says"),
    [
        ({"model": MODEL}, "rawPredict", "model: Extra inputs"),
        ({"stream": True}, "rawPredict", "stream: with rawPredict"),
        ({"stream": False}, "streamRawPredict", "stream: with streamRawPredict"),
        ({"stream": "no"}, "streamRawPredict", "stream: with streamRawPredict"),
        ({"stream": None}, "rawPredict", "stream: with rawPredict"),
        ({"anthropic_version": "bedrock-2023-05-31"}, "rawPredict", "anthropic_version"),
    ],
)
def test_a_body_that_vertex_would_not_take_is_refused_by_name(
    more: dict[str, Any], verb: str, says: str
) -> None:
    with pytest.raises(Malformed, match=says):
        predict("global", MODEL, VERTEX | more, verb)


@pytest.mark.parametrize("more", [{}, {"stream": True}])
def test_vertexs_path_says_whether_it_streams(more: dict[str, Any]) -> None:
    assert call(predict("global", MODEL, VERTEX | more, "streamRawPredict")).stream
    assert not call(predict("global", MODEL, VERTEX | {"stream": False})).stream


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-amzn-bedrock-guardrailidentifier", "abc"),
        ("x-amzn-bedrock-guardrailversion", "DRAFT"),
        ("x-amzn-bedrock-trace", "ENABLED"),
        ("x-amzn-bedrock-performanceconfig-latency", "optimized"),
        ("x-amzn-bedrock-service-tier", "flex"),
        ("x-amzn-bedrock-request-metadata", "{"),
        ("x-amzn-bedrock-request-metadata", '{"a b":"c"}'),
        ("x-amzn-bedrock-request-metadata", '{"a":1}'),
        ("x-amzn-bedrock-something-new", "on"),
    ],
)
def test_a_header_that_asks_for_what_is_not_there_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(Malformed, match=name):
        invoke(GLOBAL, (*BEARER, (name, value)))


def test_headers_that_ask_for_nothing_are_let_pass() -> None:
    harmless = table().headers.harmless
    headers = tuple((name, value) for name, values in harmless.items() for value in values)
    accept: Headers = (("accept", "*/*"), ("x-amzn-bedrock-accept", "application/json"))
    found = call(invoke(GLOBAL, (*BEARER, *headers, *accept)))
    assert not any(name.startswith("x-amzn") for name, _ in found.fields.headers)


def test_metadata_becomes_tags() -> None:
    told = ("x-amzn-bedrock-request-metadata", '{"Team":"a","cost.center":"7"}')
    assert call(invoke(GLOBAL, (*BEARER, told))).labels.tags == (
        ("team", "a"),
        ("cost.center", "7"),
    )


@pytest.mark.parametrize(("told", "count"), [("attempt=1; max=3", 0), ("attempt=3; max=3", 2)])
def test_botocores_attempts_are_counted(told: str, count: int) -> None:
    assert call(invoke(GLOBAL, (("amz-sdk-request", told),))).retry_count == count
    both = (("amz-sdk-request", told), ("x-stainless-retry-count", "1"))
    assert call(invoke(GLOBAL, both)).retry_count == 1


def test_a_signature_goes_nowhere() -> None:
    found = call(invoke(GLOBAL, (*signed("eu-west-1"), ("x-amz-security-token", "secret"))))
    assert not {"authorization", "x-amz-security-token"} & dict(found.fields.headers).keys()
    assert header(found.fields.headers, "anthropic-version") is None


def counted(wrapped: Any) -> Any:
    raw = wrapped if isinstance(wrapped, bytes) else json.dumps(wrapped).encode()
    return way(f"/model/anthropic.{MODEL}/count-tokens").read(BEARER, raw)


def test_what_counting_does_not_take_is_left_out() -> None:
    inner = {**BEDROCK, "temperature": 1, "metadata": {}, "system": "x"}
    found = counted({"input": {"invokeModel": {"body": b64(json.dumps(inner).encode())}}})
    assert found.fields.keys() == {"messages", "system", "model"}


def b64(data: bytes) -> str:
    return b64encode(data).decode()


@pytest.mark.parametrize(
    ("wrapped", "says"),
    [
        ({"input": {"converse": {"messages": []}}}, "input.converse"),
        ({"input": {}}, "input.invokeModel"),
        ({"input": {"invokeModel": {"body": "%%%"}}}, "input"),
        ({"input": {"invokeModel": {"body": 7}}}, "input"),
        ({}, "input"),
        (b"[", "not a JSON object"),
        (b'{"input":{},"input":{}}', "twice"),
        ({"input": {"invokeModel": {"body": b64(b"[]")}}}, "not a JSON object"),
        ({"input": {"invokeModel": {"body": b64(b'{"messages":[]')}}}, "not a JSON object"),
        ({"input": {"invokeModel": {"body": b64(b'{"model":"x"}')}}}, "model: Extra"),
    ],
)
def test_what_cannot_be_counted_is_refused_by_name(wrapped: Any, says: str) -> None:
    with pytest.raises(Malformed, match=says):
        counted(wrapped)


@pytest.mark.parametrize(
    "path",
    [
        "/model/x/converse",
        "/model/x/converse-stream",
        "/model/x/other",
        "/model/x",
        "/model/",
        "/v1/projects/p/locations/eu/publishers/google/models/gemini:generateContent",
        "/v1/projects/p/locations/eu/publishers/anthropic/models/x:predict",
        "/v1/projects/p/locations/eu/publishers/anthropic/models/x/y:rawPredict",
        "/v1/projects/p/locations/eu/publishers/anthropic/models/count-tokens:streamRawPredict",
        "/projects/",
    ],
)
def test_another_operation_is_not_served(path: str) -> None:
    with pytest.raises(NotServed, match="does not"):
        way(path).read(BEARER, b"{}")
