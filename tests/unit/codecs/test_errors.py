from __future__ import annotations

import json
import tomllib

import pytest

from providers.codecs import errors
from providers.codecs.retry_after import retry_after_s
from providers.contract import Failure, FailureKind, Headers
from providers.registry import PROVIDERS

GENERIC = b"<html><body>502 at 10.1.2.3</body></html>"


def fail(platform: str, status: int, body: object, headers: Headers = ()) -> Failure:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return PROVIDERS[platform].failure(status, headers, raw)


def envelope(kind: str, message: str, **details: str) -> dict[str, object]:
    error: dict[str, object] = {"type": kind, "message": message}
    if details:
        error["details"] = details
    return {"type": "error", "error": error, "request_id": "req_1"}


def google(status: str, message: str = "words") -> dict[str, object]:
    return {"error": {"code": 0, "message": message, "status": status}}


# Any platform: the status alone.

STATUSES = [
    (400, "caller", "invalid_request_error", 400),
    (401, "credential", "api_error", 502),
    (402, "credential", "billing_error", 402),
    (403, "credential", "permission_error", 403),
    (404, "absent", "not_found_error", 404),
    (408, "ill", "timeout_error", 408),
    (409, "ill", "conflict_error", 409),
    (413, "caller", "request_too_large", 413),
    (418, "caller", "invalid_request_error", 418),
    (422, "caller", "invalid_request_error", 422),
    (424, "ill", "api_error", 424),
    (429, "throttled", "rate_limit_error", 429),
    (500, "ill", "api_error", 500),
    (502, "ill", "api_error", 502),
    (503, "ill", "overloaded_error", 503),
    (504, "ill", "timeout_error", 504),
    (529, "ill", "overloaded_error", 529),
    (599, "ill", "api_error", 599),
    (302, "bad200", "api_error", 502),
    (204, "bad200", "api_error", 502),
]


@pytest.mark.parametrize("platform", PROVIDERS)
@pytest.mark.parametrize(("status", "kind", "name", "surfaced"), STATUSES)
def test_a_bare_status_says_enough(
    platform: str, status: int, kind: str, name: str, surfaced: int
) -> None:
    found = fail(platform, status, GENERIC)
    assert (found.kind, found.type, found.status) == (kind, name, surfaced)
    assert found.upstream_status == status
    assert found.envelope is None
    assert "html" not in found.message
    assert "10.1.2.3" not in found.message


@pytest.mark.parametrize("platform", PROVIDERS)
@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b'"x"', b"{", b'{"error":null}', b"[" * 9999]
)
def test_any_body_is_survived(platform: str, body: bytes) -> None:
    assert fail(platform, 500, body).kind is FailureKind.ILL


# Anthropic's envelope.


RELAYS = ("openai_relay", "relay")
"""Their words are not Anthropic's."""


@pytest.mark.parametrize("platform", [name for name in PROVIDERS if name not in RELAYS])
def test_the_callers_error_is_handed_on_word_for_word(platform: str) -> None:
    body = envelope("invalid_request_error", "prompt is too long: 9 > 8")
    found = fail(platform, 400, body)
    assert found.kind is FailureKind.CALLER
    assert found.message == "prompt is too long: 9 > 8"
    assert found.envelope == json.dumps(body).encode()


def test_a_relays_words_are_not() -> None:
    too_long = fail("relay", 400, envelope("invalid_request_error", "prompt is too long: 9 > 8"))
    assert (too_long.message, too_long.envelope) == ("Input is too long.", None)
    other = fail("relay", 400, envelope("vendor_error", "buy more"))
    assert (other.type, other.message) == (
        "invalid_request_error",
        errors.own_message("invalid_request_error"),
    )


def test_the_direct_apis_words_are_trusted_and_a_clouds_are_not() -> None:
    body = envelope("invalid_request_error", "could not fetch https://example.com/a.png")
    assert fail("anthropic", 400, body).envelope is not None
    found = fail("vertex", 400, body)
    assert found.envelope is None
    assert "example" not in found.message
    assert "example" in found.detail


