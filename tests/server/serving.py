"""A gateway on a free port in a thread, for tests that talk to it over sockets."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPResponse
from typing import Any, cast
from urllib.parse import urlsplit

from gateway.answers import Answer
from gateway.call import Call
from gateway.credentials.static import StaticSigner
from gateway.dispatch.budget import Budget
from gateway.dispatch.drive import Connection, OpenStream
from gateway.dispatch.health import Health
from gateway.dispatch.limits import Limits
from gateway.emulator import Emulator
from gateway.engine import Engine
from gateway.formats import Offer
from gateway.routing import Upstream
from gateway.server import App, Settings, app, run
from gateway.server.app import NO_REPORTS, Serves
from gateway.server.ledger_reports import Tells
from gateway.telemetry import Observer
from gateway.wire.aio import AsyncWire
from gateway.wire.contract import Route, Wire
from providers import registry
from providers.contract import Place
from tests.server.logged import LOGS

HEADERS = {"anthropic-version": "2026-10-21", "content-type": "application/json"}
BODY: dict[str, Any] = {
    "model": "claude-opus-5-5",
    "max_tokens": 64,
    "messages": [{"role": "user", "content": "hello"}],
}
WAIT_S = 20.0
"""How long a test waits for what must come; reached only by a failing test."""


def engine_over(emulator: Emulator, limits: Limits | None = None) -> Engine:
    """Return an engine whose one upstream is the emulated direct API."""
    provider = registry.PROVIDERS["anthropic"]
    base_url = emulator.direct.base_url
    endpoint = provider.endpoint(Place(base_url=base_url))
    port = urlsplit(base_url).port or 0
    route = Route("direct", "http", "127.0.0.1", port, allow_private_network=True)
    signer = StaticSigner(emulator.api_key, endpoint.auth)
    return Engine(
        [Upstream("direct", provider, endpoint)],
        {"direct": Connection(route, signer)},
        limits or Limits(base_s=0.001, max_s=0.002),
    )


@dataclass
class Running:
    """A gateway that listens."""

    url: str
    app: App
    said: list[str]
    status: list[int] = field(default_factory=list)
    """The exit status, once it has stopped."""

    @property
    def port(self) -> int:
        return urlsplit(self.url).port or 0

    def connect(self) -> socket.socket:
        """Return a plain socket to it."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=WAIT_S)

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] = HEADERS,
    ) -> Reply:
        """Send one request with the standard library's client."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=WAIT_S)
        try:
            connection.request(method, path, body, dict(headers))
            response = connection.getresponse()
            return Reply(response.status, _headers(response), response.read())
        finally:
            connection.close()

    def call(self, body: bytes | Mapping[str, Any], headers: Mapping[str, str] = HEADERS) -> Reply:
        """Send one message."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.ask("POST", "/v1/messages", raw, headers)


@dataclass
class Reply:
    """An answer as a plain client sees it."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> tuple[int, str, str]:
        """Status, type and message; checks that it is an Anthropic envelope."""
        document = self.json
        assert document["type"] == "error"
        assert document["request_id"] == self.headers["request-id"]
        assert self.headers["content-type"] == "application/json"
        return self.status, document["error"]["type"], document["error"]["message"]


def _headers(response: HTTPResponse) -> dict[str, str]:
    return {name.lower(): value for name, value in response.getheaders()}


@contextmanager
def serving(
    engine: Serves, routes: Sequence[Route] = (), reports: Tells = NO_REPORTS, **settings: Any
) -> Iterator[Running]:
    """Serve an engine until the block ends."""
    wire = AsyncWire()
    made = Settings(**{"port": 0, "drain_s": 5.0, **settings})
    application = app(engine, wire, made, *LOGS, reports=reports)
    ready = threading.Event()
    running = Running("", application, [])

    def say(line: str) -> None:
        running.said.append(line)
        if "listens on" in line:
            running.url = line.split()[3].rstrip(".")
        ready.set()

    def live() -> None:
        running.status.append(run(application, routes, say=say, close=wire.aclose))

    thread = threading.Thread(target=live)
    thread.start()
    try:
        assert ready.wait(WAIT_S)
        yield running
    finally:
        application.drain.asked = True
        thread.join(WAIT_S)
        assert not thread.is_alive()


class Scripted:
    """An engine that does what a test says."""

    policy = journal = "none"
    folding = None
    troubles = ()
    stopped = False
    stateful: Any = None

    def __init__(self, do: Callable[[Call], Any]) -> None:
        self.health, self.budget = Health(), Budget()
        self.upstreams: Sequence[Upstream] = ()
        self.calls: list[Call] = []
        self._do = do

    def observe(self, observer: Observer) -> None:
        pass

    def offers(self) -> Sequence[Offer]:
        return ()

    async def answer(
        self, call: Call, wire: Wire, gone: Callable[[], bool] = lambda: False
    ) -> Answer:
        self.calls.append(call)
        answer = self._do(call)
        answer = await answer if hasattr(answer, "__await__") else answer
        assert isinstance(answer, Answer)
        return answer


def until(holds: Callable[[], object]) -> None:
    """Return once something holds; fails when it does not come to hold."""
    deadline_s = time.monotonic() + WAIT_S
    while not holds():
        assert time.monotonic() < deadline_s, "this never came to hold"
        time.sleep(0.002)


class Source:
    """An open stream that a test feeds."""

    whole = False

    def __init__(self, *chunks: bytes, endless: bool = False) -> None:
        self.closed = False
        self.error: Exception | None = None
        self.go_on = threading.Event()
        """Set: what is open ends."""
        self._chunks = list(chunks)
        self._endless = endless

    async def read(self) -> bytes:
        if self._chunks:
            return self._chunks[0] if self._endless else self._chunks.pop(0)
        while not self.go_on.is_set():  # noqa: ASYNC110 - another thread sets it
            await asyncio.sleep(0.002)
        if self.error is not None:
            raise self.error
        return b""

    def close(self) -> None:
        self.closed = True


def streamed(source: Source) -> Answer:
    """Return an answer that is open."""
    headers = (("content-type", "text/event-stream"), ("request-id", "req_test"))
    return Answer(200, headers, stream=cast("OpenStream", source))
