from __future__ import annotations

import json
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import httpx2
import pytest
from anthropic import Anthropic
from anthropic.lib.credentials import AccessToken

from gateway.credentials.anthropic_chain import (
    OAUTH_BETA,
    ChainCredential,
    ChainSigner,
    find_chain,
)
from gateway.credentials.contract import CredentialError
from providers.contract import Bearer, Headers, WireRequest
from tests.unit.credentials.loopback_token_server import WAIT_S, Clock, TokenServer, reply

BASE_URL = "https://api.anthropic.com"
HOST = "api.anthropic.com"


def write_profile(home: Path, token: str, expires_at_s: float | None, **config: Any) -> Path:
    for folder in ("configs", "credentials"):
        (home / folder).mkdir(parents=True, exist_ok=True)
    body = {"authentication": {"type": "user_oauth"}, **config}
    (home / "configs/default.json").write_text(json.dumps(body))
    (home / "configs/default.json").chmod(0o600)
    secret = home / "credentials/default.json"
    secret.write_text(
        json.dumps(
            {
                "type": "oauth_token",
                "access_token": token,
                "expires_at": None if expires_at_s is None else int(expires_at_s),
            }
        )
    )
    secret.chmod(0o600)
    return secret


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ANTHROPIC_CONFIG_DIR", str(tmp_path / "anthropic"))
    return tmp_path / "anthropic"


def found() -> ChainCredential:
    credential = find_chain(BASE_URL)
    assert credential is not None
    return credential


def sdk_headers(base_url: str | None = None) -> httpx2.Headers:
    """Return the headers the SDK's own client sends with the credential it finds."""
    seen: list[httpx2.Headers] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append(request.headers)
        return httpx2.Response(200, json={"input_tokens": 1})

    with (
        httpx2.Client(transport=httpx2.MockTransport(answer)) as http_client,
        Anthropic(http_client=http_client, base_url=base_url) as client,
    ):
        client.messages.count_tokens(
            model="claude-opus-5-5", messages=[{"role": "user", "content": "hi"}]
        )
    return seen[0]


def test_a_bare_machine_has_nothing() -> None:
    assert find_chain(BASE_URL) is None


def test_an_api_key_is_not_the_chains_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-1")

    assert find_chain(BASE_URL) is None


def test_the_token_variable_signs(
    bearer_request: WireRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "token-1")
    signer = ChainSigner(found())
    assert not signer.fresh()
    signer.refresh(WAIT_S)

    assert signer.sign(bearer_request, HOST) == (
        ("content-type", "application/json"),
        ("anthropic-beta", OAUTH_BETA),
        ("authorization", "Bearer token-1"),
    )


def test_a_profile_sends_what_the_sdk_sends(bearer_request: WireRequest, home: Path) -> None:
    write_profile(
        home,
        "token-2",
        time.time() + 600,
        workspace_id="wrkspc_1",
        base_url="https://api.eu.example",
    )
    credential = found()
    signer = ChainSigner(credential)
    signer.refresh(WAIT_S)

    ours = dict(signer.sign(bearer_request, HOST))
    sdk = sdk_headers()

    assert credential.base_url == "https://api.eu.example"
    for name in ("authorization", "anthropic-workspace-id", "anthropic-beta"):
        assert ours[name] == sdk[name]
    assert ours["anthropic-workspace-id"] == "wrkspc_1"


def signed(headers: Headers, monkeypatch: pytest.MonkeyPatch) -> Headers:
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "t")
    signer = ChainSigner(found())
    signer.refresh(WAIT_S)
    return signer.sign(WireRequest("POST", "/", headers, b"", Bearer()), HOST)


def test_the_callers_betas_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    headers = signed((("anthropic-beta", "a, b"), ("anthropic-beta", "c")), monkeypatch)

    assert [pair for pair in headers if pair[0] == "anthropic-beta"] == [
        ("anthropic-beta", f"a, b,c,{OAUTH_BETA}")
    ]


