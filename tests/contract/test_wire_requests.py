"""Our wire requests are those of the SDK's platform clients, but for what is listed here."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, cast

import boto3
import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.config import Config
from msgspec import structs

from providers.contract import (
    Bearer,
    Endpoint,
    Kind,
    Operation,
    Place,
    Relay,
    SigV4,
    WireRequest,
)
from providers.registry import PROVIDERS
from tests.contract.conftest import Oracle, Sent, fields_of, host_of

METADATA = "x-amzn-bedrock-request-metadata"
HEADERS = (
    "content-type",
    "accept",
    "anthropic-version",
    "anthropic-beta",
    "anthropic-workspace-id",
    METADATA,
)
ATTEMPT = "dec_0123456789abcdef01234567.2"
NAMED = f'{{"tidegate-attempt":"{ATTEMPT}"}}'
NEW, OLD = "claude-opus-5-5", "claude-haiku-4-5"
TURN = {"role": "user", "content": 'hé "\u2028" \\'}
TOOL = {
    "name": "t",
    "description": "d",
    "input_schema": {"type": "object", "properties": {"a": {"type": "string"}}},
}
WHOLE: dict[str, Any] = {
    "max_tokens": 3000,
    "messages": [TURN, {"role": "assistant", "content": "a"}, TURN],
    "system": [{"type": "text", "text": "s", "cache_control": {"type": "ephemeral"}}],
    "tools": [TOOL],
    "tool_choice": {"type": "auto"},
    "stop_sequences": ["x"],
    "metadata": {"user_id": "u"},
}
WORKSPACE = "wrkspc_011CZkZaBF1tNoB5"
PLACES = {
    "anthropic": Place(),
    "aws": Place(region="eu-central-1", workspace=WORKSPACE),
    "bedrock": Place(region="eu-central-1", profile="eu"),
    "bedrock_mantle": Place(region="eu-central-1"),
    "foundry": Place(resource="my-resource"),
    "google_cloud": Place(project="p-1", workspace=WORKSPACE),
    "relay": Place(
        base_url="https://relay.example/claude",
        models={NEW: f"vendor/{NEW}", OLD: "haiku"},
        relay=Relay(
            count_tokens=True,
            stream=True,
            cache_control=True,
            betas=frozenset({"context-1m-2025-08-07", "computer-use-2025-11-24"}),
        ),
    ),
    "vertex": Place(region="europe-west1", project="p-1"),
}
"""The platforms whose own client the SDK has; of chat completions test_chat_requests.py tells."""


@dataclass(frozen=True)
class Case:
    name: str
    arguments: dict[str, Any]
    model: str = NEW
    call: str = "messages.create"
    kind: Kind = Kind.MESSAGES


SMALL: dict[str, Any] = {"max_tokens": 9, "messages": [TURN]}
COUNTED = ("messages", "system", "tools", "tool_choice")
COUNT: dict[str, Any] = {key: value for key, value in WHOLE.items() if key in COUNTED}
CASES = [
    Case("small", SMALL),
    Case("small, streamed", {**SMALL, "stream": True}),
    Case("whole", WHOLE),
    Case("thinking", {**SMALL, "thinking": {"type": "adaptive"}}),
    Case("older model", WHOLE, OLD),
    Case("older model, streamed", {**WHOLE, "stream": True}, OLD),
    Case(
        "betas",
        {**SMALL, "betas": ["context-1m-2025-08-07", "computer-use-2025-11-24"]},
        call="beta.messages.create",
    ),
    Case("count", COUNT, call="messages.count_tokens", kind=Kind.COUNT_TOKENS),
    Case("count, older model", COUNT, OLD, call="messages.count_tokens", kind=Kind.COUNT_TOKENS),
]
# The SDK refuses to count on Bedrock; botocore is the oracle there.
ASKED = [
    pytest.param(platform, case, id=f"{platform}: {case.name}")
    for platform in PLACES
    for case in CASES
    if not (platform == "bedrock" and case.kind is Kind.COUNT_TOKENS)
]


@dataclass(frozen=True)
class Deviation:
    """Where we send something else than the SDK's client, and why that is right."""

    name: str
    platform: str
    cases: tuple[str, ...]
    aspect: str
    ours: object
    theirs: object
    reason: str = field(compare=False, default="")


