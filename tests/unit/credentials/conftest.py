"""A token server on loopback, and a machine without credentials of its own."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from providers.contract import Bearer, SigV4, WireRequest
from tests.unit.credentials.loopback_token_server import TokenServer, reply_token


@pytest.fixture
def token_server() -> Iterator[TokenServer]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("content-length", 0))
            state.bodies.append(self.rfile.read(length))
            state.asked.release()
            state.answer(self)

        do_GET = do_POST  # noqa: N815 - the base class's name

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """A client that hangs up is part of the tests."""

    server = Server(("127.0.0.1", 0), Handler)
    state = TokenServer(server.server_port, reply_token)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield state
    state.done.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="session")
def private_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


@pytest.fixture
def key_info(private_key: str, token_server: TokenServer) -> dict[str, Any]:
    return {
        "type": "service_account",
        "project_id": "acme-test",
        "private_key_id": "k1",
        "private_key": private_key,
        "client_email": "tidegate@acme-test.iam.gserviceaccount.com",
        "token_uri": token_server.url,
    }


@pytest.fixture
def key_file(key_info: dict[str, Any], tmp_path: Path) -> str:
    path = tmp_path / "key.json"
    path.write_text(json.dumps(key_info))
    return str(path)


@pytest.fixture(autouse=True)
def bare_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Hide every credential that the machine running the tests may have."""
    for name in (
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_PROFILE",
        "AWS_DEFAULT_PROFILE",
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_BEARER_TOKEN_BEDROCK",
        "GOOGLE_APPLICATION_CREDENTIALS",
        "ANTHROPIC_API_KEY",
        "ANTHROPIC_AUTH_TOKEN",
        "ANTHROPIC_PROFILE",
        "ANTHROPIC_CONFIG_DIR",
        "ANTHROPIC_ORGANIZATION_ID",
        "ANTHROPIC_IDENTITY_TOKEN",
        "ANTHROPIC_IDENTITY_TOKEN_FILE",
        "ANTHROPIC_WORKSPACE_ID",
        "ANTHROPIC_FEDERATION_RULE_ID",
        "ANTHROPIC_BASE_URL",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "aws-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "aws-credentials"))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "acme-test")
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path / "gcloud"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)


@pytest.fixture
def bearer_request() -> WireRequest:
    return WireRequest(
        "POST", "/v1/messages", (("content-type", "application/json"),), b"{}", Bearer()
    )


@pytest.fixture
def sigv4_request() -> WireRequest:
    return WireRequest(
        "POST",
        "/model/eu.anthropic.claude-opus-5-5/invoke",
        (("content-type", "application/json"), ("user-agent", "tidegate")),
        b'{"max_tokens":1}',
        SigV4("bedrock", "eu-central-1"),
    )
