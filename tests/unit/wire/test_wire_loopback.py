"""Both wires against peers that behave well and badly."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from gateway.wire.contract import Wire, WireError
from providers.contract import FailureKind, header
from tests.unit.wire.conftest import Line, Peer, Rig, fetch, passage_along, post, says

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
Start = Callable[..., Peer]


def test_a_connection_is_used_again(rig: Rig, peer: Start) -> None:
    server = peer(says(OK, OK.replace(b"ok", b"no"), OK))

    async def work(wire: Wire) -> list[bytes]:
        return [(await fetch(wire, server.route())).body for _ in range(3)]

    assert rig.run(work) == [b"ok", b"no", b"ok"]
    assert server.connections == 1


def test_the_request_arrives_as_it_was_given(rig: Rig, peer: Start) -> None:
    def talk(line: Line) -> None:
        server.notes.append(line.request())
        line.say(OK)

    server = peer(talk)
    body = bytes(range(256)) * 4096
    outgoing = post(body, (("x-api-key", "k"), ("anthropic-beta", "a,b")), "/v1/x?y=%2F")
    rig.run(lambda wire: fetch(wire, server.route(), outgoing))
    head, got = server.notes[0]
    assert got == body
    assert head == (
        b"POST /v1/x?y=%%2F HTTP/1.1\r\nhost: 127.0.0.1:%d\r\nx-api-key: k\r\n"
        b"anthropic-beta: a,b\r\naccept-encoding: identity\r\ncontent-length: 1048576\r\n\r\n"
        % server.port
    )


@pytest.mark.parametrize(
    "surplus",
    [b"!", b"\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil"],
)
@pytest.mark.parametrize(
    "answer",
    [OK, b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"],
)
@pytest.mark.parametrize("late", [False, True])
def test_surplus_bytes_never_reach_the_next_answer(
    rig: Rig, peer: Start, surplus: bytes, answer: bytes, late: bool
) -> None:
    said = threading.Event()

    def talk(line: Line) -> None:
        line.request()
        line.say(answer if late else answer + surplus)
        if late and line.number == 1:
            go.wait()
            line.say(surplus)
        said.set()
        line.gone()

    go = threading.Event()
    server = peer(talk)

    async def work(wire: Wire) -> None:
        assert (await fetch(wire, server.route())).body == b"ok"
        go.set()
        said.wait()
        assert (await fetch(wire, server.route())).body == b"ok"

    rig.run(work)
    assert server.connections == 2


def test_a_connection_closed_while_idle_is_not_used_again(rig: Rig, peer: Start) -> None:
    closed = threading.Event()

    def talk(line: Line) -> None:
        line.request()
        line.say(OK)
        if line.number == 1:
            line.sock.close()
        closed.set()

    server = peer(talk)

    async def work(wire: Wire) -> None:
        await fetch(wire, server.route())
        closed.wait()
        assert (await fetch(wire, server.route())).body == b"ok"

    rig.run(work)
    assert server.connections == 2


def test_a_used_connection_that_dies_is_ambiguous_and_not_sent_twice(rig: Rig, peer: Start) -> None:
    def talk(line: Line) -> None:
        line.request()
        line.say(OK)
        server.notes.append(line.request()[1])

    server = peer(talk)

    async def work(wire: Wire) -> None:
        await fetch(wire, server.route())
        with pytest.raises(WireError) as caught:
            await fetch(wire, server.route(), post(b"second"))
        assert caught.value.kind is FailureKind.AMBIGUOUS
        assert not caught.value.timed_out

    rig.run(work)
    assert server.notes == [b"second"]
    assert server.connections == 1


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (b"", FailureKind.AMBIGUOUS),
        (b"HTTP/1.1 200 OK\r\ncont", FailureKind.AMBIGUOUS),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\nok", FailureKind.CUT),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n", FailureKind.CUT),
        (b"<html>hello</html>", FailureKind.BAD200),
        (b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n\r\n", FailureKind.BAD200),
        (b"HTTP/1.1 101 Switching\r\nupgrade: x\r\n\r\n", FailureKind.BAD200),
    ],
)
@pytest.mark.parametrize("reset", [False, True])
def test_what_a_broken_answer_is_called(
    rig: Rig, peer: Start, answer: bytes, kind: FailureKind, reset: bool
) -> None:
    done = threading.Event()

    def talk(line: Line) -> None:
        line.request()
        line.say(answer)
        if reset:
            done.wait(0.05)  # An RST must not overtake what was said; the outcome is the same.
            line.reset()

    server = peer(talk)

    async def work(wire: Wire) -> None:
        with pytest.raises(WireError) as caught:
            await fetch(wire, server.route())
        assert caught.value.kind is kind
        assert not caught.value.timed_out

    rig.run(work)


def test_body_bytes_before_a_cut_are_handed_over(rig: Rig, peer: Start) -> None:
    server = peer(lambda line: (line.request(), line.say(OK.replace(b": 2", b": 9")))[1])

    async def work(wire: Wire) -> None:
        until_s = time.monotonic() + 10
        exchange = await wire.send(
            server.route(),
            post(),
            passage=passage_along(server.route()),
            connect_until_s=until_s,
            until_s=until_s,
        )
        assert await exchange.read(until_s) == b"ok"
        with pytest.raises(WireError):
            await exchange.read(until_s)

    rig.run(work)


def test_a_close_delimited_answer_ends_at_the_close(rig: Rig, peer: Start) -> None:
    server = peer(lambda line: (line.request(), line.say(b"HTTP/1.1 200 OK\r\n\r\nok"))[1])
    assert rig.run(lambda wire: fetch(wire, server.route())).body == b"ok"


def test_interim_answers_are_skipped(rig: Rig, peer: Start) -> None:
    early = b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"
    server = peer(says(early + OK, OK))

    async def work(wire: Wire) -> None:
        got = await fetch(wire, server.route())
        assert (got.status, got.body) == (200, b"ok")
        assert header(got.headers, "link") is None
        assert (await fetch(wire, server.route())).body == b"ok"

    rig.run(work)
    assert server.connections == 1


def drip(line: Line, data: bytes) -> None:
    stop = threading.Event()
    for byte in data:
        line.say(bytes([byte]))
        stop.wait(0.01)


def test_a_dripped_head_ends_at_the_deadline(rig: Rig, peer: Start) -> None:
    def talk(line: Line) -> None:
        line.request()
        drip(line, b"HTTP/1.1 200 OK\r\nx-long: " + b"a" * 100_000)

    server = peer(talk)

    async def work(wire: Wire) -> None:
        now_s = time.monotonic()
        with pytest.raises(WireError) as caught:
            await wire.send(
                server.route(),
                post(),
                passage=passage_along(server.route()),
                connect_until_s=now_s + 5,
                until_s=now_s + 0.2,
            )
        assert caught.value.kind is FailureKind.AMBIGUOUS
        assert caught.value.timed_out

    rig.run(work)


def test_a_silent_gap_is_none_and_the_answer_goes_on(rig: Rig, peer: Start) -> None:
    go = threading.Event()

    def talk(line: Line) -> None:
        line.request()
        line.say(OK[:-1])
        go.wait()
        line.say(b"k")
        line.gone()

    server = peer(talk)

    async def work(wire: Wire) -> None:
        until_s = time.monotonic() + 10
        exchange = await wire.send(
            server.route(),
            post(),
            passage=passage_along(server.route()),
            connect_until_s=until_s,
            until_s=until_s,
        )
        assert await exchange.read(until_s) == b"o"
        assert await exchange.read(time.monotonic() + 0.05) is None
        assert await exchange.read(time.monotonic() - 1) is None
        go.set()
        assert await exchange.read(until_s) == b"k"
        assert await exchange.read(until_s) == b""

    rig.run(work)


def test_close_before_the_end_closes_the_socket(rig: Rig, peer: Start) -> None:
    def talk(line: Line) -> None:
        line.request()
        line.say(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n")
        server.notes.append(line.gone())
        gone.set()

    gone = threading.Event()
    server = peer(talk)

    async def work(wire: Wire) -> None:
        until_s = time.monotonic() + 10
        exchange = await wire.send(
            server.route(),
            post(),
            passage=passage_along(server.route()),
            connect_until_s=until_s,
            until_s=until_s,
        )
        exchange.close()
        exchange.close()
        await wire.sleep(time.monotonic())
        assert gone.wait(10)
        with pytest.raises(WireError):
            await exchange.read(until_s)

    rig.run(work)
    assert server.notes == [True]


def test_an_early_answer_to_a_large_request_is_read(rig: Rig, peer: Start) -> None:
    refusal = b"HTTP/1.1 413 Too Large\r\ncontent-length: 3\r\n\r\nbig"

    def talk(line: Line) -> None:
        line.sock.recv(1024)
        line.say(refusal)
        line.gone()

    server = peer(talk)
    got = rig.run(lambda wire: fetch(wire, server.route(), post(b"x" * 1024)))
    assert (got.status, got.body) == (413, b"big")


def test_nobody_listening_is_not_sent(rig: Rig, peer: Start) -> None:
    server = peer(says())
    server.close()

    async def work(wire: Wire) -> None:
        with pytest.raises(WireError) as caught:
            await fetch(wire, server.route())
        assert caught.value.kind is FailureKind.NOT_SENT

    rig.run(work)


def test_a_private_address_is_refused_without_a_word(rig: Rig, peer: Start) -> None:
    server = peer(says(OK))

    async def work(wire: Wire) -> None:
        for host in ("127.0.0.1", "localhost"):
            with pytest.raises(WireError, match="allow_private_network") as caught:
                await fetch(wire, server.route(host=host, allow_private_network=False))
            assert caught.value.kind is FailureKind.NOT_SENT

    rig.run(work)
    assert server.connections == 0


def test_time_that_is_up_sends_nothing(rig: Rig, peer: Start) -> None:
    server = peer(says(OK, OK))

    async def work(wire: Wire) -> None:
        await fetch(wire, server.route())
        now_s = time.monotonic()
        with pytest.raises(WireError) as caught:
            await wire.send(
                server.route(),
                post(),
                passage=passage_along(server.route()),
                connect_until_s=now_s + 5,
                until_s=now_s - 1,
            )
        assert caught.value.kind is FailureKind.NOT_SENT
        assert caught.value.timed_out

    rig.run(work)


def test_blocking_work(rig: Rig) -> None:
    stop = threading.Event()

    async def work(wire: Wire) -> None:
        now_s = time.monotonic()
        assert await wire.blocking(lambda: 7, now_s + 10) == 7
        with pytest.raises(ZeroDivisionError):
            await wire.blocking(lambda: 1 // 0, now_s + 10)
        with pytest.raises(WireError) as caught:
            await wire.blocking(stop.wait, now_s + 0.05)
        assert caught.value.kind is FailureKind.NOT_SENT
        assert caught.value.timed_out
        stop.set()

    rig.run(work)
