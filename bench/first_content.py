"""Print the time to the first content of a stream: the gateway, and the floor on the same wire.

`python -m bench.first_content [--rounds N] [--json]`. Both have the same upstream and are asked in
turns of a few requests, so a busy moment of the machine strikes both. It stops with an error
where the gateway's median is more than BOUND_MS above the floor's.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import time
from collections.abc import Mapping
from statistics import quantiles

import httptools

from bench.load import Workload, request
from bench.peers import PEERS, Running, running

BOUND_MS = 0.5
"""The gateway's median may be this much above the floor's."""
WORK = Workload("1 KB", 1_000, stream=True, connections=1)
EVENTS = 8
PACE_S = 0.002
WARM = 50
TURN = 20
"""Requests to one before the other has its turn."""
ROUNDS = 60
CONTENT = b"content_block_start"


class Asker(asyncio.Protocol):
    """One kept-alive connection; `ask` returns the milliseconds to the first content."""

    first_s: float
    whole: asyncio.Future[None]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    async def ask(self, sent: bytes) -> float:
        self.parser = httptools.HttpResponseParser(self)
        self.first_s = 0.0
        self.whole = asyncio.get_running_loop().create_future()
        begun_s = time.perf_counter()
        self.transport.write(sent)
        await self.whole
        assert self.first_s
        return (self.first_s - begun_s) * 1000

    def data_received(self, data: bytes) -> None:
        if not self.first_s and CONTENT in data:
            self.first_s = time.perf_counter()
        self.parser.feed_data(data)

    def on_message_complete(self) -> None:
        assert self.parser.get_status_code() == 200, self.parser.get_status_code()
        self.whole.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.whole.done():
            self.whole.set_exception(ConnectionError("a connection broke"))


async def waits(peers: Mapping[str, Running], rounds: int) -> dict[str, list[float]]:
    """Return name -> milliseconds to the first content, asked for in turns."""
    loop, sent = asyncio.get_running_loop(), request(WORK)
    askers = {
        name: (await loop.create_connection(Asker, "127.0.0.1", peer.port))[1]
        for name, peer in peers.items()
    }
    for asker in askers.values():
        for _ in range(WARM):
            await asker.ask(sent)
    found: dict[str, list[float]] = {name: [] for name in peers}
    for number in range(rounds):
        names = list(peers) if number % 2 else list(peers)[::-1]
        for name in names:
            found[name] += [await askers[name].ask(sent) for _ in range(TURN)]
    for asker in askers.values():
        asker.transport.close()
    return found


def figures(rounds: int = ROUNDS) -> dict[str, dict[str, float]]:
    """Return name -> p50 and p99 in milliseconds."""
    peers = tuple(peer for peer in PEERS if peer.name in {"gateway", "floor"})
    with running(peers, str(EVENTS), str(PACE_S)) as started:
        found = asyncio.run(waits(started, rounds))
    cut = {name: quantiles(each, n=100) for name, each in found.items()}
    return {name: {"p50_ms": each[49], "p99_ms": each[98]} for name, each in cut.items()}


def above_ms(found: Mapping[str, Mapping[str, float]], cut: str) -> float:
    """Return how far the gateway is above the floor; nothing where nothing was measured."""
    return found["gateway"][cut] - found["floor"][cut] if found else 0.0


def report(found: Mapping[str, Mapping[str, float]]) -> None:
    if not found:
        return
    print(
        f"{'ms to first content':24}" + "".join(f"{name:>12}" for name in found) + f"{'above':>10}"
    )
    for cut in ("p50_ms", "p99_ms"):
        row = "".join(f"{each[cut]:12.3f}" for each in found.values())
        print(f"{cut[:3]:24}{row}{above_ms(found, cut):10.3f}")


def check(found: Mapping[str, Mapping[str, float]]) -> None:
    """Stop where holding back delays a healthy stream."""
    above = above_ms(found, "p50_ms")
    if above > BOUND_MS:
        raise SystemExit(f"first content: {above:.3f} ms above the floor, over {BOUND_MS}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.first_content", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    found = figures(options.rounds)
    if options.json:
        print(json.dumps({"first_content": found}))
    else:
        report(found)
    check(found)


if __name__ == "__main__":
    main()
