from __future__ import annotations

import json
import logging
import pickle
import re
import threading
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from cryptography.hazmat.primitives import serialization
from google.auth import jwt

from gateway.credentials.contract import CredentialError, Signer
from gateway.credentials.google import GoogleSigner
from gateway.credentials.settings import CredentialKind, CredentialSettings
from providers.contract import WireRequest
from tests.unit.credentials.loopback_token_server import (
    WAIT_S,
    Clock,
    TokenServer,
    reply,
    reply_token,
)

HOST = "aiplatform.googleapis.com"
ADC = CredentialSettings(CredentialKind.GOOGLE_ADC)


@pytest.fixture
def settings(key_file: str) -> CredentialSettings:
    return CredentialSettings(CredentialKind.GOOGLE_FILE, file=key_file)


def bearer(signer: Signer, request: WireRequest) -> str:
    return dict(signer.sign(request, HOST))["authorization"]


def test_a_service_account_gets_a_token_for_the_cloud_platform(
    settings: CredentialSettings,
    token_server: TokenServer,
    bearer_request: WireRequest,
    private_key: str,
) -> None:
    signer: Signer = GoogleSigner(settings)
    assert not signer.fresh()

    signer.refresh(WAIT_S)

    assert signer.fresh()
    assert signer.sign(bearer_request, HOST) == (
        *bearer_request.headers,
        ("authorization", "Bearer ya29.token"),
    )
    (form,) = [parse_qs(body.decode()) for body in token_server.bodies]
    assert form["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
    public = serialization.load_pem_private_key(private_key.encode(), None).public_key()
    pem = public.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    claims = jwt.decode(
        form["assertion"][0], certs=pem, audience="https://oauth2.googleapis.com/token"
    )  # type: ignore[no-untyped-call]
    assert claims["scope"] == "https://www.googleapis.com/auth/cloud-platform"
    assert claims["iss"] == "tidegate@acme-test.iam.gserviceaccount.com"


HTML = b"<html>Please log in, token ya29.hush</html>"


@pytest.mark.parametrize(
    ("status", "body", "detail"),
    [
        (500, b'{"error":"internal_failure","x":"ya29.hush"}', "the token server answered 500"),
        (503, HTML, "the token server answered 503"),
        (200, HTML, "TypeError"),
        (403, HTML, "RefreshError"),
        (200, b'["ya29.hush"]', "AttributeError|TypeError"),
        (200, b'{"token":"ya29.hush"}', "RefreshError"),
        (200, b'{"access_token":"ya29.hush","expires_in":"soon"}', "ValueError"),
        (400, b'{"error":"invalid_grant","error_description":"ya29.hush"}', "RefreshError: inv"),
        (400, b'{"error":"ya29.hush"}', "RefreshError$"),
        (400, b'{"error":{"message":"ya29.hush"}}', "RefreshError$"),
        (307, b"ya29.hush", "the token server redirects, which is refused"),
    ],
)
def test_a_bad_answer_is_an_error_that_quotes_none_of_it(
    settings: CredentialSettings, token_server: TokenServer, status: int, body: bytes, detail: str
) -> None:
    token_server.answer = lambda handler: reply(handler, status, body)

    with pytest.raises(CredentialError, match=r"^the Google access token could not be had$") as got:
        GoogleSigner(settings).refresh(WAIT_S)

    assert re.match(detail, got.value.detail)
    assert "hush" not in got.value.detail
    assert got.value.__context__ is None
    assert got.value.__cause__ is None
    assert len(token_server.bodies) == 1


@pytest.mark.parametrize("token", ["a b", "a\r\nx-evil: 1", "", "t\u00f6ken"])
def test_a_token_that_cannot_stand_in_a_header_is_refused(
    settings: CredentialSettings, token_server: TokenServer, token: str
) -> None:
    token_server.answer = lambda handler: reply_token(handler, token)

    with pytest.raises(CredentialError, match=r"the Google access token (holds|is empty)"):
        GoogleSigner(settings).refresh(WAIT_S)


def test_a_hanging_token_server_does_not_hold_the_caller(
    settings: CredentialSettings, token_server: TokenServer, bearer_request: WireRequest
) -> None:
    go = threading.Event()

    def hang(handler: BaseHTTPRequestHandler) -> None:
        assert go.wait(WAIT_S)
        reply_token(handler)

    token_server.answer = hang
    signer = GoogleSigner(settings)
    for _ in range(3):
        with pytest.raises(CredentialError, match="within the time allowed"):
            signer.refresh(0)
    assert token_server.asked.acquire(timeout=WAIT_S)

    go.set()
    signer.refresh(WAIT_S)

    assert bearer(signer, bearer_request) == "Bearer ya29.token"
    assert len(token_server.bodies) == 1


def test_twenty_threads_make_one_fetch(
    settings: CredentialSettings, token_server: TokenServer, bearer_request: WireRequest
) -> None:
    signer = GoogleSigner(settings)
    start = threading.Barrier(20)
    tokens: list[str] = []

    def work() -> None:
        start.wait(WAIT_S)
        signer.refresh(WAIT_S)
        tokens.append(bearer(signer, bearer_request))

    threads = [threading.Thread(target=work) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert tokens == ["Bearer ya29.token"] * 20
    assert len(token_server.bodies) == 1


def test_the_token_is_renewed_before_it_expires(
    settings: CredentialSettings, token_server: TokenServer, bearer_request: WireRequest
) -> None:
    clock = Clock(time.time())
    signer = GoogleSigner(settings, clock=clock)
    signer.refresh(WAIT_S)
    assert token_server.asked.acquire(timeout=WAIT_S)

    token_server.answer = lambda handler: reply_token(handler, "ya29.second", 7200)
    clock.now_s += 3600 - 200
    assert signer.fresh()
    assert bearer(signer, bearer_request) == "Bearer ya29.token"
    assert token_server.asked.acquire(timeout=WAIT_S)
    signer.refresh(WAIT_S)

    assert bearer(signer, bearer_request) == "Bearer ya29.second"
    assert len(token_server.bodies) == 2


def test_an_expired_token_is_not_sent(
    settings: CredentialSettings, bearer_request: WireRequest
) -> None:
    clock = Clock(time.time())
    signer = GoogleSigner(settings, clock=clock)
    signer.refresh(WAIT_S)

    clock.now_s += 3600 + 1

    assert not signer.fresh()
    with pytest.raises(CredentialError, match="run out"):
        signer.sign(bearer_request, HOST)


def test_adc_asks_listed_hosts_only(
    key_file: str,
    token_server: TokenServer,
    bearer_request: WireRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", key_file)
    with pytest.raises(CredentialError) as caught:
        GoogleSigner(ADC).refresh(WAIT_S)
    assert "not on this upstream's list of token hosts" in caught.value.detail
    assert token_server.bodies == []

    listed = CredentialSettings(
        CredentialKind.GOOGLE_ADC, token_hosts=(f"127.0.0.1:{token_server.port}",)
    )
    signer = GoogleSigner(listed)
    signer.refresh(WAIT_S)

    assert bearer(signer, bearer_request) == "Bearer ya29.token"


def test_a_machine_without_credentials_is_told_what_to_do() -> None:
    with pytest.raises(CredentialError, match="name a service-account file") as caught:
        GoogleSigner(ADC).refresh(WAIT_S)
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "is not JSON"),
        ("[]", "not a service-account key"),
        ('{"type":"external_account"}', "use kind google_adc"),
        ('{"type":"service_account"}', "incomplete or damaged"),
    ],
)
def test_a_bad_key_file_is_described(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "bad.json"
    path.write_text(text)
    settings = CredentialSettings(CredentialKind.GOOGLE_FILE, file=str(path))

    with pytest.raises(CredentialError, match=words) as caught:
        GoogleSigner(settings).refresh(WAIT_S)
    assert str(path) not in caught.value.message


def test_a_missing_key_file_is_named_for_the_log_only(tmp_path: Path) -> None:
    path = tmp_path / "none.json"
    settings = CredentialSettings(CredentialKind.GOOGLE_FILE, file=str(path))

    with pytest.raises(CredentialError, match=r"cannot be read$") as caught:
        GoogleSigner(settings).refresh(WAIT_S)
    assert str(path) in caught.value.detail


def test_a_key_that_is_no_key_is_not_quoted(key_info: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "key2.json"
    path.write_text(json.dumps({**key_info, "private_key": "hush"}))
    settings = CredentialSettings(CredentialKind.GOOGLE_FILE, file=str(path))

    with pytest.raises(CredentialError) as caught:
        GoogleSigner(settings).refresh(WAIT_S)
    assert "hush" not in caught.value.message + caught.value.detail


def test_settings_of_another_kind_are_refused() -> None:
    with pytest.raises(CredentialError, match="needs its key file"):
        GoogleSigner(CredentialSettings(CredentialKind.GOOGLE_FILE))
    with pytest.raises(CredentialError, match="fetches no Google token"):
        GoogleSigner(CredentialSettings(CredentialKind.TOKEN, token="t"))


def test_nothing_secret_is_logged(
    settings: CredentialSettings,
    token_server: TokenServer,
    bearer_request: WireRequest,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    signer = GoogleSigner(settings)
    signer.refresh(WAIT_S)
    signer.sign(bearer_request, HOST)

    (form,) = [parse_qs(body.decode()) for body in token_server.bodies]
    assert "ya29.token" not in caplog.text
    assert form["assertion"][0] not in caplog.text


def test_the_token_is_neither_shown_nor_pickled(settings: CredentialSettings) -> None:
    signer = GoogleSigner(settings)
    signer.refresh(WAIT_S)

    assert "ya29" not in repr(signer)
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(signer)