@pytest.mark.parametrize("name", ["accounts/123456789012", "x y", "Überlastet", "e" * 70])
def test_a_type_that_is_none_is_not_handed_on(name: str) -> None:
    for platform in PROVIDERS:
        for status, found in ((529, "overloaded_error"), (400, "invalid_request_error")):
            assert fail(platform, status, envelope(name, "words")).type == found


def test_other_errors_keep_their_words_for_the_log() -> None:
    found = fail("anthropic", 429, envelope("rate_limit_error", "organization 4f limit"))
    assert found.kind is FailureKind.THROTTLED
    assert "4f" not in found.message
    assert found.detail == "organization 4f limit"
    assert found.envelope is None


@pytest.mark.parametrize(
    ("status", "body", "kind", "surfaced"),
    [
        (429, envelope("rate_limit_error", "x", error_code="ramp_limit_exceeded"), "quota", 429),
        (
            400,
            envelope("invalid_request_error", "You have reached your specified API usage limits."),
            "quota",
            429,
        ),
        (404, envelope("not_found_error", "x", error_code="thread_not_found"), "caller", 404),
        (503, envelope("api_error", "x", error_code="cmek_key_unreachable"), "ill", 503),
    ],
)
def test_codes_and_words_say_more_than_the_status(
    status: int, body: object, kind: str, surfaced: int
) -> None:
    found = fail("anthropic", status, body)
    assert (found.kind, found.status) == (kind, surfaced)


def test_a_lost_thread_reaches_the_sdk_as_it_came() -> None:
    body = envelope("not_found_error", "x", error_code="thread_not_found")
    assert fail("anthropic", 404, body).envelope == json.dumps(body).encode()


def test_a_refused_gateway_key_never_reads_as_the_callers() -> None:
    found = fail("anthropic", 401, envelope("authentication_error", "invalid x-api-key"))
    assert (found.kind, found.status, found.type) == ("credential", 502, "api_error")


def test_the_request_id_comes_from_the_header_or_the_body() -> None:
    body = envelope("api_error", "x")
    assert fail("anthropic", 500, body).request_id == "req_1"
    assert fail("anthropic", 500, body, (("request-id", "req_2"),)).request_id == "req_2"
    assert fail("bedrock", 500, {}, (("x-amzn-requestid", "a-b"),)).request_id == "a-b"


# Bedrock.

BEDROCK = [
    ("ThrottlingException", 429, "throttled", "rate_limit_error", 429),
    ("ModelNotReadyException", 429, "ill", "overloaded_error", 529),
    ("ServiceQuotaExceededException", 400, "quota", "rate_limit_error", 429),
    ("ServiceUnavailableException", 503, "ill", "overloaded_error", 529),
    ("InternalServerException", 500, "ill", "api_error", 500),
    ("ModelTimeoutException", 408, "ill", "timeout_error", 504),
    ("ModelErrorException", 424, "ill", "api_error", 500),
    ("ValidationException", 400, "caller", "invalid_request_error", 400),
    ("AccessDeniedException", 403, "credential", "permission_error", 403),
    ("ResourceNotFoundException", 404, "absent", "not_found_error", 404),
]


Row = tuple[str, int, str, str, int]


@pytest.mark.parametrize("row", BEDROCK)
@pytest.mark.parametrize("where", ["header", "header with a link", "body"])
def test_bedrocks_exceptions(where: str, row: Row) -> None:
    name, status, kind, error, surfaced = row
    link = f"{name}:http://internal.amazon.com/coral/com.amazon.bedrock/"
    value = link if where == "header with a link" else name
    headers = (("x-amzn-errortype", value),) if where != "body" else ()
    body = {"message": "words"} | ({"__type": f"com.amazon#{name}"} if where == "body" else {})
    found = fail("bedrock", status, body, headers)
    assert (found.kind, found.type, found.status) == (kind, error, surfaced)
    assert found.detail == "words"


def test_a_models_own_status_counts_where_it_is_told() -> None:
    headers = (("x-amzn-errortype", "ModelErrorException"),)
    assert fail("bedrock", 424, {"originalStatusCode": 429}, headers).kind == "throttled"
    assert fail("bedrock", 424, {"originalStatusCode": 403}, headers).kind == "ill"


