"""What an upstream's table says of its connection is how it is reached."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from gateway.answers import Answer, refusal
from gateway.call import read_call
from gateway.emulator import Emulator
from gateway.engine import Engine
from gateway.errors import Refused
from gateway.wire.aio import AsyncWire
from providers.contract import Kind
from tests.configured.conftest import Configured
from tests.configured.test_limits_act import call
from tests.unit.wire.conftest import Peer, Talk, says
from tests.unit.wire.test_wire_tls import Authority, Relay

ANSWER = (
    b'{"id":"msg_1","type":"message","role":"assistant","model":"claude-opus-5-5","content":[],'
    b'"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":1,"output_tokens":1}}'
)
OK = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (
    len(ANSWER),
    ANSWER,
)
ONCE = {"attempts": 1}
Start = Callable[..., Peer]


@pytest.fixture
def peer() -> Iterator[Start]:
    with ExitStack() as stack:

        def start(talk: Talk, context: ssl.SSLContext | None = None) -> Peer:
            server = Peer(talk, context)
            stack.callback(server.close)
            return server

        yield start


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def asked(engine: Engine) -> Answer:
    async def run() -> Answer:
        wire = AsyncWire()
        async with asyncio.timeout(30):
            answer = await engine.answer(call(), wire)
        await wire.aclose()
        return answer

    return asyncio.run(run())


@pytest.mark.parametrize(("extra", "status"), [('ca_file = "ca.pem"', 200), ("", 502)])
def test_a_ca_file(
    extra: str, status: int, configured: Configured, peer: Start, authority: Authority
) -> None:
    server = peer(says(OK), authority.context("127.0.0.1"))
    engine = configured(base_url=f"https://127.0.0.1:{server.port}", extra=extra, retries=ONCE)
    assert asked(engine).status == status


@pytest.mark.parametrize(("extra", "status"), [('client_cert = "me.pem"', 200), ("", 502)])
def test_a_client_certificate(
    extra: str, status: int, configured: Configured, peer: Start, authority: Authority
) -> None:
    context = authority.context("127.0.0.1")
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(authority.ca_file)
    authority.issue("me")
    server = peer(says(OK), context)
    base_url = f"https://127.0.0.1:{server.port}"
    engine = configured(base_url=base_url, extra=f'ca_file = "ca.pem"\n{extra}', retries=ONCE)
    assert asked(engine).status == status


def test_a_proxy(configured: Configured, peer: Start, authority: Authority) -> None:
    relay = Relay()
    server, proxy = peer(says(OK), authority.context("127.0.0.1")), peer(relay)
    extra = f'ca_file = "ca.pem"\nproxy = "http://127.0.0.1:{proxy.port}"'
    engine = configured(base_url=f"https://127.0.0.1:{server.port}", extra=extra, retries=ONCE)
    assert asked(engine).status == 200
    assert [head.split(b"\r\n")[0] for head in relay.heads] == [
        b"CONNECT 127.0.0.1:%d HTTP/1.1" % server.port
    ]


@pytest.mark.parametrize("allowed", [True, False])
def test_a_private_network(allowed: bool, configured: Configured, fuse: list[str]) -> None:
    """The fuse stands for the network: a connection that blows it would have been opened."""
    engine = configured(
        base_url="https://10.255.255.1",
        extra=f"allow_private_network = {str(allowed).lower()}",
        retries=ONCE,
    )
    if allowed:
        with pytest.raises(RuntimeError, match=r"10\.255\.255\.1"):
            asked(engine)
    else:
        assert asked(engine).status == 502
    assert bool(fuse) is allowed
    fuse.clear()


@pytest.mark.parametrize(
    ("fidelity", "status", "dropped"), [("strict", 400, None), ("lenient", 200, "service_tier")]
)
def test_fidelity_decides_what_may_be_left_out(
    configured: Configured, emulator: Emulator, fidelity: str, status: int, dropped: str | None
) -> None:
    table = f"""
        [upstreams.other]
        provider = "bedrock"
        region = "eu-central-1"
        profile = "eu"
        api_key = "${{TEST_KEY}}"
        base_url = "{emulator.bedrock.base_url}"
        fidelity = "{fidelity}"
    """
    engine = configured(order=("other",), extra=table)
    headers = (("anthropic-version", "2026-10-21"),)
    body = (
        b'{"model":"claude-opus-5-5","max_tokens":9,"service_tier":"auto",'
        b'"messages":[{"role":"user","content":"hi"}]}'
    )
    asked = read_call(Kind.MESSAGES, headers, body)
    try:
        answer = asyncio.run(engine.answer(asked, AsyncWire()))
    except Refused as error:
        answer = refusal(error)
    assert answer.status == status
    assert (b"service_tier" in answer.body) == (dropped is None)
    assert dict(answer.headers).get("x-gateway-dropped") == dropped
