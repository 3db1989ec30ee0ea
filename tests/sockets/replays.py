"""The simulation's schedules over real sockets: the same scripts, time scaled down."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from typing import Any, cast

from gateway.call import Call
from gateway.credentials.static import StaticSigner
from gateway.dispatch.drive import Connection
from gateway.engine import Engine
from gateway.routing import Upstream
from gateway.wire.contract import Exchange, Outgoing, Route, Wire
from gateway.wire.passage import Passage
from providers import registry
from providers.contract import Bearer, Headers, Place
from tests.simulation.callers import Seen, call
from tests.simulation.schedules import LIMITS, Schedule, refused_well, schedule, streamed_well
from tests.simulation.virtual import Script
from tests.sockets.scripted import Scripted

SCALE = 0.002
"""Real seconds for one of the schedules' seconds."""
NAMES = ("one", "two", "three")

SCALED = replace(
    LIMITS,
    **{
        name: getattr(LIMITS, name) * SCALE
        for name in LIMITS.__dataclass_fields__
        if name.endswith("_s") and getattr(LIMITS, name) is not None
    },
)


class Ways(Mapping[str, Connection]):
    """How each upstream is reached, which depends on what its next script does.

    The driver looks an upstream up once an attempt, so a look-up is one attempt.
    """

    def __init__(self, case: str, scripts: Schedule, house: Scripted) -> None:
        self.asked: list[tuple[str, Script]] = []
        self._case = case
        self._scripts = scripts
        self._house = house
        self._auth = Bearer()

    def __getitem__(self, name: str) -> Connection:
        number = sum(each == name for each, _ in self.asked)
        scripts = self._scripts[name]
        script = scripts[min(number, len(scripts) - 1)]
        self.asked.append((name, script))
        token = f"{self._case}.{name}.{number}"
        self._house.scripts[token] = script
        port = self._port(name, script)
        route = Route(name, "http", "127.0.0.1", port, allow_private_network=True)
        return Connection(route, StaticSigner(token, self._auth))

    def __iter__(self) -> Iterator[str]:
        return iter(self._scripts)

    def __len__(self) -> int:
        return len(self._scripts)

    def _port(self, name: str, script: Script) -> int:
        if script.before == "refuse":
            return self._house.refusing
        return self._house.hanging if script.before == "connect_hang" else self._house.ports[name]


class Everywhere(Passage):
    """No guard: a script moves an upstream to another port from one attempt to the next."""

    def check(self, route: Route) -> None:
        """Let it pass."""


class Unguarded:
    """A wire that lets a request go wherever its upstream is now."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def __getattr__(self, name: str) -> Any:
        return getattr(self._wire, name)

    async def send(self, route: Route, outgoing: Outgoing, **how: Any) -> Exchange:
        how["passage"] = Everywhere({}, lambda _: True)
        return await self._wire.send(route, outgoing, **how)


@dataclass
class Replay:
    """One seed's schedule, ready to be run over a real wire."""

    seed: int
    ways: Ways
    engine: Engine

    async def run(self, wire: Wire, request: Call) -> Seen:
        """Ask, and read the answer to its end."""
        answer = await self.engine.answer(request, cast("Wire", Unguarded(wire)))
        parts = []
        if answer.stream is not None:
            while part := await answer.stream.read():
                parts.append(part)
        return Seen(answer, b"".join(parts))


def replay(seed: int, house: Scripted) -> Replay:
    """Return a seed's schedule over the scripted upstreams."""
    case = f"s{seed}"
    found = schedule(random.Random(seed))
    scripts = {name: [_scaled(_marked(each, case)) for each in found[name]] for name in found}
    ways = Ways(case, scripts, house)
    provider = registry.PROVIDERS["anthropic"]
    endpoint = provider.endpoint(Place(base_url="http://127.0.0.1"))
    upstreams = [Upstream(name, provider, endpoint) for name in scripts]
    return Replay(seed, ways, Engine(upstreams, ways, SCALED, rng=random.Random(seed)))


def request() -> Call:
    return call()


def holds(case: Replay, seen: Seen) -> None:
    """Assert the outcome rules on what the caller saw and whom the driver asked."""
    tries = Counter(name for name, _ in case.ways.asked)
    assert tries.total() <= LIMITS.attempts
    assert all(count <= LIMITS.per_upstream for count in tries.values())
    if seen.answer.stream is None:
        refused_well(seen)
        _tells_nothing(seen.answer.body)
        return
    winner, script = case.ways.asked[-1]
    assert seen.header("x-gateway-upstream") == winner
    assert seen.answer.stream.outcome is not None
    streamed_well(seen.stream, b"".join(data for _, data in script.chunks))
    _tells_nothing(seen.stream)


def _tells_nothing(body: bytes) -> None:
    """No address, port, key or page of an upstream reaches a caller."""
    for secret in (b"127.0.0.1", b"localhost", b"<html", b"Bearer", b"Errno", b"Traceback"):
        assert secret not in body


def _marked(script: Script, case: str) -> Script:
    """Return a script whose text and ids carry the mark of its schedule too."""
    data = b"".join(data for _, data in script.chunks)
    for name in NAMES:
        for before in (b"<", b"msg_"):
            data = data.replace(before + name.encode(), before + f"{case}-{name}".encode())
    ends = [*accumulate(len(each) for _, each in script.chunks)]
    borders = [0, *ends[:-1], len(data)] if ends else [0]
    cuts = [data[a:b] for a, b in pairwise(borders)]
    delays_s = [delay_s for delay_s, _ in script.chunks]
    return replace(script, chunks=tuple(zip(delays_s, cuts, strict=True)))


def _scaled(script: Script) -> Script:
    return replace(
        script,
        delay_s=script.delay_s * SCALE,
        chunks=tuple((delay_s * SCALE, data) for delay_s, data in script.chunks),
        headers=_sooner(script.headers),
    )


def _sooner(headers: Headers) -> Headers:
    """Scale a `retry-after`; one that is no whole number stays as it is."""
    return tuple(
        (name, f"{int(value) * SCALE:g}")
        if name == "retry-after" and value.removeprefix("-").isdigit()
        else (name, value)
        for name, value in headers
    )
