"""The two doors of the gateway, each as a client of the real SDK."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace

import httpx2
from anthropic import Anthropic

from gateway import Anthropic as GatewayAnthropic
from gateway.config import Config
from gateway.demo.configuration import CALLER
from gateway.engine import Engine
from gateway.server import App, Server, Settings
from gateway.wire.aio import AsyncWire

TIMEOUT_S = 12.0
"""How long a caller waits; longer than the gateway itself does."""


@dataclass(frozen=True, slots=True)
class Door:
    """A way into the gateway."""

    name: str
    client: Anthropic


@contextmanager
def client_door(config: Config) -> Iterator[Door]:
    """Open the client door: the gateway runs inside the SDK's client, in this process."""
    with GatewayAnthropic(gateway=config, timeout=TIMEOUT_S) as client:
        yield Door("client", client)


@contextmanager
def server_door(config: Config) -> Iterator[Door]:
    """Open the server door: the SDK as it is, pointed at a gateway that listens on loopback."""
    key = config.callers[CALLER].key.reveal()
    # The SDK's own client would take a proxy from the environment, even for this machine.
    with (
        serving(config) as url,
        httpx2.Client(trust_env=False) as http,
        Anthropic(base_url=url, api_key=key, http_client=http, timeout=TIMEOUT_S) as client,
    ):
        yield Door("server", client)


@contextmanager
def serving(config: Config) -> Iterator[str]:
    """Serve a configuration on a free port of loopback, in a thread; yield its URL."""
    wire = AsyncWire()
    app = App(Engine.from_config(config), wire, replace(Settings.of(config), drain_s=1.0))
    ready: Future[None] = Future()
    server = Server(app, on_ready=lambda: ready.set_result(None))
    with closing(socket.create_server((config.server.host, config.server.port))) as listening:
        host, port = listening.getsockname()
        work = (server, listening, wire, ready)
        thread = threading.Thread(target=_live, args=work, name="demo-server", daemon=True)
        thread.start()
        try:
            ready.result()
            yield f"http://{host}:{port}"
        finally:
            server.drain()
            thread.join()


def _live(server: Server, listening: socket.socket, wire: AsyncWire, ready: Future[None]) -> None:
    async def serve() -> None:
        try:
            await server.serve(sockets=[listening])
        finally:
            await wire.aclose()

    try:
        with asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
            runner.run(serve())
    except BaseException as error:  # noqa: BLE001 - the thread that waits raises it
        if not ready.done():
            ready.set_exception(error)
