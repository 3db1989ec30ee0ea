"""Faults in the clouds' own framing: Bedrock's frames, Vertex's error lists."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.call import Call, read_call
from gateway.emulator import Emulator, aws_events
from providers.contract import Kind
from tests.fidelity.gateways import Caller, Got, engine_at, engine_over
from tests.simulation.callers import HEADERS, call
from tests.simulation.streams import parse, whole
from tests.sockets.raw import always, chunked, peer

BINARY = "application/vnd.amazon.eventstream"


def frames(count: int | None = None) -> list[bytes]:
    """Return an answer's events as Bedrock frames; the third is the first content."""
    events = [json.dumps(data).encode() for _, data in parse(b"".join(whole("one")))]
    return [aws_events.chunk(each) for each in events[:count]]


def damaged(frame: bytes) -> bytes:
    """Return a frame with one bit of its payload turned."""
    at = len(frame) - 20
    return frame[:at] + bytes((frame[at] ^ 1,)) + frame[at + 1 :]


def bedrock(caller: Caller, *pieces: bytes, end: bool = True, then: str = "wait") -> Got:
    with peer(always(chunked(*pieces, kind=BINARY, end=end), then=then)) as upstream:
        return caller.ask(engine_at(upstream.url, "bedrock"), call())


def error_of(got: Got) -> dict[str, Any]:
    """Return the error of a call that failed before any content."""
    assert got.answer.stream is None
    document = json.loads(got.body)
    assert document["request_id"] == got.headers["request-id"]
    error: dict[str, Any] = document["error"]
    return error


def cut_short(got: Got) -> dict[str, Any]:
    """Return the error that ended a stream; all before it is the answer's beginning."""
    events = parse(got.body)
    begun = parse(b"".join(whole("one")))
    assert events[:-1] == begun[: len(events) - 1]
    assert len(events) > 3
    name, data = events[-1]
    assert name == "error"
    error: dict[str, Any] = data["error"]
    return error


def test_good_frames_are_a_good_answer(caller: Caller) -> None:
    got = bedrock(caller, *frames())
    assert parse(got.body) == parse(b"".join(whole("one")))


def test_a_damaged_frame_before_content_is_no_answer(caller: Caller) -> None:
    got = bedrock(caller, frames()[0], damaged(frames()[1]), *frames()[2:])
    assert got.status == 502
    assert error_of(got)["type"] == "api_error"


def test_a_damaged_frame_after_content_ends_the_answer(caller: Caller) -> None:
    got = bedrock(caller, *frames(4), damaged(frames()[4]), *frames()[5:])
    assert cut_short(got)["type"] == "api_error"


@pytest.mark.parametrize(("end", "then"), [(True, "wait"), (False, "close"), (False, "reset")])
def test_a_partial_frame_at_the_end_is_a_cut(end: bool, then: str, caller: Caller) -> None:
    got = bedrock(caller, *frames(4), frames()[4][:-7], end=end, then=then)
    assert cut_short(got)["type"] == "api_error"


@pytest.mark.parametrize(("end", "then"), [(True, "wait"), (False, "close"), (False, "reset")])
def test_frames_without_message_stop_are_a_cut(end: bool, then: str, caller: Caller) -> None:
    got = bedrock(caller, *frames()[:-1], end=end, then=then)
    assert cut_short(got)["type"] == "api_error"


EXCEPTIONS = [
    ("throttlingException", 429, "rate_limit_error"),
    ("validationException", 400, "invalid_request_error"),
    ("serviceUnavailableException", 529, "overloaded_error"),
    ("internalServerException", 500, "api_error"),
    ("modelTimeoutException", 504, "timeout_error"),
    ("modelStreamErrorException", 500, "api_error"),
]
"""Member of ResponseStream, the status a caller gets before content, the error's type."""
OURS = "arn:aws:bedrock:eu-central-1:123456789012:inference-profile/secret"


@pytest.mark.parametrize(("name", "status", "kind"), EXCEPTIONS)
def test_an_exception_frame_before_content_is_a_true_status(
    name: str, status: int, kind: str, caller: Caller
) -> None:
    got = bedrock(caller, frames()[0], aws_events.exception(name, f"{OURS} is busy"))
    error = error_of(got)
    assert (got.status, error["type"]) == (status, kind)
    assert "arn:" not in error["message"]


@pytest.mark.parametrize(("name", "status", "kind"), EXCEPTIONS)
def test_an_exception_frame_after_content_is_an_error_event(
    name: str, status: int, kind: str, caller: Caller
) -> None:
    got = bedrock(caller, *frames(4), aws_events.exception(name, f"{OURS} is busy"))
    error = cut_short(got)
    assert error["type"] == kind
    assert "arn:" not in error["message"]


def test_an_error_frame_outside_the_service_model(caller: Caller) -> None:
    broken = aws_events.error("InternalFailure", f"{OURS} failed")
    assert cut_short(bedrock(caller, *frames(4), broken))["type"] == "api_error"
    before = bedrock(caller, frames()[0], broken)
    assert before.status == 500
    assert "arn:" not in error_of(before)["message"]


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request_error"),
        (404, "not_found_error"),
        (429, "rate_limit_error"),
        (500, "api_error"),
        (503, "overloaded_error"),
    ],
)
@pytest.mark.parametrize("streamed", [True, False])
def test_vertex_errors_listed_or_not(
    streamed: bool, status: int, kind: str, emulator: Emulator, caller: Caller
) -> None:
    emulator.faults.add("status", status=status, times=-1, message="projects/secret-1 is at fault")
    got = caller.ask(engine_over(emulator, "vertex"), call(stream=streamed))
    error = error_of(got)
    # Capacity that is lacking has a status of its own in the Anthropic API.
    assert got.status == (529 if status == 503 else status)
    assert error["type"] == kind
    assert "secret-1" not in error["message"]


@pytest.mark.parametrize("platform", ["anthropic", "bedrock", "vertex"])
@pytest.mark.parametrize("action", ["cut", "reset", "end"])
def test_a_cut_tool_input_ends_in_an_error_on_every_platform(
    platform: str, action: str, emulator: Emulator, caller: Caller
) -> None:
    emulator.faults.add(action, at=5)
    got = caller.ask(engine_over(emulator, platform), tool_call())
    events = parse(got.body)
    names = [name for name, _ in events]
    assert names[-1] == "error"
    assert "content_block_stop" not in names
    deltas = [data["delta"] for name, data in events if name == "content_block_delta"]
    assert {delta["type"] for delta in deltas} == {"input_json_delta"}


def tool_call() -> Call:
    body = {
        "model": "claude-opus-5-5",
        "max_tokens": 512,
        "stream": True,
        "messages": [{"role": "user", "content": "write it [[tool]]"}],
        "tools": [
            {
                "name": "write",
                "input_schema": {
                    "type": "object",
                    "properties": {"path": {"type": "string"}, "text": {"type": "string"}},
                    "required": ["path", "text"],
                },
            }
        ],
    }
    return read_call(Kind.MESSAGES, HEADERS, json.dumps(body).encode())
