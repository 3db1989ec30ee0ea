"""Nonsense on the wire gets a clear error in the caller's own format, and reaches no upstream."""

from __future__ import annotations

import gzip
import json

import pytest

from gateway.emulator import Emulator
from tests.formats.asking import BEDROCK, VERTEX
from tests.formats.conftest import KEY
from tests.server.serving import Reply, Running

SHOWN = {"authorization": f"Bearer {KEY}", "content-type": "application/json"}
MODEL = "claude-opus-5-5"
INVOKE = f"/model/global.anthropic.{MODEL}/invoke"
STREAM = f"{INVOKE}-with-response-stream"
ROOT = "/v1/projects/mine/locations/global/publishers/anthropic/models"
RAW, STREAM_RAW = f"{ROOT}/{MODEL}:rawPredict", f"{ROOT}/{MODEL}:streamRawPredict"


def bedrock(reply: Reply) -> tuple[int, str, str]:
    """Return status, name and message of an error; checks that it is Bedrock's."""
    assert reply.headers["content-type"] == "application/json"
    assert reply.headers["x-amzn-requestid"] == reply.headers["request-id"]
    told = reply.json
    assert told.keys() == {"message"}
    return reply.status, reply.headers["x-amzn-errortype"], told["message"]


def google(reply: Reply, *, listed: bool = False) -> tuple[int, str, str]:
    """Return status, code and message of an error; checks that it is Google's."""
    told = reply.json
    error = (told[0] if listed else told)["error"]
    assert error["code"] == reply.status
    assert reply.headers["content-type"] == "application/json"
    return reply.status, error["status"], error["message"]


@pytest.mark.parametrize("path", [INVOKE, STREAM])
@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b'{"a":1,"a":2}', b"[" * 5000])
def test_a_body_that_is_none(clouds: Running, emulator: Emulator, path: str, body: bytes) -> None:
    status, name, message = bedrock(clouds.ask("POST", path, body, SHOWN))
    assert (status, name) == (400, "ValidationException")
    assert message
    assert len(emulator.records) == 0


@pytest.mark.parametrize("path", [RAW, STREAM_RAW])
@pytest.mark.parametrize("body", [b"", b"{", b'{"a":1,"a":2}'])
def test_a_body_that_is_none_for_vertex(clouds: Running, path: str, body: bytes) -> None:
    assert clouds.ask("POST", path, body, SHOWN).error[:2] == (400, "invalid_request_error")


@pytest.mark.parametrize(
    "model", ["..", "%2e%2e", ".", "%2E", "%00", "a%20b", "%C3%A9", "..%2F..%2Fv1%2Fmessages", ""]
)
def test_an_id_that_would_leave_its_place(clouds: Running, model: str) -> None:
    raw = json.dumps(BEDROCK).encode()
    status, name, _ = bedrock(clouds.ask("POST", f"/model/{model}/invoke", raw, SHOWN))
    assert (status, name) == (400, "ValidationException")


def test_an_id_is_shown_as_it_is_escaped_once(clouds: Running) -> None:
    reply = clouds.ask("POST", "/model/%C3%A9/invoke", json.dumps(BEDROCK).encode(), SHOWN)
    assert "'\\xe9'" in bedrock(reply)[2]


def test_an_arn_with_plain_slashes_or_encoded_ones(clouds: Running, emulator: Emulator) -> None:
    arn = f"arn:aws:bedrock:eu-central-1:123456789012:inference-profile/eu.anthropic.{MODEL}"
    raw = json.dumps(BEDROCK).encode()
    for written in (arn, arn.replace("/", "%2F"), arn.replace("/", "%2f").replace(":", "%3A")):
        assert clouds.ask("POST", f"/model/{written}/invoke", raw, SHOWN).status == 200
    assert {record.platform for record in emulator.records} == {"bedrock"}


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_a_wrong_method(clouds: Running, method: str) -> None:
    reply = clouds.ask(method, INVOKE, b"", SHOWN)
    assert bedrock(reply)[:2] == (405, "UnsupportedOperationException")
    assert reply.headers["allow"] == "POST"
    assert clouds.ask(method, RAW, b"", SHOWN).error[0] == 405


