"""Our signatures against botocore's and against the Anthropic SDK's."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import httpx2
from anthropic.lib.aws._auth import get_auth_headers
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from gateway.credentials.sigv4 import RequestSigner
from providers.contract import Headers, SigV4, WireRequest

NOW = dt.datetime(2026, 11, 22, 3, 4, 5, tzinfo=dt.UTC)
HOST = "bedrock-runtime.eu-central-1.amazonaws.com"
SIGNED = ("host", "content-type")


class BotocoreAt(SigV4Auth):
    """botocore's own signer, its clock held still the way its `add_auth` sets it."""

    def __init__(self, keys: Any, service: str, region: str, timestamp: str) -> None:
        super().__init__(keys, service, region)
        self.timestamp = timestamp

    def add_auth(self, request: AWSRequest) -> None:
        request.context["timestamp"] = self.timestamp
        self._modify_request_before_signing(request)  # type: ignore[attr-defined]
        to_sign = self.string_to_sign(request, self.canonical_request(request))
        signature = self.signature(to_sign, request)
        self._inject_signature_to_request(request, signature)  # type: ignore[attr-defined]


def oracle(
    request: WireRequest, host: str, keys: ReadOnlyCredentials, service: str, region: str
) -> dict[str, str]:
    """Return what botocore signs of the headers that ought to be signed."""
    chosen = {
        name: value
        for name, value in request.headers
        if name in SIGNED or name.startswith(("x-amz-", "x-amzn-bedrock-"))
    }
    aws = AWSRequest(
        request.method, f"https://{host}{request.target}", {**chosen, "host": host}, request.body
    )
    BotocoreAt(keys, service, region, NOW.strftime("%Y%m%dT%H%M%SZ")).add_auth(aws)
    return {name.lower(): value for name, value in aws.headers.items()}


def ours(
    request: WireRequest, host: str, keys: ReadOnlyCredentials, service: str, region: str
) -> dict[str, str]:
    signer = RequestSigner(keys, service, region)
    return dict(signer.sign(request, host, NOW.timestamp()))


TOKEN = st.text("ABCDEFabcdef0123456789/+=", min_size=1, max_size=40)
KEYS = st.builds(ReadOnlyCredentials, TOKEN, TOKEN, st.none() | TOKEN, st.none())
SEGMENT = st.text("abcdefXYZ0123456789.-_:~%25;@!", min_size=1, max_size=20).filter(
    lambda text: text not in {".", ".."}
)
PATH = st.lists(SEGMENT, max_size=4).map(lambda parts: "/" + "/".join(parts))
QUERY = st.just("") | st.lists(
    st.tuples(SEGMENT, SEGMENT).map("=".join), min_size=1, max_size=3
).map(lambda pairs: "?" + "&".join(pairs))
VALUE = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=15)
SPACED = st.lists(VALUE, min_size=1, max_size=3).map("  ".join)
NAMES = st.sampled_from(
    [
        "accept",
        "anthropic-beta",
        "content-type",
        "user-agent",
        "x-amz-meta-a",
        "x-amz-request-id",
        "x-amzn-bedrock-request-metadata",
        "x-amzn-trace-id",
        "x-stainless-lang",
    ]
)
HEADERS = st.dictionaries(NAMES, SPACED).map(lambda pairs: tuple(pairs.items()))
REQUESTS = st.builds(
    WireRequest,
    method=st.sampled_from(["POST", "GET"]),
    target=st.builds(str.__add__, PATH, QUERY),
    headers=HEADERS,
    body=st.binary(max_size=200),
    auth=st.just(SigV4("bedrock", "eu-central-1")),
)
HOSTS = st.sampled_from([HOST, "127.0.0.1:8080", "localhost:9", "vpce-1.example.com"])
ARN = "/model/arn%3Aaws%3Abedrock%3Aeu-central-1%3A123%3Ainference-profile%2Feu.x/invoke"


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(REQUESTS, HOSTS, KEYS, st.sampled_from(["bedrock", "aws-external-anthropic"]))
@example(
    WireRequest("POST", ARN, (), b"{}", SigV4("bedrock", "eu-central-1")),
    HOST,
    ReadOnlyCredentials("AKID", "secret", "session", None),
    "bedrock",
)
def test_law_the_signature_is_botocores(
    request: WireRequest, host: str, keys: ReadOnlyCredentials, service: str
) -> None:
    signed = ours(request, host, keys, service, "eu-central-1")
    expected = oracle(request, host, keys, service, "eu-central-1")

    assert signed["authorization"] == expected["authorization"]
    assert signed["x-amz-date"] == expected["x-amz-date"] == "20261122T030405Z"
    assert signed.get("x-amz-security-token") == expected.get("x-amz-security-token")


def test_only_what_no_proxy_rewrites_is_signed(sigv4_request: WireRequest) -> None:
    keys = ReadOnlyCredentials("AKID", "secret", "session", None)

    signed = ours(sigv4_request, HOST, keys, "bedrock", "eu-central-1")

    assert (
        "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token,"
        in (signed["authorization"])
    )
    assert signed["user-agent"] == "tidegate"


def test_a_stray_date_and_token_are_replaced(sigv4_request: WireRequest) -> None:
    stray: Headers = (
        *sigv4_request.headers,
        ("x-amz-date", "19700101T000000Z"),
        ("x-amz-security-token", "stray"),
        ("authorization", "stray"),
    )
    request = WireRequest("POST", "/", stray, b"{}", sigv4_request.auth)

    headers = RequestSigner(
        ReadOnlyCredentials("AKID", "secret", None, None), "bedrock", "eu-central-1"
    ).sign(request, HOST, NOW.timestamp())

    assert "stray" not in dict(headers).values()
    assert [name for name, _ in headers].count("x-amz-date") == 1


def test_the_sdks_signature_differs_only_in_what_it_signs(sigv4_request: WireRequest) -> None:
    """The SDK signs every header; given only ours, it must come to the same signature."""
    sdk = get_auth_headers(
        method="POST",
        url=f"https://{HOST}{sigv4_request.target}",
        headers=httpx2.Headers({"content-type": "application/json", "host": HOST}),
        aws_access_key="AKID",
        aws_secret_key="secret",
        aws_session_token="session",
        region="eu-central-1",
        profile=None,
        data=sigv4_request.body,
        service_name="bedrock",
    )
    sdk = {name.lower(): value for name, value in sdk.items()}
    then = dt.datetime.strptime(sdk["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=dt.UTC)
    signer = RequestSigner(
        ReadOnlyCredentials("AKID", "secret", "session", None), "bedrock", "eu-central-1"
    )

    signed = dict(signer.sign(sigv4_request, HOST, then.timestamp()))

    for name in ("authorization", "x-amz-date", "x-amz-security-token"):
        assert signed[name] == sdk[name]
    assert re.fullmatch(r"AWS4-HMAC-SHA256 Credential=AKID/\d{8}/.*", signed["authorization"])