OLDER = ("older model", "older model, streamed")
DEVIATIONS = [
    Deviation(
        "legacy version on Bedrock",
        "bedrock",
        OLDER,
        "body.anthropic_version",
        "bedrock-2023-05-31",
        "2026-10-21",
        "Models with a version in their ARN take no newer one; AWS says to keep the old SDK.",
    ),
    Deviation(
        "legacy version on Vertex AI",
        "vertex",
        (*OLDER, "count, older model"),
        "body.anthropic_version",
        "vertex-2023-10-16",
        "2026-10-21",
        "The older models were published with this version only.",
    ),
    Deviation(
        "no beta header on Bedrock",
        "bedrock",
        ("betas",),
        "header.anthropic-beta",
        None,
        "context-1m-2025-08-07,computer-use-2025-11-24",
        "InvokeModel reads betas in the body; the SDK leaves its header in place.",
    ),
    Deviation(
        "the attempt's id on Bedrock",
        "bedrock",
        tuple(case.name for case in CASES if case.kind is Kind.MESSAGES),
        f"header.{METADATA}",
        NAMED,
        None,
        "It stands in the account's invocation logs, where a bill can be followed to its attempt.",
    ),
    Deviation(
        "no version of the model in a count on Vertex AI",
        "vertex",
        ("count, older model",),
        "body.model",
        "claude-haiku-4-5",
        "claude-haiku-4-5@20251001",
        "count-tokens answers 400 to an id with `@`.",
    ),
]


def endpoint(platform: str) -> Endpoint:
    return PROVIDERS[platform].endpoint(PLACES[platform])


def ours(platform: str, case: Case, sent: Sent) -> WireRequest:
    operation = Operation(case.kind, case.model, stream=bool(case.arguments.get("stream")))
    at, fields = endpoint(platform), fields_of(sent)
    assert PROVIDERS[platform].losses(operation, fields, at) == ()
    request = PROVIDERS[platform].encode(operation, fields, at)
    more = PROVIDERS[platform].attempt_headers(operation, ATTEMPT)
    return structs.replace(request, headers=(*request.headers, *more))


def theirs(oracle: Oracle, platform: str, case: Case) -> Sent:
    clients: dict[str, Callable[[], Any]] = {
        "anthropic": oracle.direct,
        "aws": lambda: oracle.aws("eu-central-1", WORKSPACE),
        "bedrock": lambda: oracle.bedrock("eu-central-1"),
        "bedrock_mantle": lambda: oracle.mantle("eu-central-1"),
        "foundry": lambda: oracle.foundry("my-resource"),
        "google_cloud": lambda: oracle.google_cloud("p-1", WORKSPACE),
        "relay": lambda: oracle.relay("https://relay.example/claude"),
        "vertex": lambda: oracle.vertex("europe-west1", "p-1"),
    }
    model = endpoint(platform).models[case.model].id
    return oracle.ask(clients[platform](), case.call, {**case.arguments, "model": model})


def aspects(
    method: str, host: str, target: str, headers: dict[str, str], body: bytes
) -> dict[str, object]:
    return {
        "method": method,
        "host": host,
        "target": target,
        **{f"header.{name}": headers.get(name) for name in HEADERS},
        **{f"body.{key}": value for key, value in json.loads(body).items()},
    }


def difference(request: WireRequest, host: str, sent: Sent) -> dict[str, tuple[object, object]]:
    own = aspects(request.method, host, request.target, dict(request.headers), request.body)
    other = aspects(sent.method, sent.host, sent.target, sent.headers, sent.body)
    return {
        key: (own.get(key), other.get(key))
        for key in own.keys() | other.keys()
        if own.get(key) != other.get(key)
    }


@pytest.mark.parametrize(("platform", "case"), ASKED)
def test_the_request_is_the_sdks_but_for_the_listed(
    oracle: Oracle, platform: str, case: Case
) -> None:
    direct = oracle.ask(oracle.direct(), case.call, {**case.arguments, "model": case.model})
    request = ours(platform, case, direct)
    sent = theirs(oracle, platform, case)
    listed = {
        row.aspect: (row.ours, row.theirs)
        for row in DEVIATIONS
        if row.platform == platform and case.name in row.cases
    }
    assert difference(request, host_of(endpoint(platform).base_url), sent) == listed


