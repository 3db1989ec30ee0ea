"""A call too many, over sockets: who makes it is told so, and the connection goes on."""

from __future__ import annotations

import gc
import gzip
import json
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import anthropic
import pytest

from gateway.answers import Answer
from gateway.call import Call, Caller
from gateway.errors import Forbidden
from gateway.server.shedding import RETRY_AFTER_S, Place
from gateway.wire.contract import Wire
from tests.server.lines import Line, head, line, post
from tests.server.serving import BODY, HEADERS, Running, Scripted, Source, serving, streamed, until

EVENT = b'event: ping\ndata: {"type": "ping"}\n\n'
LARGE = b'{"model": "claude-opus-5-5", "messages": "%b"}' % (b"x" * 3_000_000)


def ended() -> Source:
    """Return a stream that is whole."""
    source = Source(EVENT)
    source.go_on.set()
    return source


class Busy:
    """A gateway that bears one call, and has it."""

    def __init__(self, stack: ExitStack, **settings: Any) -> None:
        self.source = Source(EVENT)
        self.engine = Scripted(lambda _call: streamed(self._next()))
        self.gateway = stack.enter_context(
            serving(self.engine, **{"in_flight": 1, "body_limit_bytes": 8 << 20, **settings})
        )
        stack.callback(self.source.go_on.set)
        first = stack.enter_context(line(self.gateway))
        first.send(post())
        assert first.begun() == 200

    def _next(self) -> Source:
        return self.source if len(self.engine.calls) == 1 else ended()

    def ends(self) -> None:
        """End the call."""
        self.source.go_on.set()
        until(lambda: self.gateway.app.load.in_flight == 0)


@pytest.fixture
def busy() -> Iterator[Busy]:
    with ExitStack() as stack:
        yield Busy(stack)


def shed(one: Line) -> dict[str, str]:
    """Read a 529; return its headers."""
    reply = one.reply()
    assert reply.error[:2] == (529, "overloaded_error")
    assert int(reply.headers["retry-after"]) in range(RETRY_AFTER_S[0], RETRY_AFTER_S[1] + 1)
    assert "x-should-retry" not in reply.headers
    return reply.headers


@pytest.mark.parametrize("body", [b"no json at all", b"", b'{"model": 5}', LARGE])
def test_a_call_too_many_is_refused_unread_and_the_connection_goes_on(
    busy: Busy, body: bytes
) -> None:
    with line(busy.gateway) as one:
        for _ in range(2):
            one.send(post(body))
            assert "connection" not in shed(one)
        assert len(busy.engine.calls) == 1
        busy.ends()
        one.send(post())
        assert one.reply().body == EVENT
    assert busy.gateway.app.load.shed["in_flight"] == 2


def test_the_answer_does_not_wait_for_the_body(busy: Busy) -> None:
    with line(busy.gateway) as one:
        one.send(head(b"content-length: %d" % len(LARGE)) + LARGE[:10])
        shed(one)
        one.send(LARGE[10:])
        busy.ends()
        one.send(post())
        assert one.reply().body == EVENT


def test_it_does_not_wait_for_chunks_either(busy: Busy) -> None:
    with line(busy.gateway) as one:
        one.send(head(b"transfer-encoding: chunked") + b"5\r\nabcde\r\n")
        shed(one)
        one.send(b"5\r\nabcde\r\n0\r\n\r\n")
        busy.ends()
        one.send(post())
        assert one.reply().body == EVENT


def test_who_asks_first_is_not_told_to_go_on(busy: Busy) -> None:
    """Whether its body follows nobody knows, so the connection ends."""
    with line(busy.gateway) as one:
        one.send(head(b"expect: 100-continue", b"content-length: 9"))
        assert shed(one)["connection"] == "close"
        assert one.rest() == b""


def test_who_is_told_to_go_on_keeps_its_connection(busy: Busy) -> None:
    busy.ends()
    body = json.dumps(BODY).encode()
    with line(busy.gateway) as one:
        for _ in range(2):
            one.send(head(b"expect: 100-continue", b"content-length: %d" % len(body)))
            assert one.begun() == 100
            one.send(body)
            reply = one.reply()
            assert (reply.status, reply.body) == (200, EVENT)
            assert "connection" not in reply.headers


def test_who_wants_its_connection_closed_reads_its_answer_first(busy: Busy) -> None:
    """A socket closed while its caller sends would be reset, and the answer lost."""
    with line(busy.gateway) as one:
        one.send(head(b"connection: close", b"content-length: %d" % len(LARGE)) + LARGE[:1000])
        assert shed(one)["connection"] == "close"
        assert one.rest() == b""
        one.send(LARGE[1000:])
        assert not one.is_shut()


