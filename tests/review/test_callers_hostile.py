"""What a caller must not be able to choose, and what must not break on what it sends."""

from __future__ import annotations

import asyncio
import importlib
import threading

import pytest

from gateway.answers import Answer
from gateway.call import read_call
from gateway.dispatch.limits import Limits
from gateway.errors import Malformed
from gateway.routing import Upstream, plan
from providers.contract import Headers, Kind, Operation, Place
from providers.registry import PROVIDERS
from tests.server.serving import BODY, HEADERS, Scripted, Source, serving, streamed, until

VERSION: Headers = (("anthropic-version", "2026-10-21"),)
RAW = b'{"model":"claude-opus-5-5","max_tokens":9,"messages":[]}'


@pytest.mark.parametrize("name", ["only", "require"])
@pytest.mark.parametrize("value", ["", " ", ",", " , ,"])
def test_a_narrowing_that_names_nothing_is_no_leave_to_go_anywhere(name: str, value: str) -> None:
    with pytest.raises(Malformed, match=f"x-gateway-{name}"):
        read_call(Kind.MESSAGES, (*VERSION, (f"x-gateway-{name}", value)), RAW)


@pytest.mark.parametrize("name", ["clas", "region", "tag-", "", "tags", "onIy"])
def test_a_label_that_nobody_knows_is_not_passed_over(name: str) -> None:
    with pytest.raises(Malformed, match="x-gateway-"):
        read_call(Kind.MESSAGES, (*VERSION, (f"x-gateway-{name}", "phi")), RAW)


@pytest.mark.parametrize("digits", [5, 4000, 5000, 60_000])
def test_a_retry_count_of_any_length_is_read(digits: int) -> None:
    headers = (*VERSION, ("x-stainless-retry-count", "9" * digits))
    call = read_call(Kind.MESSAGES, headers, RAW)
    assert Limits().for_call(True, None, call.retry_count, None).attempts == 1


def test_a_body_nested_as_deep_as_can_be_read_can_be_judged() -> None:
    provider = PROVIDERS["bedrock"]
    endpoint = provider.endpoint(Place(region="eu-central-1", profile="eu"))
    upstreams = [Upstream("aws", provider, endpoint)]
    for depth in range(900, 1000):
        nested = b"[" * depth + b"]" * depth
        content = b'[{"role":"user","content":[{"type":"text","text":"","x":%b}]}]' % nested
        body = RAW.replace(b"[]", content)
        try:
            call = read_call(Kind.MESSAGES, VERSION, body)
            plan(call, upstreams)
        except Malformed:
            continue


@pytest.mark.parametrize("digits", [4000, 5000])
def test_a_thinking_budget_of_any_length_is_left_to_the_platform(digits: int) -> None:
    provider = PROVIDERS["bedrock"]
    endpoint = provider.endpoint(Place(region="eu-central-1", profile="eu"))
    thinking = b'{"model":"claude-opus-5-5","messages":[],"thinking":{"budget_tokens":%b}}'
    call = read_call(Kind.COUNT_TOKENS, VERSION, thinking % (b"9" * digits))
    operation = Operation(Kind.COUNT_TOKENS, "claude-opus-5-5")
    provider.encode(operation, call.fields, endpoint)


def test_a_mistake_of_ours_in_reading_a_request_is_told_in_an_envelope(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*_args: object) -> object:
        raise ValueError("secret words")

    monkeypatch.setattr(importlib.import_module("gateway.server.speaking"), "read_call", broken)
    with serving(Scripted(lambda _call: Answer(200, ()))) as running:
        status, kind, message = running.call(BODY).error
    assert (status, kind) == (500, "api_error")
    assert "secret" not in message


class Stopped(Source):
    """An open stream whose answer is whole, though its transport has not ended."""

    async def read(self) -> bytes:
        if self._chunks:
            self.whole = True
            return self._chunks.pop(0)
        self.go_on.set()
        await asyncio.Event().wait()
        return b""


def test_a_stop_of_the_server_behind_the_last_event_adds_nothing() -> None:
    last = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
    source = Stopped(last)
    with serving(Scripted(lambda _call: streamed(source)), drain_s=0.0) as running:
        bodies: list[bytes] = []
        asking = threading.Thread(target=lambda: bodies.append(running.call(BODY, HEADERS).body))
        asking.start()
        until(source.go_on.is_set)
        running.app.drain.asked = True
        asking.join(20)
    assert bodies == [last]
    assert source.closed
