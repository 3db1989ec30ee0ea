"""The floor: the gateway's own server and wire, and no gateway between them.

`python -m bench.floor PORT UPSTREAM_PORT`
"""

from __future__ import annotations

import asyncio
import socket
import sys
from typing import Any

from gateway.server.app import App
from gateway.server.asgi import Receive, Scope, Send
from gateway.server.drain import Drain
from gateway.server.listen import Server
from gateway.server.settings import Settings
from gateway.server.shedding import Load
from gateway.wire.aio import AsyncWire
from gateway.wire.contract import Outgoing, Route
from gateway.wire.passage import Passage

FOREVER_S = 3600.0
SENT = (("content-type", "application/json"), ("anthropic-version", "2026-10-21"))


class Floor(App):
    """The smallest application the gateway's listener takes."""

    def __init__(self, upstream_port: int) -> None:
        self.settings = Settings()
        self.load = Load(self.settings.bounds)
        self.drain = Drain(self.load, 0.0)
        self.wire = AsyncWire()
        self.route = Route("floor", "http", "127.0.0.1", upstream_port, allow_private_network=True)
        self.passage = Passage({"floor": ("http", "127.0.0.1", upstream_port)}, lambda _name: True)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await whole(receive)
        until_s = self.wire.now_s() + FOREVER_S
        exchange = await self.wire.send(
            self.route,
            Outgoing("POST", scope["path"], SENT, body),
            passage=self.passage,
            connect_until_s=until_s,
            until_s=until_s,
        )
        headers = [(name.encode(), value.encode()) for name, value in exchange.headers[:2]]
        await send({"type": "http.response.start", "status": exchange.status, "headers": headers})
        while data := await exchange.read(until_s):
            await send({"type": "http.response.body", "body": data, "more_body": True})
        exchange.close()
        await send({"type": "http.response.body", "body": b""})


async def whole(receive: Receive) -> bytes:
    message: Any = await receive()
    body: bytes = message.get("body", b"")
    while message.get("more_body"):
        message = await receive()
        body += message.get("body", b"")
    return body


def main(port: int, upstream_port: int) -> None:
    server = Server(Floor(upstream_port))
    listening = socket.create_server(("127.0.0.1", port), backlog=2048)
    with asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
        runner.run(server.serve(sockets=[listening]))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