def test_what_nobody_reads_is_thrown_away_up_to_a_bound() -> None:
    with ExitStack() as stack:
        busy = Busy(stack, body_limit_bytes=1000)
        with line(busy.gateway) as one:
            one.send(head(b"content-length: 90000"))
            shed(one)
            one.send(b"x" * 2000)
            assert not one.is_shut()
            assert one.rest() == b""
            until(one.is_shut)


def test_a_closed_connection_is_not_read_for_ever_either() -> None:
    with ExitStack() as stack:
        busy = Busy(stack, body_limit_bytes=1000)
        with line(busy.gateway) as one:
            one.send(head(b"connection: close", b"content-length: 90000") + b"x")
            shed(one)
            assert one.rest() == b""
            one.send(b"x" * 2000)
            until(one.is_shut)


@pytest.mark.parametrize("content", ["hello", "x" * 4_000_000])
def test_the_sdk_raises_its_own_error(busy: Busy, content: str) -> None:
    asked = {**BODY, "messages": [{"role": "user", "content": content}]}
    with anthropic.Anthropic(base_url=busy.gateway.url, api_key="any", max_retries=0) as sdk:
        with pytest.raises(anthropic.OverloadedError) as caught:
            sdk.messages.create(**asked)
        assert caught.value.response.headers["retry-after"]
        assert caught.value.request_id
        busy.ends()
        assert list(sdk.messages.create(**asked, stream=True)) == []


def test_a_key_has_its_own_bound_and_the_sdk_its_own_error() -> None:
    callers = {f"key-of-{name}": Caller(name, frozenset()) for name in "ab"}
    source = Source(EVENT)
    engine = Scripted(lambda call: streamed(source if call.caller.key == "a" else ended()))
    with serving(engine, callers=callers, in_flight_per_key=1) as gateway, line(gateway) as one:
        one.send(post(BODY, b"x-api-key: key-of-a"))
        assert one.begun() == 200
        sdks = [
            anthropic.Anthropic(base_url=gateway.url, api_key=key, max_retries=0) for key in callers
        ]
        with sdks[0], sdks[1]:
            with pytest.raises(anthropic.RateLimitError) as caught:
                sdks[0].messages.create(**BODY)
            assert caught.value.response.headers["retry-after"]
            assert "1 calls in flight" in caught.value.message
            source.go_on.set()
            until(lambda: gateway.app.load.in_flight == 0)
        assert gateway.app.load.shed["in_flight_per_key"] == 1
        answered = gateway.call(BODY, {**HEADERS, "x-api-key": "key-of-b"})
        assert (answered.status, answered.body) == (200, EVENT)


def test_a_key_is_asked_for_before_the_load_is_told() -> None:
    with ExitStack() as stack:
        busy = Busy(stack)
        assert busy.gateway.call(b"").status == 529
    with serving(Scripted(lambda _call: None), keys=("good",), in_flight=1) as gateway:
        assert gateway.call(b"").status == 401


def test_over_the_bound_on_memory_one_call_is_served_at_a_time() -> None:
    with ExitStack() as stack:
        busy = Busy(stack, in_flight=100, memory_bytes=1)
        with line(busy.gateway) as one:
            one.send(post())
            shed(one)
            assert busy.gateway.app.load.shed["memory"] == 1
            busy.ends()
            one.send(post())
            assert one.reply().body == EVENT


def test_bodies_that_come_slowly_fill_no_more_than_their_memory() -> None:
    """The bound is that of 32 of the largest."""
    with ExitStack() as stack:
        busy = Busy(stack, in_flight=100, body_limit_bytes=1000)
        load = busy.gateway.app.load
        lines = [stack.enter_context(line(busy.gateway)) for _ in range(34)]
        for one in lines[:32]:
            one.send(head(b"content-length: 1000") + b"x" * 990)
        until(lambda: load.bodies_bytes == 32 * 990)
        lines[32].send(head(b"content-length: 1000"))
        shed(lines[32])
        # One that does not say how large it is, is found out on the way.
        lines[33].send(head(b"transfer-encoding: chunked") + b"141\r\n" + b"x" * 321 + b"\r\n")
        shed(lines[33])
        assert load.shed["bodies"] == 2
        lines[0].send(b"x" * 10)
        assert lines[0].reply().status == 400
        lines[33].send(b"0\r\n\r\n" + post())
        assert lines[33].begun() == 200
        busy.source.go_on.set()
    until(lambda: load.bodies_bytes == 0)