VALIDATION: Headers = (("x-amzn-errortype", "ValidationException"),)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("Input is too long for requested model.", "Input is too long."),
        (
            "messages.1.output_config: Extra inputs are not permitted",
            "messages.1.output_config: Extra inputs are not permitted",
        ),
    ],
)
def test_bedrocks_words_about_the_request_travel(words: str, expected: str) -> None:
    assert fail("bedrock", 400, {"message": words}, VALIDATION).message == expected


def test_a_wrong_id_in_the_configuration_is_said_to_be_ours() -> None:
    words = "Invocation of model ID claude-x with on-demand throughput isn’t supported."  # noqa: RUF001 - AWS's own quote
    found = fail("bedrock", 400, {"message": words}, VALIDATION)
    assert "inference profile" in found.message


@pytest.mark.parametrize(
    "words",
    [
        "User: arn:aws:sts::1:assumed-role/x is not authorized",
        "Xarn:aws:sts::1:assumed-role/x is not authorized",
        "no route to 1127.0.0.1",
        "<html2>",
        "Account 123456789012 may not",
        "see https://docs.aws.amazon.com/x",
        "host bedrock-runtime.eu-west-1.amazonaws.com failed",
        "Publisher model projects/p-1/locations/x not found",
        "upstream 10.0.0.7 failed",
        "<html><h1>Bad</h1>",
        "someone@example.com may not",
        "key AKIAIOSFODNN7EXAMPLE",
    ],
)
@pytest.mark.parametrize("platform", ["bedrock", "vertex"])
def test_words_that_name_what_is_the_operators_stay_here(platform: str, words: str) -> None:
    body = {"message": words} if platform == "bedrock" else google("INVALID_ARGUMENT", words)
    found = fail(platform, 400, body, VALIDATION)
    assert found.kind is FailureKind.CALLER
    assert found.message == errors.own_message("invalid_request_error")
    assert found.detail == words


def test_the_words_for_the_log_are_bounded() -> None:
    assert len(fail("bedrock", 500, {"message": "x" * 9999}).detail) == errors.DETAIL_CHARS
    assert len(fail("bedrock", 500, b"\xff" * 9999).detail) == errors.DETAIL_CHARS


# Vertex AI.

VERTEX = [
    ("RESOURCE_EXHAUSTED", 429, "throttled", "rate_limit_error", 429),
    ("UNAVAILABLE", 503, "ill", "overloaded_error", 529),
    ("DEADLINE_EXCEEDED", 504, "ill", "timeout_error", 504),
    ("INVALID_ARGUMENT", 400, "caller", "invalid_request_error", 400),
    ("FAILED_PRECONDITION", 400, "caller", "invalid_request_error", 400),
    ("PERMISSION_DENIED", 403, "credential", "permission_error", 403),
    ("UNAUTHENTICATED", 401, "credential", "api_error", 502),
    ("NOT_FOUND", 404, "absent", "not_found_error", 404),
    ("INTERNAL", 500, "ill", "api_error", 500),
]


@pytest.mark.parametrize("row", VERTEX)
@pytest.mark.parametrize("listed", [False, True])
def test_googles_errors(listed: bool, row: Row) -> None:
    name, status, kind, error, surfaced = row
    body = google(name)
    found = fail("vertex", status, [body] if listed else body)
    assert (found.kind, found.type, found.status) == (kind, error, surfaced)
    assert found.detail == "words"


@pytest.mark.parametrize("status", [413, 422])
@pytest.mark.parametrize(
    ("platform", "body", "headers"),
    [
        ("vertex", google("UNKNOWN"), ()),
        ("vertex", google("INVALID_ARGUMENT"), ()),
        ("bedrock", {"message": "words"}, (("x-amzn-errortype", "ValidationException"),)),
        ("bedrock", {"message": "words"}, (("x-amzn-errortype", "ModelErrorException"),)),
    ],
)
def test_a_status_that_blames_the_request_stands_over_a_name(
    platform: str, body: object, headers: Headers, status: int
) -> None:
    failure = fail(platform, status, body, headers)
    assert failure.kind is FailureKind.CALLER
    assert failure.status == status


