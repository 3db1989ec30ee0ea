from __future__ import annotations

import datetime as dt
import json
import logging
import os
import pickle
import threading
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from gateway.credentials.aws import AwsSigner
from gateway.credentials.contract import CredentialError, Signer
from gateway.credentials.settings import CredentialKind, CredentialSettings
from providers.contract import Headers, SigV4, WireRequest
from tests.unit.credentials.loopback_token_server import WAIT_S, Clock, TokenServer, reply

AUTH = SigV4("bedrock", "eu-central-1")
HOST = "bedrock-runtime.eu-central-1.amazonaws.com"
CHAIN = CredentialSettings(CredentialKind.AWS_CHAIN)
KEYS = CredentialSettings(
    CredentialKind.AWS_KEYS, access_key_id="AKIDKEYS", secret_access_key="hush-secret"
)


def key_id(headers: Headers) -> str:
    return dict(headers)["authorization"].split("Credential=")[1].split("/")[0]


def process_answer(key: str, expires_at_s: float) -> str:
    expiry = dt.datetime.fromtimestamp(expires_at_s, dt.UTC)
    return json.dumps(
        {
            "Version": 1,
            "AccessKeyId": key,
            "SecretAccessKey": "secret",
            "SessionToken": f"session-of-{key}",
            "Expiration": expiry.isoformat(),
        }
    )


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """The AWS configuration file that the environment of every test here names."""
    return tmp_path / "aws-config"


def test_explicit_keys_sign(sigv4_request: WireRequest) -> None:
    signer: Signer = AwsSigner(KEYS, AUTH, clock=Clock(1_700_000_000.0))
    assert not signer.fresh()
    signer.refresh(WAIT_S)

    headers = signer.sign(sigv4_request, HOST)

    assert signer.fresh()
    assert dict(headers)["authorization"].startswith(
        "AWS4-HMAC-SHA256 Credential=AKIDKEYS/20231114/eu-central-1/bedrock/aws4_request, "
    )
    assert dict(headers)["x-amz-date"] == "20231114T221320Z"
    assert "x-amz-security-token" not in dict(headers)