def test_a_packed_body_counts_with_its_inflated_size() -> None:
    body = gzip.compress(b"x" * 900)
    with ExitStack() as stack:
        busy = Busy(stack, in_flight=100, body_limit_bytes=1000)
        load = busy.gateway.app.load
        for _ in range(5):
            one = stack.enter_context(line(busy.gateway))
            half = head(b"content-encoding: gzip", b"content-length: %d" % (len(body) + 1))
            one.send(half + body)
        until(lambda: load.bodies_bytes == 5 * 900)
    until(lambda: load.bodies_bytes == 0)


def test_health_is_never_turned_away(busy: Busy) -> None:
    for path in ("/healthz", "/readyz", "/v1/models", "/"):
        assert busy.gateway.ask("GET", path).status in (200, 503), path
    assert busy.gateway.ask("GET", "/healthz").json["status"] == "ok"


def _forbid(_call: Call) -> Answer:
    raise Forbidden("no")


def _break(_call: Call) -> Answer:
    raise ZeroDivisionError


ENDS: list[tuple[Any, bytes, int]] = [
    (lambda _call: Answer(200, ()), post(), 200),
    (_forbid, post(), 403),
    (_break, post(), 500),
    (_break, post(b"no json"), 400),
    (_break, post(b"\xff"), 400),
    (_break, post(b"[" * 999), 400),
    (_break, post(b'{"model": 5}'), 400),
    (_break, post({**BODY, "messages": []}), 500),
    (_break, post(b"x" * 1001), 413),
    (_break, post(b"x", b"content-encoding: brotli"), 415),
    (_break, post(b"x", b"content-encoding: gzip"), 400),
    (_break, head(b"transfer-encoding: chunked") + b"zz", 400),
    (_break, head(b"content-length: 100") + b"x", 0),
]


@pytest.mark.parametrize(("do", "request_bytes", "status"), ENDS)
def test_a_place_is_given_back_whatever_happens(do: Any, request_bytes: bytes, status: int) -> None:
    with serving(Scripted(do), body_limit_bytes=1000, in_flight=1) as gateway:
        with line(gateway) as one:
            one.send(request_bytes)
            if status:
                assert one.begun() == status
            else:
                until(lambda: gateway.app.load.bodies_bytes == 1)
        until(lambda: gateway.app.load.running == 0)
        assert gateway.app.load.bodies_bytes == 0


class Forgetful(Scripted):
    """Keeps no call."""

    async def answer(self, call: Call, wire: Wire, gone: object = None) -> Answer:
        answer = self._do(call)
        assert isinstance(answer, Answer)
        return answer


def test_a_request_is_not_kept_while_its_answer_streams() -> None:
    source = Source(EVENT)
    with (
        serving(Forgetful(lambda _call: streamed(source))) as gateway,
        line(gateway) as one,
    ):
        one.send(post({**BODY, "model": "claude-forgotten"}))
        assert one.begun() == 200
        until(lambda: gateway.app.load.bodies_bytes == 0)
        assert gateway.app.load.in_flight == 1
        kept = [each for each in gc.get_objects() if isinstance(each, Call)]
        assert "claude-forgotten" not in [call.asked for call in kept]
        source.go_on.set()


@pytest.fixture
def uncollected() -> Iterator[None]:
    """The garbage collector does not run."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.parametrize(("do", "request_bytes", "status"), ENDS)
def test_a_body_goes_without_the_collector(
    do: Any, request_bytes: bytes, status: int, uncollected: None
) -> None:
    """It runs seldom: what waits for it, large bodies above all, is memory nobody counts."""
    with serving(Forgetful(do), body_limit_bytes=1000) as gateway:
        before = kept()
        for _ in range(3):
            with line(gateway) as one:
                one.send(request_bytes)
                if status:
                    assert one.begun() == status
                else:
                    until(lambda: gateway.app.load.bodies_bytes == 1)
        until(lambda: gateway.app.load.running == 0)
        until(lambda: kept() == before)


def kept() -> int:
    """Return how many places there are: whatever keeps one keeps the body beside it."""
    return sum(isinstance(each, Place) for each in gc.get_objects())


def test_an_idle_gateway_bears_nothing(gateway: Running) -> None:
    assert gateway.app.load.running == 0
    assert gateway.app.load.bodies_bytes == 0
