"""Errors of a platform that are broken, huge or out of range keep their meaning."""

from __future__ import annotations

import json

import pytest

from gateway.dispatch.health import Health
from providers.codecs import errors
from providers.contract import FailureKind, Headers
from providers.registry import PROVIDERS
from tests.simulation.callers import ask, call, engine
from tests.simulation.streams import whole
from tests.simulation.virtual import JSON, Script, VirtualWire

GOOD = Script(chunks=tuple((0.1, each) for each in whole("two")))
BEGUN = b'{"type":"error","error":{"type":"invalid_request_error","mess'


@pytest.mark.parametrize("end", ["reset", "stall"])
@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_callers_mistake_told_in_a_broken_body_is_shown_to_nobody_else(
    status: int, end: str
) -> None:
    broken = Script(status=status, headers=JSON, chunks=((0.0, BEGUN),), end=end)
    wire = VirtualWire({"one": [broken], "two": [GOOD]})
    seen = ask(engine("one", "two"), wire)
    assert [served.upstream for served in wire.served] == ["one"]
    assert seen.status == status
    assert wire.clock_s < 1060


def test_a_callers_mistake_told_at_length_is_shown_to_nobody_else() -> None:
    flood = ((0.0, b"x" * 300_000),) * 8
    wire = VirtualWire({"one": [Script(status=400, headers=JSON, chunks=flood)], "two": [GOOD]})
    assert ask(engine("one", "two"), wire).status == 400
    assert [served.upstream for served in wire.served] == ["one"]


def test_a_throttle_whose_body_breaks_off_keeps_its_retry_after() -> None:
    headers: Headers = (*JSON, ("retry-after", "30"))
    busy = Script(status=429, headers=headers, chunks=((0.0, b"{"),), end="reset")
    wire = VirtualWire({"one": [busy]})
    seen = ask(engine("one"), wire)
    assert seen.status == 429
    assert seen.header("retry-after") == "30"


@pytest.mark.parametrize("name", PROVIDERS)
@pytest.mark.parametrize("status", [600, 799, 999])
def test_a_status_that_http_does_not_have_is_no_answer(name: str, status: int) -> None:
    failure = PROVIDERS[name].failure(status, JSON, b"{}")
    assert failure.kind is FailureKind.BAD200
    assert failure.status == 502


@pytest.mark.parametrize("original", [600, 10**12, -1, True])
def test_a_wrapped_status_that_http_does_not_have_says_nothing(original: int) -> None:
    body = json.dumps({"message": "no", "originalStatusCode": original}).encode()
    headers: Headers = (*JSON, ("x-amzn-errortype", "ModelErrorException"))
    failure = PROVIDERS["bedrock"].failure(424, headers, body)
    assert failure.kind is FailureKind.ILL
    assert failure.status == 500


@pytest.mark.parametrize("odd", ["a\nforged line", "a b", "\x1b[2J", "x" * 300, ""])
def test_an_odd_request_id_is_none(odd: str) -> None:
    envelope = {"type": "error", "error": {"type": "api_error", "message": ""}, "request_id": odd}
    failure = errors.http_error(500, (), json.dumps(envelope).encode(), trusted=True)
    assert failure.request_id is None


def test_words_that_are_not_anthropics_are_looked_through_even_from_the_api_itself() -> None:
    body = json.dumps({"message": "refused by relay.corp.internal for account 123456789012"})
    failure = PROVIDERS["anthropic"].failure(400, JSON, body.encode())
    assert "relay" not in failure.message
    assert "123456789012" not in failure.message


@pytest.mark.parametrize("stream", [True, False])
def test_a_callers_short_patience_ejects_no_upstream_for_others(stream: bool) -> None:
    slow = Script(delay_s=3.0, chunks=GOOD.chunks)
    health = Health()
    asked = engine("one", "two", health=health)
    hasty = call(stream=stream, headers=(("x-stainless-read-timeout", "0.5"),))
    wire = VirtualWire({"one": [slow], "two": [slow]})
    for _ in range(10):
        assert ask(asked, wire, hasty).status == 504
    assert health.out("claude-opus-5-5", wire.clock_s) == frozenset()


def test_silence_ejects_an_upstream_whatever_a_patient_caller_says() -> None:
    health = Health()
    asked = engine("one", health=health)
    patient = call(headers=(("x-stainless-read-timeout", "600"),))
    wire = VirtualWire({"one": [Script(before="hang")]})
    for _ in range(5):
        ask(asked, wire, patient)
    assert health.out("claude-opus-5-5", wire.clock_s) == {"one"}


def test_a_connection_that_hangs_counts_though_the_caller_has_a_timeout() -> None:
    health = Health()
    asked = engine("one", health=health)
    usual = call(headers=(("x-stainless-read-timeout", "30"),))
    wire = VirtualWire({"one": [Script(before="connect_hang")]})
    for _ in range(5):
        ask(asked, wire, usual)
    assert health.out("claude-opus-5-5", wire.clock_s) == {"one"}
