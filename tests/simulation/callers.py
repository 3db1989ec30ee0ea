"""A caller for the simulation: asks an engine over a virtual wire and notes what it sees."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass, replace

from gateway.affinity import Affinity
from gateway.answers import Answer
from gateway.call import Call, read_call
from gateway.dispatch.budget import Budget
from gateway.dispatch.drive import Connection
from gateway.dispatch.health import Health
from gateway.dispatch.limits import Limits
from gateway.engine import Engine
from gateway.routing import Upstream
from gateway.wire.contract import Route, run_blocking
from providers import registry
from providers.contract import Headers, Kind, Place, WireRequest
from tests.simulation.virtual import VirtualWire

HEADERS: Headers = (("anthropic-version", "2026-10-21"),)
LIMITS = Limits()
DIRECT: Mapping[str, tuple[str, Place]] = {}


class Open:
    """A credential that is always there."""

    def fresh(self) -> bool:
        return True

    def refresh(self, timeout_s: float) -> None:
        raise AssertionError("never asked")

    def sign(self, request: WireRequest, host: str) -> Headers:
        return (*request.headers, ("authorization", "Bearer test"))


def engine(
    *names: str,
    limits: Limits = LIMITS,
    health: Health | None = None,
    budget: Budget | None = None,
    affinity: Affinity | None = None,
    providers: Mapping[str, tuple[str, Place]] = DIRECT,
) -> Engine:
    """Return an engine over upstreams of these names, in order.

    `providers` says of what provider they are, and where; the others are the direct API.
    """
    upstreams = []
    for name in names:
        kind, place = providers.get(name, ("anthropic", Place()))
        provider = registry.PROVIDERS[kind]
        placed = replace(place, base_url=f"https://{name}.test")
        upstreams.append(Upstream(name, provider, provider.endpoint(placed)))
    connections = {
        name: Connection(Route(name, "https", f"{name}.test", 443), Open()) for name in names
    }
    return Engine(
        upstreams,
        connections,
        limits,
        health=health,
        budget=budget,
        affinity=affinity,
        rng=random.Random(1),
    )


def call(*, stream: bool = True, headers: Headers = ()) -> Call:
    body = {
        "model": "claude-opus-5-5",
        "max_tokens": 64,
        "messages": [{"role": "user", "content": "hello"}],
        "stream": stream,
    }
    return read_call(Kind.MESSAGES, (*HEADERS, *headers), json.dumps(body).encode())


@dataclass
class Seen:
    """What the caller saw."""

    answer: Answer
    stream: bytes

    @property
    def status(self) -> int:
        return self.answer.status

    def header(self, name: str) -> str | None:
        return dict(self.answer.headers).get(name)


def ask(asked: Engine, wire: VirtualWire, request: Call | None = None) -> Seen:
    """Ask, and read the answer to its end."""

    async def read() -> Seen:
        answer = await asked.answer(request or call(), wire)
        parts = []
        if answer.stream is not None:
            while part := await answer.stream.read():
                parts.append(part)
        return Seen(answer, b"".join(parts))

    return run_blocking(read())