def test_the_chain_finds_the_environment(
    sigv4_request: WireRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDENV")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "session")
    signer = AwsSigner(CHAIN, AUTH)
    signer.refresh(WAIT_S)

    headers = signer.sign(sigv4_request, HOST)

    assert key_id(headers) == "AKIDENV"
    assert dict(headers)["x-amz-security-token"] == "session"


def test_a_named_profile_goes_before_the_environment_and_keeps_the_upstreams_region(
    sigv4_request: WireRequest, monkeypatch: pytest.MonkeyPatch, config: Path
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDENV")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    config.write_text(
        "[profile claude]\nregion = us-east-1\n"
        "aws_access_key_id = AKIDPROFILE\naws_secret_access_key = secret\n"
    )
    signer = AwsSigner(CredentialSettings(CredentialKind.AWS_PROFILE, profile="claude"), AUTH)
    signer.refresh(WAIT_S)

    headers = signer.sign(sigv4_request, HOST)

    assert key_id(headers) == "AKIDPROFILE"
    assert "/eu-central-1/bedrock/" in dict(headers)["authorization"]


def test_expiring_keys_are_renewed(
    sigv4_request: WireRequest, config: Path, tmp_path: Path
) -> None:
    answer = tmp_path / "answer.json"
    now_s = time.time()
    answer.write_text(process_answer("AKIDONE", now_s + 3600))
    config.write_text(f"[default]\ncredential_process = cat {answer}\n")
    clock = Clock(now_s)
    signer = AwsSigner(CHAIN, AUTH, clock=clock)
    signer.refresh(WAIT_S)
    assert key_id(signer.sign(sigv4_request, HOST)) == "AKIDONE"

    answer.write_text(process_answer("AKIDTWO", now_s + 7200))
    clock.now_s = now_s + 3600 - 29
    assert not signer.fresh()
    signer.refresh(WAIT_S)

    assert key_id(signer.sign(sigv4_request, HOST)) == "AKIDTWO"


def test_a_hanging_source_does_not_hold_the_caller(
    sigv4_request: WireRequest, config: Path, tmp_path: Path
) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    config.write_text(f"[default]\ncredential_process = cat {pipe}\n")
    signer = AwsSigner(CHAIN, AUTH)
    with pytest.raises(CredentialError, match="within the time allowed"):
        signer.refresh(0)

    # Opening the pipe waits for the process that reads it: the first fetch is still running.
    writer = threading.Thread(
        target=lambda: pipe.write_text(process_answer("AKIDLATE", time.time() + 3600)),
        daemon=True,
    )
    writer.start()
    signer.refresh(WAIT_S)
    writer.join(WAIT_S)

    assert key_id(signer.sign(sigv4_request, HOST)) == "AKIDLATE"


ASSUMED = """<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<AssumeRoleResult><Credentials><AccessKeyId>AKIDROLE</AccessKeyId>
<SecretAccessKey>secret</SecretAccessKey><SessionToken>role-session</SessionToken>
<Expiration>{expiry}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"""
ROLE = """[profile base]
region = us-east-1
aws_access_key_id = AKIDBASE
aws_secret_access_key = secret
[profile role]
region = us-east-1
role_arn = arn:aws:iam::123456789012:role/claude
source_profile = base
"""


def test_a_role_is_assumed_in_the_upstreams_region(
    sigv4_request: WireRequest,
    config: Path,
    token_server: TokenServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scopes: list[str] = []
    expiry = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
    body = ASSUMED.format(expiry=expiry.strftime("%Y-%m-%dT%H:%M:%SZ")).encode()

    def answer(handler: BaseHTTPRequestHandler) -> None:
        scopes.append(handler.headers["authorization"])
        reply(handler, 200, body, "text/xml")

    token_server.answer = answer
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", f"http://127.0.0.1:{token_server.port}")
    config.write_text(ROLE)
    signer = AwsSigner(CredentialSettings(CredentialKind.AWS_PROFILE, profile="role"), AUTH)
    signer.refresh(WAIT_S)

    assert key_id(signer.sign(sigv4_request, HOST)) == "AKIDROLE"
    assert len(scopes) == 1
    assert "/eu-central-1/sts/aws4_request" in scopes[0]


def test_a_refused_role_names_no_account(
    config: Path, token_server: TokenServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = b"""<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>User:
    arn:aws:iam::123456789012:user/x is not authorized</Message></Error></ErrorResponse>"""
    token_server.answer = lambda handler: reply(handler, 403, body, "text/xml")
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", f"http://127.0.0.1:{token_server.port}")
    config.write_text(ROLE)
    signer = AwsSigner(CredentialSettings(CredentialKind.AWS_PROFILE, profile="role"), AUTH)

    with pytest.raises(CredentialError) as caught:
        signer.refresh(WAIT_S)

    assert caught.value.message == "the AWS credentials could not be had (ClientError)"
    assert "AccessDenied" in caught.value.detail
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    "name", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"]
)
def test_a_key_with_a_line_break_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(variable, "hush\n" if variable == name else "good")

    with pytest.raises(CredentialError, match="trailing line break") as caught:
        AwsSigner(CHAIN, AUTH).refresh(WAIT_S)
    assert "hush" not in caught.value.message + caught.value.detail


def test_a_machine_without_credentials_is_told_what_to_do() -> None:
    with pytest.raises(CredentialError, match="configure a profile") as caught:
        AwsSigner(CHAIN, AUTH).refresh(WAIT_S)
    assert caught.value.__context__ is None


def test_a_profile_that_is_not_there_is_named_for_the_log_only() -> None:
    settings = CredentialSettings(CredentialKind.AWS_PROFILE, profile="nobody")
    with pytest.raises(CredentialError) as caught:
        AwsSigner(settings, AUTH).refresh(WAIT_S)

    assert caught.value.message == "the AWS credentials could not be had (ProfileNotFound)"
    assert "nobody" in caught.value.detail
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (CredentialSettings(CredentialKind.AWS_KEYS, access_key_id="A"), "both"),
        (CredentialSettings(CredentialKind.AWS_PROFILE), "needs its name"),
        (CredentialSettings(CredentialKind.AWS_CHAIN, profile="p"), "use kind aws_profile"),
        (CredentialSettings(CredentialKind.TOKEN, token="t"), "cannot sign"),
    ],
)
def test_incomplete_settings_are_refused(settings: CredentialSettings, words: str) -> None:
    with pytest.raises(CredentialError, match=words):
        AwsSigner(settings, AUTH)


def test_no_secret_is_logged_shown_or_pickled(
    sigv4_request: WireRequest, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    settings = CredentialSettings(
        CredentialKind.AWS_KEYS,
        access_key_id="AKID",
        secret_access_key="hush-secret",
        session_token="hush-session",
    )
    signer = AwsSigner(settings, AUTH)
    signer.refresh(WAIT_S)
    headers = signer.sign(sigv4_request, HOST)

    assert dict(headers)["x-amz-security-token"] == "hush-session"
    assert "hush" not in caplog.text + repr(signer) + repr(settings)
    for held in (signer, settings):
        with pytest.raises(TypeError, match="not pickled"):
            pickle.dumps(held)
