"""The emulator as a whole: every platform on a port of its own, in a loop or in a thread."""

from __future__ import annotations

import asyncio
import secrets
import signal
import socket
import threading
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType, TracebackType
from typing import Final, Self

from gateway.emulator.aws_platform import AwsPlatform
from gateway.emulator.bedrock import Bedrock
from gateway.emulator.control import PREFIX, controlled
from gateway.emulator.direct import Direct
from gateway.emulator.elsewhere import Elsewhere, refusing_socket
from gateway.emulator.fault_queue import Faults
from gateway.emulator.foundry import Foundry
from gateway.emulator.google_cloud import GoogleCloud
from gateway.emulator.http import End, Note, Request, Response
from gateway.emulator.mantle import Mantle
from gateway.emulator.openai_relay import OpenaiRelay
from gateway.emulator.platform import Ids, Platform, World
from gateway.emulator.records import Records
from gateway.emulator.relay import Relay
from gateway.emulator.server import Server
from gateway.emulator.vertex import Vertex

API_KEY: Final = "sk-ant-emulator"
"""The key every emulator takes unless it is told others."""
PLATFORMS: Final[Mapping[str, Callable[[World], Platform]]] = MappingProxyType(
    {
        "anthropic": Direct,
        "bedrock": Bedrock,
        "vertex": Vertex,
        "aws": AwsPlatform,
        "bedrock_mantle": Mantle,
        "google_cloud": GoogleCloud,
        "openai_relay": OpenaiRelay,
        "foundry": Foundry,
        "relay": Relay,
    }
)
"""Platform name -> what emulates it; the order is the order of ports."""


class Emulator:
    """Claude's platforms on loopback, for tests and demonstrations.

    Use it as `with Emulator() as emulator:` (it runs in a thread) or `async with` (in the running
    loop). Each platform listens on a free port of its own; see `direct.base_url`.

    Args:
        host: The address to listen on.
        ports: Platform name -> port; a platform that is not named takes a free one.
        api_key: The credential the platforms take.
        pace_s: Seconds between the events of a stream.
        clock_s: The clock of the prompt cache, the records and the clouds' credentials: seconds,
            Unix time where a cloud's clients are to be let in.
        ids_from: What ids are made from: the same text gives the same sequence of ids. None: no id
            comes again, not in another emulator and not after a restart, for ids are what a bill is
            told apart by.
        keep_records: How many requests are remembered; 0 for load tests.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        ports: Mapping[str, int] | None = None,
        api_key: str = API_KEY,
        pace_s: float = 0.0,
        clock_s: Callable[[], float] = time.time,
        ids_from: str | None = None,
        keep_records: int = 10_000,
    ) -> None:
        self.api_key = api_key
        self._host = host
        self._ports = dict(ports or {})
        self._world = World(
            clock_s,
            frozenset({api_key}),
            records=Records(keep_records),
            ids=Ids(secrets.token_hex(8) if ids_from is None else ids_from),
            pace_s=pace_s,
        )
        self.direct = Direct(self._world)
        self.bedrock = Bedrock(self._world)
        self.vertex = Vertex(self._world)
        self.aws = AwsPlatform(self._world)
        self.mantle = Mantle(self._world)
        self.google_cloud = GoogleCloud(self._world)
        self.openai_relay = OpenaiRelay(self._world)
        self.google_cloud.account = self.vertex.account
        self.foundry = Foundry(self._world)
        self.relay = Relay(self._world)
        self.elsewhere = Elsewhere(self._world)
        """A host that is no platform; what arrives there is on record as `elsewhere`."""
        self.platforms: tuple[Platform, ...] = (
            self.direct,
            self.bedrock,
            self.vertex,
            self.aws,
            self.mantle,
            self.google_cloud,
            self.foundry,
            self.relay,
            self.openai_relay,
        )
        self._servers: list[Server] = []
        self._refusing: dict[str, socket.socket] = {}
        self._thread: _Thread | None = None

    @property
    def faults(self) -> Faults:
        """The faults still to come; add some with `faults.add("status", status=529)`."""
        return self._world.faults

    @property
    def records(self) -> Records:
        """What came in, oldest first."""
        return self._world.records

    def reset(self) -> None:
        """Forget records, faults and the prompt cache, and what accounts were set to."""
        self.bedrock.account.reset()
        self.direct.organization.reset()
        self.aws.organization.reset()
        self.vertex.garden.reset()
        self.foundry.reset()
        self.relay.reset()
        for keeping in (self.direct, self.aws, self.google_cloud):
            keeping.forget()
        self.openai_relay.habits = ()
        self._world.records.clear()
        self._world.faults.clear()
        self._world.cache.clear()

    def refusing_url(self, platform: str) -> str:
        """Return an address, one a platform, that refuses connections while the emulator runs."""
        if platform not in self._refusing:
            self._refusing[platform] = refusing_socket(self._host)
        return f"http://{self._host}:{self._refusing[platform].getsockname()[1]}"

    async def start(self) -> None:
        """Listen on every platform's port, in the running loop; raises OSError, then on none."""
        try:
            for platform in (*self.platforms, self.elsewhere):
                port = _Port(platform)
                server = Server(port.handle, port)
                number = await server.start(self._host, self._ports.get(platform.name, 0))
                self._servers.append(server)
                platform.base_url = f"http://{self._host}:{number}"
            self._world.elsewhere = self.elsewhere.base_url
        except OSError:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop listening and drop every connection."""
        for server in self._servers:
            await server.stop()
        self._servers.clear()
        for refusing in self._refusing.values():
            refusing.close()
        self._refusing.clear()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        await self.stop()

    def __enter__(self) -> Self:
        self._thread = _Thread(self)
        self._thread.begin()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        if self._thread is not None:
            self._thread.finish()
            self._thread = None


class _Port:
    """What comes in at one platform's port: for the platform, or for the emulator itself."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def handle(self, request: Request) -> tuple[Response, Note]:
        if request.path.startswith(PREFIX):
            return controlled(request, self._platform.world), _unnoted
        return self._platform.serve(request)

    def accepted(self) -> End | None:
        return self._platform.accepted()

    def begun(self, request: Request) -> End | None:
        return None if request.path.startswith(PREFIX) else self._platform.begun(request)