def test_a_beta_that_is_there_is_not_sent_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    sent = (("anthropic-beta", f"a, {OAUTH_BETA}"),)

    assert signed(sent, monkeypatch)[:1] == sent


def test_the_profiles_header_replaces_the_callers(home: Path) -> None:
    write_profile(home, "token-3", None, workspace_id="wrkspc_1")
    signer = ChainSigner(found())
    signer.refresh(WAIT_S)
    request = WireRequest("POST", "/", (("anthropic-workspace-id", "other"),), b"", Bearer())

    headers = signer.sign(request, HOST)

    assert [value for name, value in headers if name == "anthropic-workspace-id"] == ["wrkspc_1"]


def test_a_token_that_another_program_renews_is_read_again(
    bearer_request: WireRequest, home: Path
) -> None:
    now_s = time.time()
    write_profile(home, "first", now_s + 600)
    clock = Clock(now_s)
    signer = ChainSigner(found(), clock=clock)
    signer.refresh(WAIT_S)
    write_profile(home, "second", now_s + 1200)

    clock.now_s = now_s + 580
    assert not signer.fresh()
    signer.refresh(WAIT_S)

    assert ("authorization", "Bearer second") in signer.sign(bearer_request, HOST)


def test_a_token_to_be_asked_for_each_time_serves_the_request_it_was_asked_for(
    bearer_request: WireRequest,
) -> None:
    asked: list[int] = []

    def provider(*, force_refresh: bool = False) -> AccessToken:
        asked.append(1)
        return AccessToken(f"token-{len(asked)}", 0)

    clock = Clock(time.time())
    signer = ChainSigner(ChainCredential(provider, (), None), clock=clock)
    signer.refresh(WAIT_S)
    assert ("authorization", "Bearer token-1") in signer.sign(bearer_request, HOST)

    clock.now_s += 2
    assert not signer.fresh()
    signer.refresh(WAIT_S)
    assert ("authorization", "Bearer token-2") in signer.sign(bearer_request, HOST)


def test_workload_identity_exchanges_its_token(
    token_server: TokenServer, bearer_request: WireRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_FEDERATION_RULE_ID", "fdrl_1")
    monkeypatch.setenv("ANTHROPIC_ORGANIZATION_ID", "org")
    monkeypatch.setenv("ANTHROPIC_IDENTITY_TOKEN", "jwt")

    def answer(handler: BaseHTTPRequestHandler) -> None:
        body = {"access_token": "exchanged", "expires_in": 600, "token_type": "Bearer"}
        reply(handler, 200, json.dumps(body).encode())

    token_server.answer = answer
    credential = find_chain(f"http://127.0.0.1:{token_server.port}")
    assert credential is not None
    signer = ChainSigner(credential)
    signer.refresh(WAIT_S)

    assert ("authorization", "Bearer exchanged") in signer.sign(bearer_request, HOST)
    assert len(token_server.bodies) == 1


def test_a_failed_exchange_quotes_nothing(
    token_server: TokenServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_FEDERATION_RULE_ID", "fdrl_1")
    monkeypatch.setenv("ANTHROPIC_ORGANIZATION_ID", "org")
    monkeypatch.setenv("ANTHROPIC_IDENTITY_TOKEN", "hush-jwt")
    token_server.answer = lambda handler: reply(handler, 403, b'{"error":"hush"}')
    credential = find_chain(f"http://127.0.0.1:{token_server.port}")
    assert credential is not None

    with pytest.raises(CredentialError) as caught:
        ChainSigner(credential).refresh(WAIT_S)

    assert "hush" not in caught.value.message + caught.value.detail
    assert caught.value.__context__ is None


def test_a_broken_profile_is_reported(home: Path) -> None:
    write_profile(home, "t", None)
    (home / "configs/default.json").write_text("{")

    with pytest.raises(CredentialError, match="profile cannot be used") as caught:
        find_chain(BASE_URL)
    assert caught.value.__context__ is None
