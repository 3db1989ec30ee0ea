"""A caller that sends its next requests before it is answered."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from gateway.answers import Answer
from gateway.call import Call
from tests.server.serving import BODY, Running, Scripted, serving, until

BODY_BYTES = json.dumps(BODY).encode()
REQUEST = (
    b"POST /v1/messages HTTP/1.1\r\nhost: localhost\r\nanthropic-version: 2026-10-21\r\n"
    b"content-length: %d\r\n\r\n%b" % (len(BODY_BYTES), BODY_BYTES)
)


@contextmanager
def never() -> Iterator[tuple[Running, Scripted]]:
    """Serve with an engine that never answers."""

    async def wait(_call: Call) -> Answer:
        await asyncio.Event().wait()
        raise AssertionError("nothing sets it")

    engine = Scripted(wait)
    with serving(engine) as gateway:
        yield gateway, engine


def test_requests_are_answered_in_their_order(gateway: Running) -> None:
    with gateway.connect() as sock:
        sock.sendall(REQUEST * 3)
        answers = b""
        while answers.count(b'"type":"message"') < 3:
            answers += sock.recv(65536)
    assert answers.count(b"HTTP/1.1 200") == 3


def test_who_leaves_with_requests_waiting_is_noticed() -> None:
    with never() as (gateway, engine):
        with gateway.connect() as sock:
            sock.sendall(REQUEST)
            until(lambda: engine.calls)
            sock.sendall(REQUEST * 2)
        until(lambda: gateway.app.drain.running == 0)
    assert len(engine.calls) == 1


def test_who_leaves_with_requests_waiting_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    with never() as (gateway, engine):
        with gateway.connect() as sock:
            sock.sendall(REQUEST + REQUEST[:-5])
            until(lambda: engine.calls)
        until(lambda: gateway.app.drain.running == 0)
    assert [record.getMessage() for record in caplog.records] == []
