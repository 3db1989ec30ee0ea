from __future__ import annotations

import json
import logging
import pickle
import re
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from gateway.credentials.azure import AzureSigner
from gateway.credentials.build import signer as build
from gateway.credentials.contract import CredentialError
from gateway.credentials.settings import AZURE, CredentialKind, CredentialSettings
from gateway.emulator import Emulator
from providers.contract import ApiKey, Bearer, WireRequest
from tests.unit.credentials.loopback_token_server import (
    WAIT_S,
    Clock,
    TokenServer,
    reply,
    reply_token,
)

HOST = "my-resource.services.ai.azure.com"
HUSH = "hush-secret"


@pytest.fixture(autouse=True)
def no_azure(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_CLIENT_SECRET", "AZURE_USERNAME"):
        monkeypatch.delenv(name, raising=False)
    for name in ("IDENTITY_ENDPOINT", "MSI_ENDPOINT", "AZURE_AUTHORITY_HOST"):
        monkeypatch.delenv(name, raising=False)


def by_secret(authority: str, secret: str = HUSH) -> CredentialSettings:
    return CredentialSettings(
        CredentialKind.AZURE_SECRET,
        tenant_id="00000000-0000-4000-8000-000000007e4a",
        client_id="00000000-0000-4000-8000-00000000c11e",
        client_secret=secret,
        authority=authority,
    )


def discovered(handler: BaseHTTPRequestHandler) -> bool:
    """Answer where tokens are had, as Entra does before it gives one."""
    if "openid-configuration" not in handler.path:
        return False
    root = f"https://{handler.headers['host']}/{handler.path.split('/')[1]}"
    body = {
        "issuer": f"{root}/v2.0",
        "authorization_endpoint": f"{root}/authorize",
        "token_endpoint": f"{root}/oauth2/v2.0/token",
    }
    reply(handler, 200, json.dumps(body).encode())
    return True


def giving(given: str = "t") -> Callable[[BaseHTTPRequestHandler], None]:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        if not discovered(handler):
            reply_token(handler, given)

    return answer


def authority(server: TokenServer) -> str:
    return f"http://127.0.0.1:{server.port}"


def test_an_application_gets_a_token_for_foundry(
    emulator: Emulator, bearer_request: WireRequest
) -> None:
    own = emulator.foundry.application
    signer = AzureSigner(by_secret(emulator.foundry.base_url, own.client_secret))
    assert not signer.fresh()
    signer.refresh(WAIT_S)
    assert signer.fresh()
    signed = dict(signer.sign(bearer_request, HOST))
    kind, _, token = signed["authorization"].partition(" ")
    assert kind == "Bearer"
    assert own.accepts(token, time.time())


HTML = b"<html>Please log in, token hush</html>"


@pytest.mark.parametrize(
    ("status", "body", "detail"),
    [
        (500, b'{"error":"x","y":"hush"}', "the token server answered 500"),
        (429, b'{"error":"x","y":"hush"}', "the token server answered 429"),
        (307, b"hush", "the token server redirects, which is refused"),
        (200, HTML, "[A-Za-z]+$"),
        (200, b'{"token":"hush"}', "[A-Za-z]+$"),
        (200, b'["hush"]', "[A-Za-z]+$"),
        (400, HTML, "[A-Za-z]+$"),
        (
            401,
            b'{"error":"invalid_client","error_description":"AADSTS7000215: hush"}',
            "ClientAuthenticationError: AADSTS7000215$",
        ),
        (400, b'{"error":"hush"}', "ClientAuthenticationError$"),
    ],
)
def test_a_bad_answer_is_an_error_that_quotes_none_of_it(
    token_server: TokenServer, status: int, body: bytes, detail: str
) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        if not discovered(handler):
            reply(handler, status, body, location="http://127.0.0.1:1/hush")

    token_server.answer = answer
    with pytest.raises(CredentialError, match=r"^the Entra access token could not be had$") as got:
        AzureSigner(by_secret(authority(token_server))).refresh(WAIT_S)
    assert re.match(detail, got.value.detail)
    assert "hush" not in got.value.detail
    assert got.value.__context__ is None
    # Where to ask, and once the question: nothing is repeated.
    assert len(token_server.bodies) == 2


@pytest.mark.parametrize("token", ["a b", "a\r\nx-evil: 1", "t\u00f6ken"])
def test_a_token_that_cannot_stand_in_a_header_is_refused(
    token_server: TokenServer, token: str
) -> None:
    token_server.answer = giving(token)
    with pytest.raises(CredentialError, match="the Entra access token holds"):
        AzureSigner(by_secret(authority(token_server))).refresh(WAIT_S)


def test_no_other_host_is_asked_whatever_the_authority_says(token_server: TokenServer) -> None:
    def elsewhere(handler: BaseHTTPRequestHandler) -> None:
        body = {
            "issuer": f"https://{handler.headers['host']}/t/v2.0",
            "authorization_endpoint": "https://127.0.0.2/authorize",
            "token_endpoint": f"https://localhost:{token_server.port}/t/stolen",
        }
        reply(handler, 200, json.dumps(body).encode())

    token_server.answer = elsewhere
    with pytest.raises(CredentialError) as got:
        AzureSigner(by_secret(authority(token_server))).refresh(WAIT_S)
    assert got.value.detail == "the token address is not on this upstream's list of token hosts"
    assert len(token_server.bodies) == 1


def test_the_environment_moves_no_request(
    token_server: TokenServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.setenv("AZURE_AUTHORITY_HOST", "https://evil.example")
    token_server.answer = giving()
    signer = AzureSigner(by_secret(authority(token_server)))
    signer.refresh(WAIT_S)
    assert signer.fresh()
    monkeypatch.setenv("AZURE_REGIONAL_AUTHORITY_NAME", "westus")
    with pytest.raises(CredentialError) as got:
        AzureSigner(by_secret(authority(token_server))).refresh(WAIT_S)
    assert got.value.detail == "the token address is not on this upstream's list of token hosts"


def test_the_environments_identity_endpoint_must_be_on_this_machine(
    token_server: TokenServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = CredentialSettings(CredentialKind.AZURE_MANAGED, authority="https://login.example")
    monkeypatch.setenv("IDENTITY_HEADER", "hush")
    monkeypatch.setenv("IDENTITY_ENDPOINT", "https://evil.example/token")
    with pytest.raises(CredentialError, match="could not be had") as got:
        AzureSigner(settings).refresh(WAIT_S)
    assert "list of token hosts" in got.value.detail
    now_s = int(time.time())
    body = {"access_token": "t", "expires_on": str(now_s + 600), "resource": "r"}
    token_server.answer = lambda handler: reply(handler, 200, json.dumps(body).encode())
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"http://127.0.0.1:{token_server.port}/token")
    signer = AzureSigner(settings)
    signer.refresh(WAIT_S)
    assert signer.fresh()


def test_the_default_looks_in_the_environment_first(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = emulator.foundry.application
    monkeypatch.setenv("AZURE_TENANT_ID", own.tenant_id)
    monkeypatch.setenv("AZURE_CLIENT_ID", own.client_id)
    monkeypatch.setenv("AZURE_CLIENT_SECRET", own.client_secret)
    settings = CredentialSettings(CredentialKind.AZURE_DEFAULT, authority=emulator.foundry.base_url)
    signer = AzureSigner(settings)
    signer.refresh(WAIT_S)
    assert signer.fresh()
    assert [each.path.rpartition("/")[2] for each in emulator.records.of("entra")] == [
        "openid-configuration",
        "token",
    ]


def test_a_hanging_token_server_does_not_hold_the_caller(token_server: TokenServer) -> None:
    go = threading.Event()

    def hang(handler: BaseHTTPRequestHandler) -> None:
        if not discovered(handler):
            assert go.wait(WAIT_S)
            reply_token(handler)

    token_server.answer = hang
    signer = AzureSigner(by_secret(authority(token_server)))
    with pytest.raises(CredentialError, match="within the time allowed"):
        signer.refresh(0)
    go.set()
    signer.refresh(WAIT_S)
    assert signer.fresh()


def test_a_token_is_renewed_before_it_runs_out(emulator: Emulator) -> None:
    own = emulator.foundry.application
    clock = Clock(time.time())
    signer = AzureSigner(by_secret(emulator.foundry.base_url, own.client_secret), clock=clock)
    signer.refresh(WAIT_S)
    clock.now_s += own.token_lifetime_s + 1
    assert not signer.fresh()


@pytest.mark.parametrize("name", ["app.pem", "token"])
def test_a_file_that_is_not_there_is_named_in_the_log_only(tmp_path: Path, name: str) -> None:
    kind = CredentialKind.AZURE_WORKLOAD if name == "token" else CredentialKind.AZURE_CERTIFICATE
    settings = CredentialSettings(
        kind,
        tenant_id="t",
        client_id="c",
        file=str(tmp_path / name),
        authority="https://login.example",
    )
    with pytest.raises(CredentialError, match="cannot be read") as got:
        AzureSigner(settings).refresh(WAIT_S)
    assert str(tmp_path) not in got.value.message
    assert str(tmp_path) in got.value.detail


def test_settings_that_lack_something_or_do_not_fit_are_refused() -> None:
    for kind in AZURE:
        with pytest.raises(CredentialError, match="authority"):
            AzureSigner(CredentialSettings(kind))
    with pytest.raises(CredentialError, match="needs tenant_id"):
        AzureSigner(CredentialSettings(CredentialKind.AZURE_SECRET, authority="https://x"))
    with pytest.raises(CredentialError, match="no Entra token"):
        AzureSigner(CredentialSettings(CredentialKind.TOKEN))
    with pytest.raises(CredentialError, match="does not take"):
        build(by_secret("https://x"), ApiKey())
    assert isinstance(build(by_secret("https://x"), Bearer()), AzureSigner)


def test_a_server_that_repeats_the_question_puts_no_secret_in_a_log(
    token_server: TokenServer, caplog: pytest.LogCaptureFixture
) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        if not discovered(handler):
            reply(handler, 401, token_server.bodies[-1])

    caplog.set_level(logging.DEBUG)
    token_server.answer = answer
    with pytest.raises(CredentialError):
        AzureSigner(by_secret(authority(token_server))).refresh(WAIT_S)
    assert HUSH.encode() in token_server.bodies[-1]
    assert HUSH not in caplog.text
    logging.getLogger("azure.identity").warning("what others do is logged")
    assert "what others do" in caplog.text


def test_a_lifetime_that_is_no_time_is_refused(token_server: TokenServer) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        if not discovered(handler):
            reply_token(handler, "t", expires_in_s=10**400)

    token_server.answer = answer
    with pytest.raises(CredentialError, match="could not be had"):
        AzureSigner(by_secret(authority(token_server))).refresh(WAIT_S)


def test_no_secret_is_shown(token_server: TokenServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    token_server.answer = giving("hush-token")
    settings = by_secret(authority(token_server))
    signer = AzureSigner(settings)
    signer.refresh(WAIT_S)
    told = f"{settings!r} {signer!r} {caplog.text}"
    assert "hush" not in told
    with pytest.raises(TypeError):
        pickle.dumps(signer)
