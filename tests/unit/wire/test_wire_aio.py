"""What only the asyncio wire has: many exchanges at once, many loops, cancellation, forks."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Callable

import pytest

from gateway.wire.aio import AsyncWire
from gateway.wire.aio_exchange import AsyncExchange
from gateway.wire.contract import Route, Wire, WireError, run_blocking
from gateway.wire.exchange import MAX_BUFFERED_BYTES
from gateway.wire.sync import SyncWire
from providers.contract import header
from tests.unit.wire.conftest import Line, Peer, ask_once, fetch, passage_along, post, says, until

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


Start = Callable[..., Peer]


def echo(line: Line) -> None:
    """Answer with what was asked, in pieces of random size and framing."""
    rng = random.Random(line.number)
    while True:
        head, body = line.request()
        if not head:
            return
        name = next(row for row in head.split(b"\r\n") if row.startswith(b"x-name"))
        if rng.random() < 0.5:
            framed = b"content-length: %d\r\n%s\r\n\r\n%s" % (len(body), name, body)
        else:
            half = len(body) // 2
            parts = [part for part in (body[:half], body[half:]) if part]
            chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)
            framed = b"transfer-encoding: chunked\r\n%s\r\n\r\n%s0\r\n\r\n" % (name, chunks)
        answer = b"HTTP/1.1 200 OK\r\n" + framed
        while answer:
            size = rng.randint(1, len(answer))
            line.say(answer[:size])
            answer = answer[size:]


async def ask(wire: Wire, route: Route, number: int) -> None:
    body = (f"{number}." * (number % 50 + 1)).encode()
    got = await fetch(wire, route, post(body, (("x-name", str(number)),)))
    assert got.body == body
    assert header(got.headers, "x-name") == str(number)


def test_answers_are_never_mixed_under_load(peer: Start) -> None:
    server = peer(echo)
    wire = AsyncWire()

    async def main() -> None:
        for _ in range(3):
            await asyncio.gather(*(ask(wire, server.route(), n) for n in range(200)))

    asyncio.run(main())
    assert server.connections < 600


def test_answers_are_never_mixed_between_threads(peer: Start) -> None:
    server = peer(echo)
    wire = SyncWire()
    errors: list[BaseException] = []

    def work(first: int) -> None:
        try:
            for number in range(first, first + 25):
                run_blocking(ask(wire, server.route(), number))
        except BaseException as error:  # noqa: BLE001 - handed to the test's thread.
            errors.append(error)

    threads = [threading.Thread(target=work, args=(n * 25,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wire.close()
    assert errors == []
    assert server.connections <= 8


def test_one_wire_serves_many_loops(peer: Start) -> None:
    server = peer(says(*[OK] * 3))
    wire = AsyncWire()

    async def main() -> None:
        for _ in range(2):
            assert (await fetch(wire, server.route())).body == b"ok"

    for _ in range(3):
        asyncio.run(main())
    threads = [threading.Thread(target=asyncio.run, args=(main(),)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert server.connections == 6
    asyncio.run(main())
    assert len(wire._pools) == 1


def test_a_loop_that_ends_closes_its_idle_connections(peer: Start) -> None:
    def talk(line: Line) -> None:
        line.request()
        line.say(OK)
        server.notes.append(line.gone())

    server = peer(talk)
    wire = AsyncWire()
    asyncio.run(ask_once(wire, server))
    server.close()
    assert server.notes == [True]


def test_aclose_closes_the_idle_connections(peer: Start) -> None:
    server = peer(says(OK, OK))
    wire = AsyncWire()

    async def main() -> None:
        await wire.aclose()
        await ask_once(wire, server)
        await wire.aclose()
        await ask_once(wire, server)

    asyncio.run(main())
    assert server.connections == 2


@pytest.mark.parametrize("body_began", [False, True])
def test_cancelling_closes_the_socket(peer: Start, body_began: bool) -> None:
    here, gone = threading.Event(), threading.Event()

    def talk(line: Line) -> None:
        line.request()
        if body_began:
            line.say(OK[:-1])
        here.set()
        if line.gone():
            gone.set()

    server = peer(talk)
    wire = AsyncWire()

    async def main() -> None:
        task = asyncio.create_task(fetch(wire, server.route()))
        await asyncio.to_thread(here.wait)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await asyncio.to_thread(gone.wait, 10)

    asyncio.run(main())


def test_a_slow_reader_stops_the_peer(peer: Start) -> None:
    size = 64 * 1024 * 1024

    def talk(line: Line) -> None:
        line.request()
        line.say(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size)
        block = bytes(1024 * 1024)
        for sent in range(0, size, len(block)):
            server.notes.append(sent)
            line.say(block)

    server = peer(talk)
    wire = AsyncWire()

    async def main() -> None:
        until_s = time.monotonic() + 30
        exchange = await wire.send(
            server.route(),
            post(),
            passage=passage_along(server.route()),
            connect_until_s=until_s,
            until_s=until_s,
        )
        await until(lambda: exchange._buffered_bytes > MAX_BUFFERED_BYTES)
        held = exchange._buffered_bytes
        assert held < 4 * MAX_BUFFERED_BYTES
        await asyncio.sleep(0.05)
        assert exchange._buffered_bytes == held
        assert server.notes[-1] < size - 1024 * 1024
        got = 0
        while data := await exchange.read(until_s):
            got += len(data)
        assert data == b""
        assert got == size

    asyncio.run(main())


def test_one_timer_serves_all_reads_of_an_exchange(peer: Start) -> None:
    go = threading.Semaphore(0)

    def talk(line: Line) -> None:
        line.request()
        line.say(b"HTTP/1.1 200 OK\r\n\r\n")
        for _ in range(20):
            go.acquire()
            line.say(b"x")
        line.gone()

    server = peer(talk)
    wire = AsyncWire()

    async def main() -> None:
        def until_s() -> float:
            return time.monotonic() + 10

        exchange = await wire.send(
            server.route(),
            post(),
            passage=passage_along(server.route()),
            connect_until_s=until_s(),
            until_s=until_s(),
        )
        timer = exchange._timer
        assert timer is not None
        for _ in range(20):
            go.release()
            assert await exchange.read(until_s())
            assert exchange._timer is timer
        assert await exchange.read(time.monotonic() + 0.02) is None
        assert await exchange.read(time.monotonic() + 0.02) is None
        exchange.close()

    asyncio.run(main())


def test_a_timer_that_fires_early_sets_itself_again(peer: Start) -> None:
    go = threading.Event()

    def talk(line: Line) -> None:
        line.request()
        line.say(b"HTTP/1.1 200 OK\r\n\r\n")
        go.wait()
        line.say(b"x")
        line.gone()

    server = peer(talk)
    wire = AsyncWire()

    async def main() -> None:
        now_s = time.monotonic()
        exchange: AsyncExchange = await wire.send(
            server.route(),
            post(),
            passage=passage_along(server.route()),
            connect_until_s=now_s + 9,
            until_s=now_s + 9,
        )
        assert await exchange.read(now_s + 0.02) is None
        waiting = asyncio.ensure_future(exchange.read(now_s + 30))
        await asyncio.sleep(0)
        exchange._expire()
        assert exchange._timer is not None
        go.set()
        assert await waiting == b"x"
        exchange.close()

    asyncio.run(main())


def test_an_error_names_no_secret(peer: Start) -> None:
    server = peer(lambda line: line.reset())
    outgoing = post(b"prompt-canary", (("x-api-key", "key-canary"),))

    async def main() -> None:
        with pytest.raises(WireError) as caught:
            await fetch(AsyncWire(), server.route(), outgoing)
        assert "canary" not in repr(caught.value) + repr(outgoing)

    asyncio.run(main())


def test_an_early_answer_ends_a_large_upload(peer: Start) -> None:
    """The rest of the request is never written, so the connection serves nothing else."""

    answered = threading.Event()

    def talk(line: Line) -> None:
        line.sock.recv(1024)
        line.say(b"HTTP/1.1 413 Too Large\r\ncontent-length: 3\r\n\r\nbig")
        # Reading on before the answer is in would let the whole upload through.
        answered.wait(10)
        server.notes.append(line.gone())

    server = peer(talk)

    async def main() -> None:
        wire = AsyncWire()
        got = await fetch(wire, server.route(), post(bytes(32 * 1024 * 1024)))
        answered.set()
        assert (got.status, got.body) == (413, b"big")
        (pool,) = wire._pools.values()
        assert len(pool.idle) == 0

    asyncio.run(main())


def test_work_that_is_given_up_is_not_reported_later() -> None:
    stop = threading.Event()

    def fail() -> None:
        stop.wait()
        raise ValueError("late")

    async def main() -> None:
        wire = AsyncWire()
        task = asyncio.create_task(wire.blocking(fail, time.monotonic() + 10))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        stop.set()

    asyncio.run(main())


def test_no_fetch_waits_behind_those_that_hang() -> None:
    stop = threading.Event()

    async def main() -> None:
        wire = AsyncWire()
        until_s = time.monotonic() + 20
        hanging = [asyncio.create_task(wire.blocking(stop.wait, until_s)) for _ in range(40)]
        await asyncio.sleep(0)
        assert await wire.blocking(lambda: 7, until_s) == 7
        assert run_blocking(SyncWire().blocking(lambda: 8, until_s)) == 8
        stop.set()
        await asyncio.gather(*hanging)

    asyncio.run(main())


def test_cancelling_a_read_alone_closes_the_socket(peer: Start) -> None:
    gone = threading.Event()

    def talk(line: Line) -> None:
        line.request()
        line.say(OK[:-2])
        if line.gone():
            gone.set()

    server = peer(talk)

    async def main() -> None:
        until_s = time.monotonic() + 10
        exchange = await AsyncWire().send(
            server.route(),
            post(),
            passage=passage_along(server.route()),
            connect_until_s=until_s,
            until_s=until_s,
        )
        task = asyncio.ensure_future(exchange.read(until_s))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await asyncio.to_thread(gone.wait, 10)

    asyncio.run(main())
