"""Whoever is slow holds nothing for long, and no other caller is kept waiting."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import pytest

from gateway.answers import Answer
from gateway.server.pace import Outflow, Pace
from tests.server.lines import head, line, post
from tests.server.serving import Running, Scripted, Source, serving, streamed, until

EVENT = b'event: ping\ndata: {"type": "ping"}\n\n'
GET = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n"


@pytest.fixture
def source() -> Iterator[Source]:
    made = Source(EVENT)
    yield made
    made.go_on.set()


@pytest.fixture
def impatient(source: Source) -> Iterator[Running]:
    """A gateway that waits for nothing longer than it must, with an answer that stays open."""
    engine = Scripted(lambda _call: streamed(source))
    with serving(engine, head_s=0.01, body_s=0.01, keep_alive_s=75) as running:
        yield running


def after_a_look(gateway: Running) -> None:
    """Return when the gateway has looked at all its connections, twice."""
    for _ in range(2):
        with line(gateway) as slow:
            slow.send(b"POST ")
            assert slow.reply().status == 408


def test_a_head_that_drips_is_not_waited_for(impatient: Running) -> None:
    with line(impatient) as one:
        one.send(GET[:-2])
        with suppress(OSError):
            for _ in range(400):
                one.send(b"x: y\r\n")
                one.sock.settimeout(0.01)
                with suppress(TimeoutError):
                    assert one.sock.recv(12) == b"HTTP/1.1 408"
                    return
    pytest.fail("no answer came")


@pytest.mark.parametrize("behind", [b"GET /healthz HT", head(b"content-length: 9") + b"{"])
def test_half_a_request_behind_another_harms_no_answer(
    impatient: Running, source: Source, behind: bytes
) -> None:
    """Its time begins when the answer before it is out."""
    with line(impatient) as one:
        one.send(post())
        assert one.begun() == 200
        one.send(behind)
        after_a_look(impatient)
        source.go_on.set()
        assert b"".join(one._chunks()) == EVENT
        assert one.reply().error[:2] == (408, "timeout_error")
        assert one.rest() == b""


def test_a_request_whose_answer_came_early_is_over_when_it_is_whole(impatient: Running) -> None:
    with line(impatient) as one:
        one.send(b"POST /nowhere HTTP/1.1\r\nhost: localhost\r\ncontent-length: 3\r\n\r\n")
        assert one.reply().status == 404
        one.send(b"abc")
        after_a_look(impatient)
        one.send(GET)
        assert one.reply().status == 200


def test_a_request_whose_answer_came_early_is_not_waited_for(impatient: Running) -> None:
    with line(impatient) as one:
        one.send(b"POST /nowhere HTTP/1.1\r\nhost: localhost\r\ncontent-length: 99999\r\n\r\n")
        assert one.reply().status == 404
        until(one.is_shut)


def test_who_does_not_close_its_side_is_not_waited_for(impatient: Running) -> None:
    with line(impatient) as one:
        one.send(b"\x00")
        assert one.reply().status == 400
        assert one.rest() == b""
        until(one.is_shut)


def test_who_is_refused_while_its_body_comes_holds_no_place(source: Source) -> None:
    engine = Scripted(lambda _call: streamed(source))
    with serving(engine, head_s=3000, body_s=0.01) as gateway, line(gateway) as one:
        one.send(head(b"content-length: 9") + b"{")
        assert one.reply().status == 408
        until(lambda: gateway.app.load.running == 0)
        assert not one.is_shut()


def test_empty_lines_keep_no_connection_open(source: Source) -> None:
    with (
        serving(Scripted(lambda _call: streamed(source)), keep_alive_s=1) as gateway,
        line(gateway) as one,
    ):
        one.send(GET)
        assert one.reply().status == 200
        one.send(b"\r\n")
        assert one.rest() == b""


@pytest.mark.parametrize("close", [b"connection: close", b"connection: keep-alive"])
def test_who_does_not_read_a_whole_answer_is_cut_off(close: bytes) -> None:
    """Closed or not, what waits to be written would wait for ever."""
    engine = Scripted(lambda _call: Answer(200, (), b"x" * 30_000_000))
    with serving(engine, write_s=0.01) as gateway, line(gateway) as one:
        one.send(post(b'{"model": "claude-opus-5-5"}', close))
        until(one.is_shut)


def first_slow(looks: Iterator[tuple[float, bool]]) -> float:
    return next(at_s for at_s, slow in looks if slow)


def test_what_comes_at_the_rate_may_take_its_time() -> None:
    pace = Pace(rate_bytes=1000)
    pace.begin(30, now_s=5)
    assert not any(pace.is_slow(1000, at_s) for at_s in range(6, 10_000))


def test_what_comes_more_slowly_has_its_time_and_what_it_earned() -> None:
    pace = Pace(rate_bytes=1000)
    pace.begin(30, now_s=0)
    assert first_slow((at_s, pace.is_slow(500, at_s)) for at_s in range(1, 1000)) == 61


def test_much_that_came_before_buys_no_standstill() -> None:
    pace = Pace(rate_bytes=1000)
    pace.begin(30, now_s=0)
    assert not pace.is_slow(31_000_000, 1)
    assert first_slow((at_s, pace.is_slow(0, at_s)) for at_s in range(2, 1000)) == 32


def test_what_begins_anew_has_its_time_again() -> None:
    pace = Pace(rate_bytes=1000)
    for at_s in range(0, 1000, 29):
        pace.begin(30, at_s)
        assert not pace.is_slow(0, at_s + 29)


def test_what_is_not_taken_waits_so_long() -> None:
    outflow = Outflow(10, rate_bytes=1000)
    assert first_slow((at_s, outflow.is_slow(5, at_s)) for at_s in range(100, 200)) == 111


def test_what_is_taken_at_the_rate_goes_on() -> None:
    outflow = Outflow(10, rate_bytes=1000)
    assert not any(outflow.is_slow(1_000_000 - 1000 * at_s, at_s) for at_s in range(1000))
    assert first_slow((at_s, outflow.is_slow(1, at_s)) for at_s in range(1000, 1100)) == 1010


def test_who_takes_all_or_lets_more_be_written_is_not_slow() -> None:
    outflow = Outflow(10, rate_bytes=1000)
    waits = (1000, 1001, 1002, 0, 0, 7, 8)
    assert not any(outflow.is_slow(wait, 9 * number) for number, wait in enumerate(waits))
