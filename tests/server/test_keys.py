from __future__ import annotations

import pickle
from collections.abc import Iterator

import anthropic
import pytest

from gateway.call import Caller
from gateway.emulator import Emulator
from gateway.server import Settings
from gateway.server.keys import Keys
from tests.server.serving import BODY, HEADERS, Running, engine_over, serving

KEY = "tg_first_0123456789"
OTHER = "tg_second_0123456789"


@pytest.fixture(scope="module")
def locked(_emulator: Emulator) -> Iterator[Running]:
    with serving(engine_over(_emulator), keys=(KEY, OTHER)) as running:
        yield running


@pytest.mark.parametrize(
    "shown",
    [
        {"x-api-key": KEY},
        {"x-api-key": OTHER},
        {"authorization": f"Bearer {KEY}"},
        {"authorization": f"bearer  {OTHER}"},
        {"x-api-key": "wrong", "authorization": f"Bearer {KEY}"},
        {"x-api-key": KEY, "authorization": "Bearer wrong"},
    ],
)
def test_a_good_key_opens(locked: Running, emulator: Emulator, shown: dict[str, str]) -> None:
    assert locked.call(BODY, HEADERS | shown).status == 200
    headers = str(emulator.records[-1].headers)
    assert KEY not in headers
    assert OTHER not in headers


@pytest.mark.parametrize(
    "shown",
    [
        {},
        {"x-api-key": ""},
        {"x-api-key": KEY[:-1]},
        {"x-api-key": KEY + "x"},
        {"authorization": KEY},
        {"authorization": "Bearer"},
        {"authorization": f"Basic {KEY}"},
        {"cookie": f"x-api-key={KEY}"},
    ],
)
def test_no_other_does(locked: Running, emulator: Emulator, shown: dict[str, str]) -> None:
    for method, path in (("POST", "/v1/messages"), ("GET", "/v1/models"), ("GET", "/nowhere")):
        reply = locked.ask(method, path, b"{}", HEADERS | shown)
        assert reply.error[:2] == (401, "authentication_error")
        assert reply.headers["x-should-retry"] == "false"
    assert len(emulator.records) == 0


def test_a_bad_key_is_refused_before_the_body_comes(locked: Running) -> None:
    with locked.connect() as sock:
        sock.sendall(b"POST /v1/messages HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000\r\n")
        sock.sendall(b"expect: 100-continue\r\nx-api-key: wrong\r\n\r\n")
        assert sock.recv(12) == b"HTTP/1.1 401"


def test_health_needs_no_key(locked: Running) -> None:
    for path in ("/", "/api/hello", "/healthz", "/readyz"):
        assert locked.ask("GET", path).status == 200


def test_the_sdk_does_not_try_a_bad_key_twice(locked: Running) -> None:
    sdk = anthropic.Anthropic(base_url=locked.url, api_key="wrong", max_retries=3)
    with pytest.raises(anthropic.AuthenticationError) as caught:
        sdk.messages.create(
            model="claude-opus-5-5", max_tokens=8, messages=[{"role": "user", "content": "x"}]
        )
    assert caught.value.request.headers["x-stainless-retry-count"] == "0"


def test_a_locked_gateway_is_called_by_any_name(locked: Running) -> None:
    headers = HEADERS | {"x-api-key": KEY, "host": "gateway.test"}
    assert locked.call(BODY, headers).status == 200


@pytest.mark.parametrize("host", ["evil.test", "evil.test:8787", "10.0.0.1", "localhost.evil.test"])
def test_a_keyless_one_is_not(gateway: Running, emulator: Emulator, host: str) -> None:
    reply = gateway.call(BODY, HEADERS | {"host": host})
    assert reply.error[:2] == (403, "permission_error")
    assert len(emulator.records) == 0


@pytest.mark.parametrize("host", ["localhost", "localhost:1", "127.0.0.2:80", "[::1]:8787"])
def test_it_is_called_as_this_machine(gateway: Running, host: str) -> None:
    assert gateway.call(BODY, HEADERS | {"host": host}).status == 200


def test_keys_do_not_show() -> None:
    keys = Keys({KEY: Caller("key-1")})
    assert KEY not in repr(keys) + repr(Settings(keys=(KEY,)))
    for secret in (keys, Settings(keys=(KEY,))):
        with pytest.raises(TypeError):
            pickle.dumps(secret)
    assert KEY.encode() not in b"".join(
        value for name in Keys.__slots__ if isinstance(value := getattr(keys, name), bytes)
    )


def test_a_digest_is_no_key() -> None:
    keys = Keys({KEY: Caller("key-1")})
    digest, caller = next(iter(keys._digests.values()))
    for shown in (digest, digest.hex().encode(), b"", keys._dummy[0]):
        assert keys._found(shown) is None
    assert keys._found(KEY.encode()) is caller
