"""Errors of chat completions: what each code means, and whose words are whose."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from providers.codecs.chat_errors import http_failure, told_in_stream
from providers.contract import Failure, FailureKind, Headers
from tests.contract.chat import client

JSON: Headers = (("content-type", "application/json"),)


def error(message: str = "words", **more: Any) -> dict[str, Any]:
    return {"error": {"message": message, "type": "x", "param": None, "code": None, **more}}


def fail(status: int, body: object, headers: Headers = JSON) -> Failure:
    return http_failure(status, headers, json.dumps(body).encode())


CODES = [
    (400, {"code": "context_length_exceeded"}, "caller", 400),
    (400, {"type": "invalid_request_error"}, "caller", 400),
    (400, {"code": "content_policy_violation"}, "caller", 400),
    (400, {"code": "billing_hard_limit_reached"}, "quota", 429),
    (401, {"code": "invalid_api_key", "type": "invalid_request_error"}, "credential", 502),
    (402, {}, "credential", 402),
    (403, {"code": "unsupported_country_region_territory"}, "credential", 403),
    (404, {"code": "model_not_found", "type": "invalid_request_error"}, "absent", 404),
    (413, {"code": "rate_limit_exceeded"}, "caller", 413),
    (422, {}, "caller", 422),
    (429, {"code": "insufficient_quota", "type": "insufficient_quota"}, "quota", 429),
    (429, {"type": "insufficient_quota"}, "quota", 429),
    (429, {"code": "rate_limit_exceeded", "type": "tokens"}, "throttled", 429),
    (429, {"code": 429, "type": None}, "throttled", 429),
    (500, {"type": "server_error"}, "ill", 500),
    (503, {}, "ill", 529),
]


@pytest.mark.parametrize(("status", "told", "kind", "surfaced"), CODES)
def test_a_code_says_what_is_tried_next(
    status: int, told: dict[str, Any], kind: str, surfaced: int
) -> None:
    found = fail(status, error(**told))
    assert (found.kind, found.upstream_status) == (kind, status)
    if kind != "ill":
        assert found.status == surfaced
    assert found.envelope is None


@pytest.mark.parametrize("code", ["insufficient_quota", "context_length_exceeded"])
def test_the_openai_client_reads_the_same_code(code: str) -> None:
    answer = httpx2.Response(429, json=error(code=code))
    with client(answer) as one, pytest.raises(openai.RateLimitError) as refused:
        one.chat.completions.create(model="m", messages=[])
    assert refused.value.code == code


@pytest.mark.parametrize(
    "words",
    [
        "bad header: Authorization: Bearer hush",
        "Incorrect API key provided: hush",
        "sk-or-v1-hush is not valid",
        "access_key hush is unknown",
    ],
)
def test_a_key_that_a_relay_repeats_reaches_no_caller(words: str) -> None:
    assert "hush" not in fail(400, error(words)).message
    assert (
        "hush"
        not in told_in_stream(Raw(json.dumps(error(words, code=400)["error"]).encode())).message
    )


@pytest.mark.parametrize("name", ["invalid_request_error", "buy_at_the_vendor"])
def test_an_envelope_of_another_name_does_not_make_it_the_callers_credential(name: str) -> None:
    found = fail(401, {"type": "error", "error": {"type": name, "message": "x"}})
    assert (found.kind, found.status, found.type) == (FailureKind.CREDENTIAL, 502, "api_error")


def test_a_relays_words_hold_nothing_that_a_terminal_obeys() -> None:
    assert fail(400, error("a\x1b[31m\x00b")).message.endswith(": a?[31m?b")


def test_a_relays_words_are_named_as_its_own() -> None:
    found = fail(400, error("messages.0: too many\nimages"))
    assert found.message == "The relay refused the request: messages.0: too many images"
    envelope = {"type": "error", "error": {"type": "invalid_request_error", "message": "too many"}}
    copied = fail(400, envelope)
    assert copied.envelope is None
    assert copied.message == "The relay refused the request: too many"
    long = fail(400, error("x" * 10_000))
    assert len(long.message) < 400


@pytest.mark.parametrize(
    "told",
    [
        error("This model's maximum context length is 200000 tokens."),
        error("whatever", code="context_length_exceeded"),
        {
            "type": "error",
            "error": {"type": "invalid_request_error", "message": "prompt is too long: 9"},
        },
    ],
)
def test_clients_read_what_they_compact_on(told: dict[str, Any]) -> None:
    assert fail(400, told).message == "Input is too long."


@pytest.mark.parametrize(
    "words", ["see https://relay.corp.internal", "account 123456789012", "<html>", "at 10.1.2.3"]
)
@pytest.mark.parametrize("status", [400, 401, 429, 500])
def test_what_names_the_operators_own_stays_in_the_log(words: str, status: int) -> None:
    found = fail(status, error(words))
    assert words not in found.message
    assert found.detail == words


def test_other_errors_are_told_in_our_words() -> None:
    for status in (401, 403, 404, 429, 500):
        assert "organization" not in fail(status, error("Your organization is over it")).message


def test_an_id_and_a_wait_come_with_it() -> None:
    headers = (*JSON, ("x-request-id", "req_1"), ("retry-after", "7"))
    found = fail(429, error(), headers)
    assert (found.request_id, found.retry_after_s) == ("req_1", 7.0)


IN_STREAM = [
    ({"code": "rate_limit_exceeded"}, "throttled"),
    ({"type": "insufficient_quota"}, "quota"),
    ({"code": "server_error"}, "ill"),
    ({"type": "overloaded_error"}, "ill"),
    ({"code": 429}, "throttled"),
    ({"code": 503}, "ill"),
    ({"code": 200}, "bad200"),
    ({"code": 10**30}, "bad200"),
    ({}, "bad200"),
]


@pytest.mark.parametrize(("told", "kind"), IN_STREAM)
def test_an_error_in_a_stream_is_read_by_its_code(told: dict[str, Any], kind: str) -> None:
    raw = Raw(json.dumps(error("secret words", **told)["error"]).encode())
    found = told_in_stream(raw)
    assert (found.kind, found.upstream_status) == (kind, 200)
    assert "secret" not in found.message
    assert "secret" in found.detail


def test_bare_words_are_an_error_too() -> None:
    assert told_in_stream(Raw(b'"overloaded"')).kind is FailureKind.BAD200


@given(status=st.sampled_from([200, 204, 302, 400, 429, 500, 599]), body=st.binary(max_size=200))
def test_any_body_is_survived(status: int, body: bytes) -> None:
    found = http_failure(status, JSON, body)
    assert found.envelope is None
    assert len(found.message) < 400