def _unnoted(outcome: str, frames: int) -> None:
    """Forget how a request to the emulator itself ended."""


class _Thread:
    """An emulator in a loop of its own, in a thread of its own."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._ready = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="emulator", daemon=True)

    def begin(self) -> None:
        """Return once the emulator listens; raises what kept it from that."""
        self._thread.start()
        self._ready.wait()
        if self._error is not None:
            self._thread.join()
            raise self._error

    def finish(self) -> None:
        """Stop, and return once every socket is closed."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._live())

    async def _live(self) -> None:
        try:
            await self._emulator.start()
        except OSError as wrong:
            self._error = wrong
            return
        finally:
            self._ready.set()
        await self._stop.wait()
        await self._emulator.stop()


def serve(
    host: str = "127.0.0.1",
    port: int = 8090,
    *,
    api_key: str = API_KEY,
    pace_s: float = 0.0,
    keep_records: int = 1000,
    faults: Faults | None = None,
    ready: Callable[[Emulator], None] | None = None,
) -> None:
    """Run the emulator until it is interrupted or terminated.

    Args:
        host: The address to listen on.
        port: The direct API's port; the other platforms take the ports after it.
        api_key: The credential the platforms take.
        pace_s: Seconds between the events of a stream.
        keep_records: How many requests are remembered.
        faults: Faults to begin with.
        ready: Called once every platform listens.

    Raises:
        OSError: A port is taken.
    """
    emulator = Emulator(
        host=host,
        ports={name: port + i if port else 0 for i, name in enumerate(PLATFORMS)},
        api_key=api_key,
        pace_s=pace_s,
        keep_records=keep_records,
    )
    for one in faults.pending() if faults is not None else ():
        emulator.faults.add(one)
    asyncio.run(_serving(emulator, ready))


async def _serving(emulator: Emulator, ready: Callable[[Emulator], None] | None) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with emulator:
        if ready is not None:
            ready(emulator)
        await stop.wait()