def test_every_deviation_has_a_case_and_a_reason() -> None:
    names = {case.name for case in CASES}
    for row in DEVIATIONS:
        assert row.reason
        assert names.issuperset(row.cases)


def test_a_direct_body_is_the_callers_own(oracle: Oracle) -> None:
    sent = oracle.ask(oracle.direct(), "messages.create", {**WHOLE, "model": NEW})
    request = ours("anthropic", CASES[0], sent)
    assert request.body is fields_of(sent).raw or request.body == sent.body


def test_a_dated_twin_goes_as_the_caller_wrote_it(oracle: Oracle) -> None:
    sent = oracle.ask(
        oracle.direct(), "messages.create", {**SMALL, "model": "claude-haiku-4-5-20251001"}
    )
    operation = Operation(Kind.MESSAGES, OLD)
    request = PROVIDERS["anthropic"].encode(operation, fields_of(sent), endpoint("anthropic"))
    assert request.body == sent.body


def test_another_model_id_is_the_only_edit(oracle: Oracle) -> None:
    sent = oracle.ask(oracle.direct(), "messages.create", {**WHOLE, "model": NEW})
    at = PROVIDERS["anthropic"].endpoint(Place(models={NEW: "their-name"}))
    request = PROVIDERS["anthropic"].encode(Operation(Kind.MESSAGES, NEW), fields_of(sent), at)
    assert request.body == sent.body.replace(NEW.encode(), b"their-name")


@pytest.mark.parametrize("names", [{}, {NEW: NEW}])
def test_a_user_profile_is_in_the_body_of_bedrocks_messages_api(
    oracle: Oracle, names: dict[str, str]
) -> None:
    asked = {**SMALL, "model": NEW, "user_profile_id": "profile_1"}
    sent = oracle.ask(oracle.direct(), "messages.create", asked)
    at = PROVIDERS["bedrock_mantle"].endpoint(Place(region="eu-central-1", models=names))
    operation = Operation(Kind.MESSAGES, NEW)
    request = PROVIDERS["bedrock_mantle"].encode(operation, fields_of(sent), at)
    theirs = oracle.ask(
        oracle.mantle("eu-central-1"), "messages.create", {**asked, "model": at.models[NEW].id}
    )
    assert json.loads(request.body) == json.loads(theirs.body)
    assert "anthropic-user-profile-id" not in dict(request.headers) | theirs.headers


def test_an_arn_is_one_segment_as_the_sdk_writes_it(oracle: Oracle) -> None:
    arn = "arn:aws:bedrock:eu-central-1:123456789012:application-inference-profile/ab12"
    place = Place(region="eu-central-1", models={NEW: arn})
    provider = PROVIDERS["bedrock"]
    sent = oracle.ask(oracle.direct(), "messages.create", {**SMALL, "model": NEW})
    request = provider.encode(
        Operation(Kind.MESSAGES, NEW), fields_of(sent), provider.endpoint(place)
    )
    client = oracle.bedrock("eu-central-1")
    theirs = oracle.ask(client, "messages.create", {**SMALL, "model": arn})
    assert request.target == theirs.target
    assert "%2F" in request.target


@pytest.mark.parametrize("location", ["global", "us", "eu", "europe-west1", "us-east5"])
def test_vertex_hosts_are_the_sdks(oracle: Oracle, location: str) -> None:
    at = PROVIDERS["vertex"].endpoint(Place(region=location, project="p-1"))
    client = oracle.vertex(location, "p-1")
    assert at.base_url == str(client.base_url).rstrip("/")


BEDROCK_HOSTS = [
    ("eu-central-1", {}),
    ("us-west-2", {"fips": True}),
    ("us-gov-west-1", {"fips": True, "dualstack": True}),
    ("eu-west-1", {"dualstack": True}),
    ("eusc-de-east-1", {}),
    ("us-iso-east-1", {}),
    ("us-isob-east-1", {}),
    ("us-isof-south-1", {}),
    ("eu-isoe-west-1", {}),
]


