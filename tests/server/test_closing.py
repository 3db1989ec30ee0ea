"""A connection is closed in two steps while its caller still sends."""

from __future__ import annotations

import asyncio
import socket

import pytest

from gateway.server.closing import GentleTransport
from tests.server.lines import line
from tests.server.serving import Running, Scripted, serving, until
from tests.sockets.scripted import LINGER_ZERO


class Heard(asyncio.Protocol):
    """Notes what comes in."""

    def __init__(self) -> None:
        self.data = b""
        self.lost = asyncio.Event()

    def data_received(self, data: bytes) -> None:
        self.data += data

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set()


async def connected() -> tuple[socket.socket, GentleTransport, Heard]:
    """Return both ends of a connection, the accepted one on the loop."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        caller = socket.create_connection(listening.getsockname())
        accepted, _ = listening.accept()
    transport, heard = await asyncio.get_running_loop().connect_accepted_socket(Heard, accepted)
    return caller, GentleTransport(transport), heard


def test_who_sends_reads_the_last_word_and_goes_on_sending() -> None:
    async def close() -> bytes:
        caller, transport, heard = await connected()
        with caller:
            transport.sending = True
            transport.write(b"answer")
            transport.close()
            assert transport.is_closing()
            transport.close()
            assert caller.recv(100) == b"answer"
            assert caller.recv(100) == b""
            caller.sendall(b"still sending")
            caller.shutdown(socket.SHUT_WR)
            await heard.lost.wait()
            return heard.data

    assert asyncio.run(close()) == b"still sending"


@pytest.mark.parametrize("sending", [True, False])
def test_who_is_gone_without_a_word_is_let_go(sending: bool) -> None:
    async def close() -> None:
        caller, transport, heard = await connected()
        transport.sending = sending
        caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_ZERO)
        caller.close()
        # Before the loop has seen the reset.
        transport.close()
        await heard.lost.wait()

    asyncio.run(close())


def test_a_mistake_with_one_connection_stops_no_server(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def mistaken(_connection: object, _now_s: float) -> None:
        raise ZeroDivisionError

    def answered(gateway: Running) -> bool:
        return gateway.ask("GET", "/healthz").status == 200

    with serving(Scripted(lambda _call: None)) as gateway, line(gateway) as one:
        one.send(b"GET /heal")
        monkeypatch.setattr("gateway.server.connection.Connection.check", mistaken)
        until(one.is_shut)
        assert answered(gateway)
    assert "ZeroDivisionError" in caplog.text