def test_an_operation_that_is_not_served(clouds: Running) -> None:
    status, name, message = bedrock(clouds.ask("POST", "/model/x/converse", b"{}", SHOWN))
    assert (status, name) == (501, "UnsupportedOperationException")
    assert "InvokeModel" in message
    reply = clouds.ask("POST", f"{ROOT}/x:predict", b"{}", SHOWN)
    assert google(reply)[:2] == (501, "UNIMPLEMENTED")


def test_no_key(clouds: Running) -> None:
    status, name, message = bedrock(clouds.ask("POST", INVOKE, b"{}", {}))
    assert (status, name) == (403, "AccessDeniedException")
    assert "AWS_BEARER_TOKEN_BEDROCK" in message
    for path, listed in ((RAW, False), (STREAM_RAW, True)):
        status, code, message = google(clouds.ask("POST", path, b"{}", {}), listed=listed)
        assert (status, code) == (401, "UNAUTHENTICATED")
        assert "access token" in message


def test_a_key_in_its_other_place_with_a_signature(clouds: Running) -> None:
    scope = "AKIDEXAMPLE/20261129/eu-central-1/bedrock/aws4_request"
    signed = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"
    raw = json.dumps(BEDROCK).encode()
    shown = {"authorization": signed, "x-api-key": KEY}
    assert clouds.ask("POST", INVOKE, raw, shown).status == 200


def test_where_no_upstream_is_known_to_be(clouds: Running, emulator: Emulator) -> None:
    raw = json.dumps(BEDROCK).encode()
    told = bedrock(clouds.ask("POST", f"/model/us.anthropic.{MODEL}/invoke", raw, SHOWN))
    assert told[:2] == (403, "AccessDeniedException")
    tokyo = STREAM_RAW.replace("global", "asia-northeast1")
    reply = clouds.ask("POST", tokyo, json.dumps(VERTEX).encode(), SHOWN)
    assert google(reply, listed=True)[:2] == (403, "PERMISSION_DENIED")
    assert len(emulator.records) == 0


@pytest.mark.parametrize("beta", ["a\r\nx-api-key: b", "a\nb", "\x00", "a b", "\u00e9", "\u6f22"])
def test_a_beta_that_no_header_can_carry(clouds: Running, emulator: Emulator, beta: str) -> None:
    for path, body in ((INVOKE, BEDROCK), (RAW, VERTEX)):
        raw = json.dumps({**body, "anthropic_beta": [beta]}).encode()
        reply = clouds.ask("POST", path, raw, SHOWN)
        assert reply.status == 400
        assert b"anthropic_beta" in reply.body
    assert len(emulator.records) == 0


def test_a_body_in_chunks_or_packed(clouds: Running) -> None:
    raw = json.dumps(BEDROCK).encode()
    packed = clouds.ask("POST", INVOKE, gzip.compress(raw), {**SHOWN, "content-encoding": "gzip"})
    assert packed.status == 200
    broken = clouds.ask("POST", INVOKE, b"not gzip", {**SHOWN, "content-encoding": "gzip"})
    assert bedrock(broken)[:2] == (400, "ValidationException")
    odd = clouds.ask("POST", INVOKE, raw, {**SHOWN, "content-encoding": "rot13"})
    assert bedrock(odd)[:2] == (400, "ValidationException")


def test_garbage_in_chunks_ends_the_connection_and_nothing_else(
    clouds: Running, emulator: Emulator
) -> None:
    head = f"POST {INVOKE} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {KEY}\r\n"
    with clouds.connect() as sock:
        sock.sendall(head.encode() + b'transfer-encoding: chunked\r\n\r\n5\r\n{"a":\r\nzz\r\n')
        assert sock.recv(12) == b"HTTP/1.1 400"
    assert len(emulator.records) == 0
    assert clouds.ask("POST", INVOKE, json.dumps(BEDROCK).encode(), SHOWN).status == 200


def test_the_callers_project_goes_nowhere(clouds: Running, emulator: Emulator) -> None:
    assert clouds.ask("POST", RAW, json.dumps(VERTEX).encode(), SHOWN).status == 200
    (record,) = emulator.records
    assert "mine" not in record.path
    assert KEY not in str(record.headers)
