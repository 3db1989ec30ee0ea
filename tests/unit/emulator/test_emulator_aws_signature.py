from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import assume, given
from hypothesis import strategies as st

from gateway.emulator import aws_signature
from gateway.emulator.aws_signature import Identity, Refusal, SignedRequest

KEY = Identity("AKIAEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
SESSION = Identity("ASIAEXAMPLE", "another/secret", session_token="a session+token==")
EXPIRED = Identity("ASIAOLD", "old", session_token="old token", expires_at_s=1000.0)
KNOWN = {identity.access_key: identity for identity in (KEY, SESSION, EXPIRED)}

segments = st.text(min_size=0, max_size=12).map(lambda text: quote(text, safe=":;@!$'()*,"))
paths = st.lists(segments, min_size=1, max_size=5).map(lambda parts: "/" + "/".join(parts))
words = st.text(max_size=8).map(lambda text: quote(text, safe="-_.~"))
queries = st.lists(st.tuples(words.filter(bool), words), max_size=4).map(
    lambda pairs: "&".join(f"{name}={value}" for name, value in pairs)
)
header_names = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=12).map(
    lambda name: f"zz-{name}"
)
header_values = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30)
headers = st.dictionaries(header_names, header_values, max_size=4)


def signed(
    method: str,
    target: str,
    sent: dict[str, str],
    body: bytes,
    identity: Identity = KEY,
    *,
    service: str = "bedrock",
    region: str = "eu-central-1",
) -> tuple[SignedRequest, float]:
    """Sign with botocore and return what a server then receives, and the time."""
    url = f"http://127.0.0.1:8080{target}"
    request = AWSRequest(method=method, url=url, headers=sent, data=body)
    credentials = Credentials(identity.access_key, identity.secret_key, identity.session_token)
    SigV4Auth(credentials, service, region).add_auth(request)
    pairs = [("Host", urlsplit(url).netloc), *request.headers.items()]
    stamp = datetime.strptime(request.headers["X-Amz-Date"] + "+0000", "%Y%m%dT%H%M%SZ%z")
    return SignedRequest(method, target, pairs, body), stamp.timestamp()


def check(request: SignedRequest, now_s: float, region: str | None = None) -> Refusal | None:
    return aws_signature.check(request, KNOWN, service="bedrock", region=region, now_s=now_s)


def header(request: SignedRequest, name: str, value: str | None) -> SignedRequest:
    kept = [pair for pair in request.headers if pair[0].lower() != name.lower()]
    return replace(request, headers=kept if value is None else [*kept, (name, value)])


@dataclass(frozen=True)
class Change:
    """One byte of a request, replaced."""

    request: SignedRequest

    def of(self, data: st.DataObject) -> SignedRequest:
        places = ["method", "path", "header"]
        places += ["body"] * bool(self.request.body)
        place = data.draw(st.sampled_from(places))
        if place == "method":
            return replace(self.request, method="PUT")
        if place == "path":
            path, mark, query = self.request.target.partition("?")
            return replace(self.request, target=f"{path}x{mark}{query}")
        if place == "body":
            body = bytearray(self.request.body)
            body[data.draw(st.integers(0, len(body) - 1))] ^= data.draw(st.integers(1, 255))
            return replace(self.request, body=bytes(body))
        at = data.draw(st.integers(0, len(self.request.headers) - 1))
        pairs = list(self.request.headers)
        name, value = pairs[at]
        assume(value)
        spot = data.draw(st.integers(0, len(value) - 1))
        other = "#" if value[spot] != "#" else "%"
        # A blank may fold away, and the authorization's own punctuation is not signed.
        assume(value[spot] not in " ,")
        pairs[at] = (name, value[:spot] + other + value[spot + 1 :])
        return replace(self.request, headers=pairs)


@given(paths, queries, headers, st.binary(max_size=300), st.sampled_from([KEY, SESSION]))
def test_what_botocore_signs_is_accepted(
    path: str, query: str, sent: dict[str, str], body: bytes, identity: Identity
) -> None:
    request, now_s = signed("POST", f"{path}?{query}" if query else path, sent, body, identity)
    assert check(request, now_s, "eu-central-1") is None


@given(paths, headers, st.binary(max_size=50), st.sampled_from([KEY, SESSION]), st.data())
def test_one_byte_changed_is_refused(
    path: str, sent: dict[str, str], body: bytes, identity: Identity, data: st.DataObject
) -> None:
    request, now_s = signed("POST", path, sent, body, identity)
    refusal = check(Change(request).of(data), now_s)
    assert refusal is not None


@given(queries.filter(bool), st.data())
def test_a_changed_query_is_refused(query: str, data: st.DataObject) -> None:
    request, now_s = signed("POST", f"/model?{query}", {}, b"{}")
    changed = replace(request, target=f"/model?{query}&{data.draw(words.filter(bool))}=1")
    assert check(changed, now_s) is not None


