"""A stream that stops at any moment has the end that its format has for that, and no other."""

from __future__ import annotations

import json
from collections.abc import Callable
from http.client import HTTPConnection

import pytest

from tests.formats.asking import BEDROCK, VERTEX
from tests.formats.test_frames import named, read
from tests.server.serving import BODY, HEADERS, WAIT_S, Scripted, Source, serving, streamed

START = b'event: message_start\ndata: {"type":"message_start","message":{"id":"msg_1"}}\n\n'
TOOL = (
    b'event: content_block_start\ndata: {"type":"content_block_start","index":0,"content_block":'
    b'{"type":"tool_use","id":"t","name":"f","input":{}}}\n\n'
)
DELTA = (
    b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":'
    b'{"type":"input_json_delta","partial_json":"{\\"a\\""}}\n\n'
)
BAD = b'event: content_block_delta\ndata: {"type":"content_block_delta","delta":{"text":}\n\n'
MODEL = "claude-opus-5-5"
ROOT = f"/v1/projects/p/locations/global/publishers/anthropic/models/{MODEL}"


def bedrocks(data: bytes) -> str:
    """Return the name of the exception that ends a stream of frames."""
    found = [named(*each) for each in read(data)]
    assert "message_stop" not in found
    assert not any(name.endswith("Exception") for name in found[:-1])
    return found[-1]


def openais(data: bytes) -> str:
    """Return the code or type of the error that ends a stream of chunks."""
    assert b"[DONE]" not in data
    last = data.rstrip().split(b"\n\n")[-1]
    assert data.count(b'"error"') == 1
    error = json.loads(last.removeprefix(b"data: "))["error"]
    return str(error["type"])


def anthropics(data: bytes) -> str:
    """Return the type of the error that ends a stream of the Messages API."""
    last = data.rstrip().split(b"\n\n")[-1]
    assert data.count(b"event: error") == 1
    return str(json.loads(last.split(b"data: ")[1])["error"]["type"])


Ends = Callable[[bytes], str]
CHAT = {"model": MODEL, "messages": BODY["messages"], "stream": True}
FORMATS: list[tuple[str, dict[str, object], Ends, str]] = [
    ("/v1/chat/completions", CHAT, openais, "server_error"),
    (
        f"/model/global.anthropic.{MODEL}/invoke-with-response-stream",
        BEDROCK,
        bedrocks,
        "internalServerException",
    ),
    (f"{ROOT}:streamRawPredict", VERTEX, anthropics, "api_error"),
]
EACH = pytest.mark.parametrize(("path", "body", "ends", "expected"), FORMATS)
MOMENTS = pytest.mark.parametrize("events", [(), (START, TOOL), (START + TOOL + DELTA,)])


def answered(source: Source, path: str, body: dict[str, object], *, stops: bool = False) -> bytes:
    """Return all of a streamed answer; `stops`: the server stops while it is open."""
    engine = Scripted(lambda _call: streamed(source))
    with serving(engine, drain_s=0.01) as gateway:
        connection = HTTPConnection("127.0.0.1", gateway.port, timeout=WAIT_S)
        connection.request("POST", path, json.dumps(body).encode(), HEADERS)
        response = connection.getresponse()
        if stops:
            gateway.app.drain.asked = True
        data = response.read()
        connection.close()
    assert source.closed
    return data


@EACH
@MOMENTS
def test_a_mistake_of_ours(
    path: str, body: dict[str, object], ends: Ends, expected: str, events: tuple[bytes, ...]
) -> None:
    source = Source(*events)
    source.error = RuntimeError("no")
    source.go_on.set()
    assert ends(answered(source, path, body)) == expected


@EACH
@MOMENTS
def test_a_stop_of_the_server(
    path: str, body: dict[str, object], ends: Ends, expected: str, events: tuple[bytes, ...]
) -> None:
    assert ends(answered(Source(*events), path, body, stops=True)) == expected


def test_a_delta_that_is_no_json() -> None:
    path, body, ends, expected = FORMATS[0]
    source = Source(START, TOOL, BAD, DELTA)
    source.go_on.set()
    assert ends(answered(source, path, body)) == expected
