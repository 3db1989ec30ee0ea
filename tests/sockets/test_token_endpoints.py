"""A token endpoint that fails costs an attempt, within the call's clock, and nothing leaks."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import google.oauth2.service_account
import pytest

from gateway.credentials.google import GoogleSigner
from gateway.credentials.settings import CredentialKind, CredentialSettings
from gateway.dispatch.limits import Limits
from gateway.emulator import Emulator
from tests.fidelity.gateways import Caller, Got, base_url, engine_at
from tests.simulation.callers import call
from tests.simulation.streams import parse
from tests.sockets.raw import Line, Talk, always, http, peer

# Loaded here, so that no call's clock runs while it loads.
LOADED = google.oauth2.service_account
SOON = Limits(first_content_s=0.4, call_s=3.0, base_s=0.001, max_s=0.002)
LONG_S = 15.0
"""Longer than any of the clocks here, shorter than the 20 s a token fetch may take."""
PAGE = b"<html><body>Sign in at https://accounts.example/secret-page</body></html>"
released = threading.Event()


@pytest.fixture(autouse=True)
def release() -> Iterator[None]:
    released.clear()
    yield
    released.set()


def hear(line: Line) -> None:
    line.request()


def hang(line: Line) -> None:
    while line.request():
        released.wait(LONG_S * 2)


def drip(line: Line) -> None:
    line.request()
    for byte in b"HTTP/1.1 200 OK\r\nx-slow: " + b"a" * 10_000:
        line.say(bytes((byte,)))
        if released.wait(0.05):
            return


TROUBLE: dict[str, Talk] = {
    "fails": always(http(b'{"error":"server_error"}', 500)),
    "refuses": always(http(b'{"error":"invalid_grant","error_description":"secret-page"}', 400)),
    "answers HTML": always(http(PAGE, content_type="text/html")),
    "answers HTML as JSON": always(http(PAGE)),
    "answers an empty object": always(http(b"{}")),
    "redirects": always(http(b"", 302, location="http://127.0.0.1:1/secret-page")),
    "closes": hear,
    "hangs": hang,
    "drips": drip,
}


def key_file(emulator: Emulator, path: Path, token_uri: str) -> str:
    path.write_text(json.dumps(emulator.vertex.account.info(token_uri)))
    return str(path)


def signer(file: str) -> GoogleSigner:
    return GoogleSigner(CredentialSettings(CredentialKind.GOOGLE_FILE, file=file))


def ask(emulator: Emulator, caller: Caller, own: GoogleSigner, *, limits: Limits) -> Got:
    engine = engine_at(base_url(emulator, "vertex"), "vertex", signer=own, limits=limits)
    return caller.ask(engine, call())


def test_a_token_is_fetched_once_for_many_calls(
    emulator: Emulator, caller: Caller, tmp_path: Path
) -> None:
    own = signer(key_file(emulator, tmp_path / "key.json", emulator.vertex.token_uri))
    for _ in range(2):
        got = ask(emulator, caller, own, limits=Limits())
        assert parse(got.body)[-1][0] == "message_stop"
    assert [record.platform for record in emulator.records] == ["google-tokens", "vertex", "vertex"]


@pytest.mark.parametrize("talk", TROUBLE.values(), ids=TROUBLE)
def test_a_token_endpoint_in_trouble_ends_the_attempt(
    talk: Talk, emulator: Emulator, caller: Caller, tmp_path: Path
) -> None:
    with peer(talk) as tokens:
        own = signer(key_file(emulator, tmp_path / "key.json", f"{tokens.url}/token"))
        began_s = time.monotonic()
        got = ask(emulator, caller, own, limits=SOON)
        assert time.monotonic() - began_s < LONG_S
        released.set()
        assert tokens.connections == 1
    assert got.status in {502, 504}
    assert len(got.answer.records) <= SOON.per_upstream
    assert json.loads(got.body)["error"]["type"] in {"api_error", "timeout_error"}
    for secret in (b"secret-page", b"html", b"127.0.0.1", b"invalid_grant", b"tidegate-test"):
        assert secret not in got.body
    assert not len(emulator.records)