def test_vertex_says_too_long_as_clients_know_it() -> None:
    words = "Request payload size exceeds the limit: 31457280 bytes."
    assert fail("vertex", 400, google("INVALID_ARGUMENT", words)).message == "Input is too long."


def test_a_model_that_a_region_lacks_is_absent() -> None:
    words = "Publisher Model `projects/p/x` is not servable in region us-east1."
    found = fail("vertex", 400, google("FAILED_PRECONDITION", words))
    assert found.kind is FailureKind.ABSENT
    assert "projects" not in found.message


# Foundry.


def azure(code: str, words: str = "words") -> dict[str, object]:
    return {"error": {"code": code, "message": words, "details": "more"}}


FOUNDRY = [
    # Seen now and then with a key that is good.
    ("invalid_model_endpoint_authentication", 401, "ill", "api_error", 500),
    ("401", 401, "credential", "api_error", 502),
    ("403", 403, "credential", "permission_error", 403),
    ("429", 429, "throttled", "rate_limit_error", 429),
    ("DeploymentNotFound", 404, "absent", "not_found_error", 404),
    ("api_not_supported", 404, "absent", "not_supported", 501),
    ("BadRequest", 400, "caller", "invalid_request_error", 400),
    ("InternalServerError", 500, "ill", "api_error", 500),
]


@pytest.mark.parametrize("row", FOUNDRY)
def test_azures_errors(row: Row) -> None:
    code, status, kind, error, surfaced = row
    found = fail("foundry", status, azure(code), (("apim-request-id", "id-1"),))
    assert (found.kind, found.type, found.status) == (kind, error, surfaced)
    assert (found.detail, found.request_id) == ("words", "id-1")


@pytest.mark.parametrize(
    "words",
    [
        "my-resource.services.ai.azure.com does not answer",
        "/subscriptions/x/resourceGroups/y",
        "The tenant 00000000-0000-4000-8000-000000007e4a may not",
        "AADSTS700016: no such application",
    ],
)
def test_azures_words_that_name_what_is_the_operators_stay_here(words: str) -> None:
    found = fail("foundry", 400, azure("BadRequest", words))
    assert found.message == errors.own_message("invalid_request_error")
    assert found.detail == words


# Waiting.

DATE = ("date", "Sun, 22 Nov 2026 03:00:00 GMT")


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ((), None),
        ((("retry-after", "2"),), 2.0),
        ((("retry-after", "0.5"),), 0.5),
        ((("retry-after", "0"),), 0.0),
        ((("retry-after", "31536000"),), 31536000.0),
        ((("retry-after-ms", "700"), ("retry-after", "9")), 0.7),
        ((("retry-after-ms", "x"), ("retry-after", "9")), 9.0),
        ((("retry-after", "-1"),), None),
        ((("retry-after", "nan"),), None),
        ((("retry-after", "inf"),), None),
        ((("retry-after", "soon"),), None),
        ((("retry-after", "Sun, 22 Nov 2026 03:00:30 GMT"), DATE), 30.0),
        ((("retry-after", "Sun, 22 Nov 2026 02:00:30 GMT"), DATE), None),
        ((("retry-after", "Sun, 22 Nov 2026 03:00:30 GMT"),), None),
        ((("retry-after", "Sun, 22 Nov 2026 03:00:30 -0000"), DATE), 30.0),
        ((("retry-after", "Sun, 99 Nov 2026 03:00:30 GMT"), DATE), None),
    ],
)
def test_how_long_to_wait(headers: Headers, expected: float | None) -> None:
    assert retry_after_s(headers) == expected
    assert fail("anthropic", 429, {}, headers).retry_after_s == expected


def test_the_table_names_its_sources() -> None:
    for name in ("failures", "aws_regions", "google"):
        path = errors._TABLE.with_name(f"{name}.toml")
        for section, table in tomllib.loads(path.read_text(encoding="utf-8")).items():
            assert {"source", "checked_on", "verified"} <= table.keys(), (name, section)
