"""Engines over the emulated platforms, and callers over both real wires."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from gateway.answers import Answer, refusal
from gateway.call import Call
from gateway.credentials.contract import Signer
from gateway.credentials.static import StaticSigner
from gateway.dispatch.drive import Connection
from gateway.dispatch.limits import Limits
from gateway.emulator import Emulator
from gateway.engine import Engine
from gateway.errors import Refused
from gateway.routing import Upstream
from gateway.wire.aio import AsyncWire
from gateway.wire.contract import Route, Wire, run_blocking
from gateway.wire.sync import SyncWire
from providers import registry
from providers.contract import Auth, Bearer, Place

LIMITS = Limits(base_s=0.001, max_s=0.002)
SAFETY_S = 30.0
"""How long one call may take; reached only by a failing test."""
PLATFORMS = ("anthropic", "bedrock", "vertex")
_PLACES: dict[str, dict[str, Any]] = {
    "anthropic": {},
    "bedrock": {"region": "eu-central-1", "profile": "eu", "auth": Bearer()},
    "vertex": {"region": "europe-west1", "project": "tidegate-test"},
}


@dataclass
class Got:
    """What a caller saw of one call, and what the engine recorded of it."""

    answer: Answer
    body: bytes
    """The whole body; of a streamed answer all its events."""

    @property
    def status(self) -> int:
        return self.answer.status

    @property
    def headers(self) -> dict[str, str]:
        return dict(self.answer.headers)

    @property
    def dropped(self) -> list[str]:
        """The names in `x-gateway-dropped`."""
        return [name for name in self.headers.get("x-gateway-dropped", "").split(", ") if name]


class Caller:
    """Asks over one of the wires; the calls of one `ask_all` share its connections."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def ask(self, engine: Engine, call: Call) -> Got:
        return self.ask_all(engine, [call])[0]

    def ask_all(self, engine: Engine, calls: Sequence[Call]) -> list[Got]:
        if self.kind == "asyncio":
            return asyncio.run(self._over_asyncio(engine, calls))
        wire = SyncWire()
        try:
            return [run_blocking(_asked(engine, call, wire)) for call in calls]
        finally:
            wire.close()

    async def _over_asyncio(self, engine: Engine, calls: Sequence[Call]) -> list[Got]:
        wire = AsyncWire()
        got = []
        for call in calls:
            async with asyncio.timeout(SAFETY_S):
                got.append(await _asked(engine, call, wire))
        await wire.aclose()
        return got


async def _asked(engine: Engine, call: Call, wire: Wire) -> Got:
    try:
        answer = await engine.answer(call, wire)
    except Refused as error:
        answer = refusal(error)
    parts = [answer.body]
    if answer.stream is not None:
        while part := await answer.stream.read():
            parts.append(part)
    return Got(answer, b"".join(parts))


def base_url(emulator: Emulator, platform: str) -> str:
    """Return where a platform is emulated, as its clients want it."""
    found = {each.name: each.base_url for each in emulator.platforms}[platform]
    return f"{found}/v1" if platform == "vertex" else found


def engine_at(
    url: str,
    platform: str,
    *,
    key: str = "key",
    lenient: bool = False,
    limits: Limits = LIMITS,
    signer: Signer | None = None,
    auth: Auth | None = None,
) -> Engine:
    """Return an engine with one upstream, named like its platform."""
    provider = registry.PROVIDERS[platform]
    place = {"base_url": url, **_PLACES[platform], **({"auth": auth} if auth else {})}
    endpoint = provider.endpoint(Place(**place))
    port = urlsplit(url).port or 0
    route = Route(platform, "http", "127.0.0.1", port, allow_private_network=True)
    connection = Connection(route, signer or StaticSigner(key, endpoint.auth))
    upstream = Upstream(platform, provider, endpoint, lenient=lenient)
    return Engine([upstream], {platform: connection}, limits)


def engine_over(emulator: Emulator, platform: str, **how: Any) -> Engine:
    """Return an engine whose one upstream is an emulated platform."""
    return engine_at(base_url(emulator, platform), platform, key=emulator.api_key, **how)


def engine_of(*engines: Engine) -> Engine:
    """Return an engine with the upstreams of several, in their order."""
    upstreams = [upstream for engine in engines for upstream in engine.upstreams]
    connections = {
        name: connection for engine in engines for name, connection in engine._connections.items()
    }
    return Engine(upstreams, connections, engines[0].limits)