@pytest.mark.parametrize(("region", "kinds"), BEDROCK_HOSTS)
def test_bedrock_hosts_are_botocores(region: str, kinds: dict[str, bool]) -> None:
    at = PROVIDERS["bedrock"].endpoint(Place(region=region, **kinds))  # type: ignore[arg-type]
    client = boto3.client(
        "bedrock-runtime",
        region_name=region,
        aws_access_key_id="a",
        aws_secret_access_key="b",
        config=Config(
            use_fips_endpoint=kinds.get("fips", False),
            use_dualstack_endpoint=kinds.get("dualstack", False),
        ),
    )
    assert at.base_url == client.meta.endpoint_url
    assert at.auth == SigV4("bedrock", region)
    client.close()


class _Raw:
    def stream(self) -> Any:
        yield b'{"inputTokens":7}'


def botocores(operation: str, **arguments: Any) -> AWSPreparedRequest:
    """Return what botocore sends for an operation."""
    seen: list[AWSPreparedRequest] = []
    client = boto3.client(
        "bedrock-runtime",
        region_name="eu-central-1",
        aws_access_key_id="a",
        aws_secret_access_key="b",
    )

    def answer(request: AWSPreparedRequest, **_: object) -> AWSResponse:
        seen.append(request)
        headers = HTTPHeaders.from_dict({"content-type": "application/json"})
        return AWSResponse(request.url, 200, headers, _Raw())

    client.meta.events.register("before-send.bedrock-runtime", answer)
    getattr(client, operation)(**arguments)
    client.close()
    return seen[0]


@pytest.mark.parametrize("model", [NEW, OLD])
def test_a_count_on_bedrock_is_botocores(oracle: Oracle, model: str) -> None:
    sent = oracle.ask(oracle.direct(), "messages.count_tokens", {**COUNT, "model": model})
    operation = Operation(Kind.COUNT_TOKENS, model)
    request = PROVIDERS["bedrock"].encode(operation, fields_of(sent), endpoint("bedrock"))
    inner = base64.b64decode(json.loads(request.body)["input"]["invokeModel"]["body"])
    version = endpoint("bedrock").models[model].version
    assert json.loads(inner) == {**COUNT, "anthropic_version": version, "max_tokens": 1}
    foundation = endpoint("bedrock").models[model].id.removeprefix("eu.")
    theirs = botocores("count_tokens", modelId=foundation, input={"invokeModel": {"body": inner}})
    assert json.loads(request.body) == json.loads(cast("bytes", theirs.body))
    assert request.target.replace(":", "%3A") == theirs.url.partition("amazonaws.com")[2]


@pytest.mark.parametrize("operation", ["invoke_model", "invoke_model_with_response_stream"])
def test_an_attempts_id_stands_where_botocore_puts_metadata(operation: str) -> None:
    sent = botocores(operation, modelId=f"eu.anthropic.{NEW}", body=b"{}", requestMetadata=NAMED)
    asked = Operation(Kind.MESSAGES, NEW)
    assert PROVIDERS["bedrock"].attempt_headers(asked, ATTEMPT) == ((METADATA, NAMED),)
    value = sent.headers[METADATA]
    assert (value.decode() if isinstance(value, bytes) else value) == NAMED


def test_an_attempts_id_goes_nowhere_else() -> None:
    for platform, provider in PROVIDERS.items():
        for kind in Kind:
            has_field = platform == "bedrock" and kind is Kind.MESSAGES
            assert bool(provider.attempt_headers(Operation(kind, NEW), ATTEMPT)) is has_field


def test_the_operators_base_url_goes_before_the_path(oracle: Oracle) -> None:
    sent = oracle.ask(oracle.direct(), "messages.create", {**SMALL, "model": NEW})
    for platform, place in PLACES.items():
        own = replace(place, base_url="http://127.0.0.1:8080/x/", resource=None, auth=Bearer())
        provider = PROVIDERS[platform]
        request = provider.encode(
            Operation(Kind.MESSAGES, NEW), fields_of(sent), provider.endpoint(own)
        )
        assert request.target.startswith("/x/")
        assert request.auth == Bearer()
