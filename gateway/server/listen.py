"""Running the application on uvicorn until it is told to stop."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Awaitable, Callable, Iterable, Sequence
from types import FrameType

import uvicorn

from gateway.server.addresses import bracketed, is_loopback, own_address
from gateway.server.app import App
from gateway.server.connection import Connection
from gateway.server.report import report
from gateway.server.settings import Settings
from gateway.wire.contract import Route

TICKS_A_SECOND = 10
"""How often uvicorn calls `on_tick`."""
CUT_S = 1
"""How long calls that were cut off may take to say so."""
BACKLOG = 2048

Say = Callable[[str], None]


class Server(uvicorn.Server):
    """uvicorn, draining before it stops: callers are answered or told to go elsewhere."""

    def __init__(self, app: App, on_ready: Callable[[], None] = lambda: None) -> None:
        super().__init__(_uvicorn_config(app))
        self._app = app
        self._on_ready = on_ready

    def drain(self) -> None:
        """Begin to stop; asked for twice, stop now. Safe in a signal handler."""
        if self._app.drain.asked:
            self.should_exit = True
        self._app.drain.asked = True

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take SIGTERM and SIGINT."""
        del sig, frame
        self.drain()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen."""
        await super().startup(sockets)
        self._on_ready()

    async def on_tick(self, counter: int) -> bool:
        """Look after slow callers once a second; return whether to stop."""
        now_s = asyncio.get_running_loop().time()
        if counter % TICKS_A_SECOND == 0:
            for connection in list(self.server_state.connections):
                if isinstance(connection, Connection):
                    _check(connection, now_s)
        return await super().on_tick(counter) or self._app.drain.over(now_s)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop; callers who are cut off have a moment to read that they are."""
        await super().shutdown(sockets)
        loop = asyncio.get_running_loop()
        until_s = loop.time() + CUT_S
        while (left := list(self.server_state.connections)) and loop.time() < until_s:  # noqa: ASYNC110 - uvicorn tells of no end
            await asyncio.sleep(1 / TICKS_A_SECOND / 2)
        for connection in left:
            connection.transport.abort()


def _check(connection: Connection, now_s: float) -> None:
    """Look after one caller; whatever comes of it, the server goes on."""
    try:
        connection.check(now_s)
    except Exception as error:  # noqa: BLE001 - one connection must not stop all others
        report(error)
        connection.transport.abort()


def run(
    app: App,
    routes: Iterable[Route] = (),
    *,
    notes: Sequence[str] = (),
    say: Say | None = None,
    close: Callable[[], Awaitable[None]] | None = None,
) -> int:
    """Serve until SIGTERM or SIGINT; return the exit status.

    Args:
        app: What answers.
        routes: Where the upstreams are, to refuse one that is this server.
        notes: What to tell the operator besides the address.
        say: Takes one line for the operator; by default it goes to standard error.
        close: A coroutine function that lets the wire's connections go at the end.
    """
    tell = say or _to_stderr
    settings = app.settings
    try:
        listening = _socket(settings)
    except OSError as error:
        reason = (error.strerror or "no reason given").partition(" (")[0]
        tell(f"Cannot listen on {settings.host} port {settings.port}: {reason}.")
        return 1
    with listening:
        port: int = listening.getsockname()[1]
        fault = start_fault(settings, routes, port)
        if fault is not None:
            tell(fault)
            return 1
        lines = [f"Tidegate listens on http://{bracketed(settings.host)}:{port}.", *notes]
        if not settings.by_key:
            lines.append("No gateway key is configured: only this machine is answered.")
        server = Server(app, on_ready=lambda: tell("\n".join(lines)))
        _run(server, listening, close)
    return 0


def start_fault(settings: Settings, routes: Iterable[Route], port: int) -> str | None:
    """Return why the server must not start; None when it may. Pure."""
    if not settings.by_key and not is_loopback(settings.host):
        return (
            f"No gateway key is configured, yet other machines can reach {settings.host}: "
            "configure server.keys, or listen on 127.0.0.1."
        )
    own = own_address(routes, settings.host, port)
    if own is not None:
        return f"Upstream {own}: its base_url is this gateway's own address; name the platform's."
    return None


def _run(
    server: Server, listening: socket.socket, close: Callable[[], Awaitable[None]] | None
) -> None:
    async def serve() -> None:
        try:
            await server.serve(sockets=[listening])
        finally:
            if close is not None:
                await close()

    with asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
        runner.run(serve())


def _socket(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    return socket.create_server(
        (settings.host.strip("[]"), settings.port), family=family, backlog=BACKLOG
    )


def _uvicorn_config(app: App) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=Connection,
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        log_level="error",
        access_log=False,
        proxy_headers=False,
        forwarded_allow_ips=[],
        server_header=False,
        date_header=False,
        backlog=BACKLOG,
        timeout_keep_alive=app.settings.keep_alive_s,
        timeout_graceful_shutdown=CUT_S,
    )


def _to_stderr(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