def test_the_profile_colon_may_stand_plain_or_encoded() -> None:
    for target in ("/model/a.b-v1:0/invoke", "/model/a.b-v1%3A0/invoke", "/model/x%2Fy/invoke"):
        request, now_s = signed("POST", target, {}, b"{}")
        assert check(request, now_s) is None


@pytest.mark.parametrize(
    ("path", "canonical"),
    [
        ("/", "/"),
        ("/a/./b//c/../d", "/a/b/d"),
        ("/a/b/", "/a/b/"),
        ("/..", "/"),
        ("/a%2Fb:c", "/a%252Fb%3Ac"),
    ],
)
def test_the_canonical_path(path: str, canonical: str) -> None:
    assert aws_signature.canonical_path(path) == canonical


def test_the_worked_example_of_the_aws_documentation() -> None:
    identity = Identity("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
    authorization = (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, "
        "SignedHeaders=content-type;host;x-amz-date, "
        "Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"
    )
    request = SignedRequest(
        "GET",
        "/?Action=ListUsers&Version=2010-05-08",
        [
            ("Content-Type", "application/x-www-form-urlencoded; charset=utf-8"),
            ("Host", "iam.amazonaws.com"),
            ("X-Amz-Date", "20150830T123600Z"),
            ("Authorization", authorization),
        ],
        b"",
    )
    now_s = datetime(2015, 8, 30, 12, 36, tzinfo=UTC).timestamp()
    known = {identity.access_key: identity}
    assert (
        aws_signature.check(request, known, service="iam", region="us-east-1", now_s=now_s) is None
    )


def test_five_minutes_of_skew_are_forgiven_and_no_more() -> None:
    request, now_s = signed("POST", "/model/x/invoke", {}, b"{}")
    assert check(request, now_s + 300) is None
    assert check(request, now_s - 300) is None
    late, early = check(request, now_s + 301), check(request, now_s - 301)
    assert late is not None
    assert late.message.startswith("Signature expired: ")
    assert late.message.endswith(" - 5 min.)")
    assert early is not None
    assert early.message.startswith("Signature not yet current: ")


def test_each_refusal_has_its_name() -> None:
    request, now_s = signed("POST", "/model/x/invoke", {}, b"{}")
    session, _ = signed("POST", "/model/x/invoke", {}, b"{}", SESSION)
    stranger, _ = signed("POST", "/model/x/invoke", {}, b"{}", Identity("AKIAWHO", "secret"))
    forger, _ = signed("POST", "/model/x/invoke", {}, b"{}", replace(KEY, secret_key="wrong"))
    old, _ = signed("POST", "/model/x/invoke", {}, b"{}", EXPIRED)
    cases = [
        (header(request, "Authorization", None), "MissingAuthenticationTokenException"),
        (header(request, "Authorization", "Basic eDp5"), "IncompleteSignatureException"),
        (
            header(request, "Authorization", "AWS4-HMAC-SHA256 Credential=a/b/c/d/aws4_request"),
            "IncompleteSignatureException",
        ),
        (header(request, "X-Amz-Date", None), "IncompleteSignatureException"),
        (stranger, "UnrecognizedClientException"),
        (header(session, "X-Amz-Security-Token", "other"), "UnrecognizedClientException"),
        (header(session, "X-Amz-Security-Token", None), "UnrecognizedClientException"),
        (header(request, "X-Amz-Security-Token", "uncalled for"), "UnrecognizedClientException"),
        (old, "ExpiredTokenException"),
        (forger, "InvalidSignatureException"),
        (header(request, "Host", "elsewhere"), "InvalidSignatureException"),
        (header(request, "X-Amz-Target", "unsigned"), "InvalidSignatureException"),
        (header(request, "X-Amz-Content-SHA256", "UNSIGNED-PAYLOAD"), "InvalidSignatureException"),
    ]
    for sent, name in cases:
        refusal = check(sent, now_s)
        assert refusal is not None
        assert refusal.name == name


def test_an_unsigned_body_is_refused() -> None:
    sent = {"X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD"}
    request, now_s = signed("POST", "/model/x/invoke", sent, b"{}")
    refusal = check(request, now_s)
    assert refusal is not None
    assert refusal.name == "InvalidSignatureException"


def test_the_scope_must_name_the_service_and_the_region() -> None:
    other, now_s = signed("POST", "/model/x/invoke", {}, b"{}", service="bedrock-mantle")
    refusal = check(other, now_s)
    assert refusal is not None
    assert refusal.message == "Credential should be scoped to correct service: 'bedrock'."
    request, now_s = signed("POST", "/model/x/invoke", {}, b"{}")
    assert check(request, now_s, "eu-central-1") is None
    refusal = check(request, now_s, "us-east-1")
    assert refusal is not None
    assert refusal.message == "Credential should be scoped to a valid region."


def test_no_secret_is_in_a_repr() -> None:
    assert SESSION.secret_key not in repr(SESSION)
    assert str(SESSION.session_token) not in repr(SESSION)
