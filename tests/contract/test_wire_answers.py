"""What our decoders give, read by the plain SDK, is what its platform clients read themselves."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import anthropic
import httpx2
import pytest
from botocore.eventstream import EventStreamBuffer
from botocore.loaders import Loader
from hypothesis import given
from hypothesis import strategies as st

from providers.codecs import errors
from providers.codecs.eventstream import FrameReader
from providers.contract import Failure, Kind, Operation
from providers.registry import PROVIDERS
from tests.contract.conftest import Oracle
from tests.unit.codecs.conftest import encode_chunk, encode_frame

USAGE = {
    "input_tokens": 9,
    "output_tokens": 1,
    "cache_creation_input_tokens": 0,
    "cache_read_input_tokens": 4,
}
EVENTS: list[dict[str, Any]] = [
    {
        "type": "message_start",
        "message": {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": "claude-opus-5-5",
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": USAGE,
        },
    },
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "ping"},
    {
        "type": "content_block_delta",
        "index": 0,
        "delta": {"type": "text_delta", "text": "hé\u2028"},
    },
    {"type": "content_block_stop", "index": 0},
    {
        "type": "content_block_start",
        "index": 1,
        "content_block": {"type": "tool_use", "id": "t1", "name": "t", "input": {}},
    },
    {
        "type": "content_block_delta",
        "index": 1,
        "delta": {"type": "input_json_delta", "partial_json": '{"a": "\\n'},
    },
    {
        "type": "content_block_delta",
        "index": 1,
        "delta": {"type": "input_json_delta", "partial_json": '"}'},
    },
    {"type": "content_block_stop", "index": 1},
    {
        "type": "message_delta",
        "delta": {"stop_reason": "tool_use", "stop_sequence": None},
        "usage": {"output_tokens": 12},
    },
    {"type": "message_stop"},
]
MESSAGE = {
    **EVENTS[0]["message"],
    "content": [{"type": "text", "text": "hé\u2028"}],
    "stop_reason": "end_turn",
}
ASK: dict[str, Any] = {
    "max_tokens": 9,
    "messages": [{"role": "user", "content": "x"}],
    "model": "claude-opus-5-5",
}
STREAM = Operation(Kind.MESSAGES, "claude-opus-5-5", stream=True)
WHOLE = Operation(Kind.MESSAGES, "claude-opus-5-5")
COUNT = Operation(Kind.COUNT_TOKENS, "claude-opus-5-5")
JSON = (("content-type", "application/json"),)


def sse(event: Mapping[str, Any]) -> bytes:
    return f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()


Encode = Callable[[Mapping[str, Any]], bytes]
ENCODERS: dict[str, Encode] = {
    "anthropic": sse,
    "aws": sse,
    "bedrock": encode_chunk,
    "bedrock_mantle": sse,
    "foundry": sse,
    "google_cloud": sse,
    "relay": sse,
    "vertex": sse,
}
"""The platforms whose own client the SDK has; of chat completions test_chat_answers.py tells."""


def client(oracle: Oracle, platform: str) -> Any:
    if platform == "aws":
        return oracle.aws("eu-central-1", "wrkspc_1")
    if platform == "foundry":
        return oracle.foundry("my-resource")
    if platform == "relay":
        return oracle.relay("https://relay.example")
    if platform == "google_cloud":
        return oracle.google_cloud("p-1", "wrkspc_1")
    if platform == "bedrock_mantle":
        return oracle.mantle("eu-central-1")
    if platform == "bedrock":
        return oracle.bedrock("eu-central-1")
    if platform == "vertex":
        return oracle.vertex("europe-west1", "p-1")
    return oracle.direct()


def read_stream(oracle: Oracle, who: Any, content: bytes, kind: str) -> tuple[Any, Any]:
    """Return the events and the message that an SDK client makes of an answer."""
    oracle.answer = lambda _: httpx2.Response(200, content=content, headers={"content-type": kind})
    raw = [event.to_dict() for event in who.messages.create(**ASK, stream=True)]
    message: Any = None
    if isinstance(who, anthropic.Anthropic):
        with who.messages.stream(**ASK) as stream:
            message = stream.get_final_message().to_dict()
    return raw, message


@pytest.mark.parametrize("platform", ENCODERS)
def test_a_stream_reads_as_on_the_platform(oracle: Oracle, platform: str) -> None:
    wire = b"".join(map(ENCODERS[platform], EVENTS))
    provider = PROVIDERS[platform]
    decoder = provider.decoder(STREAM, ())
    ours = b"".join(decoder.feed(wire[at : at + 37]) for at in range(0, len(wire), 37))
    decoder.end()
    assert decoder.stopped
    assert decoder.failure is None
    theirs, _ = read_stream(oracle, client(oracle, platform), wire, provider.stream_type())
    got, message = read_stream(oracle, oracle.direct(), ours, "text/event-stream")
    assert got == theirs
    assert message["content"][1]["input"] == {"a": "\n"}
    assert message["usage"]["output_tokens"] == 12


def test_usage_from_the_metrics_is_read_by_the_sdk(oracle: Oracle) -> None:
    start = {**EVENTS[0], "message": {**EVENTS[0]["message"], "usage": {"input_tokens": 9}}}
    metrics = {"inputTokenCount": 1, "outputTokenCount": 1, "cacheReadInputTokenCount": 5}
    stop = {"type": "message_stop", "amazon-bedrock-invocationMetrics": metrics}
    wire = b"".join(map(encode_chunk, [start, *EVENTS[1:-1], stop]))
    ours = PROVIDERS["bedrock"].decoder(STREAM, ()).feed(wire)
    _, message = read_stream(oracle, oracle.direct(), ours, "text/event-stream")
    assert message["usage"]["input_tokens"] == 9
    assert message["usage"]["output_tokens"] == 12
    assert message["usage"]["cache_read_input_tokens"] == 5


@pytest.mark.parametrize("platform", ENCODERS)
def test_a_whole_answer_reads_as_on_the_platform(oracle: Oracle, platform: str) -> None:
    wire = json.dumps(MESSAGE).encode()
    ours = PROVIDERS[platform].answer(WHOLE, JSON, wire)
    assert ours is wire

    def read(who: Any, body: bytes) -> Any:
        oracle.answer = lambda _: httpx2.Response(200, content=body, headers=dict(JSON))
        return who.messages.create(**ASK).to_dict()

    assert read(oracle.direct(), ours) == read(client(oracle, platform), wire)


# Bedrock's answers that are not quite in the Anthropic format.


def bedrock(message: Mapping[str, Any], **headers: str) -> dict[str, Any]:
    pairs = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    got = PROVIDERS["bedrock"].answer(WHOLE, (*JSON, *pairs), json.dumps(message).encode())
    assert isinstance(got, bytes)
    found: dict[str, Any] = json.loads(got)
    return found


def test_counts_in_headers_fill_only_what_is_missing() -> None:
    message = {**MESSAGE, "usage": {"output_tokens": 3}}
    got = bedrock(
        message,
        x_amzn_bedrock_input_token_count="70",
        x_amzn_bedrock_output_token_count="99",
    )
    assert got == {**MESSAGE, "usage": {"output_tokens": 3, "input_tokens": 70}}


def test_counts_in_headers_fill_an_empty_usage() -> None:
    got = bedrock({**MESSAGE, "usage": {}}, x_amzn_bedrock_input_token_count="70")
    assert got["usage"] == {"input_tokens": 70}


def test_a_start_without_usage_is_not_given_one() -> None:
    headers = (("x-amzn-bedrock-service-tier", "flex"),)
    start = {"type": "message_start", "message": {"model": "claude-opus-5-5"}}
    out = PROVIDERS["bedrock"].decoder(STREAM, headers).feed(encode_chunk(start))
    assert json.loads(out.partition(b"data: ")[2]) == start


def test_counts_nobody_reported_stay_absent() -> None:
    message = {**MESSAGE, "usage": {}}
    assert bedrock(message, x_amzn_bedrock_input_token_count="n/a") == message


@pytest.mark.parametrize(
    ("tier", "own", "expected"),
    [
        ("default", {}, "standard"),
        ("Priority", {}, "priority"),
        ("flex", {}, "flex"),
        ("default", {"service_tier": "batch"}, "batch"),
        ("default", {"service_tier": None}, "standard"),
    ],
)
def test_the_tier_comes_from_its_header(tier: str, own: dict[str, object], expected: str) -> None:
    message = {**MESSAGE, "usage": {**USAGE, **own}}
    got = bedrock(message, x_amzn_bedrock_service_tier=tier)
    assert got["usage"] == {**USAGE, "service_tier": expected}


def test_a_tier_that_is_not_known_is_not_made_up() -> None:
    assert bedrock(MESSAGE, x_amzn_bedrock_service_tier="turbo") == MESSAGE


def test_the_tier_of_a_stream_stands_at_its_start() -> None:
    headers = (("x-amzn-bedrock-service-tier", "flex"),)
    out = PROVIDERS["bedrock"].decoder(STREAM, headers).feed(encode_chunk(EVENTS[0]))
    message = json.loads(out.partition(b"data: ")[2])["message"]
    assert message["usage"] == {**USAGE, "service_tier": "flex"}


ARN = "arn:aws:bedrock:eu-central-1:123456789012:application-inference-profile/claude"


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (ARN, "claude-opus-5-5"),
        ("ab12cd34", "claude-opus-5-5"),
        ("claude-opus-5-5-20260901", "claude-opus-5-5-20260901"),
        ("eu.anthropic.claude-opus-5-5", "eu.anthropic.claude-opus-5-5"),
    ],
)
def test_an_operators_name_becomes_the_canonical_id(told: str, expected: str) -> None:
    assert bedrock({**MESSAGE, "model": told}) == {**MESSAGE, "model": expected}
    start = {**EVENTS[0], "message": {**EVENTS[0]["message"], "model": told}}
    out = PROVIDERS["bedrock"].decoder(STREAM, ()).feed(encode_chunk(start))
    assert json.loads(out.partition(b"data: ")[2])["message"]["model"] == expected


def test_counts_are_in_anthropics_words() -> None:
    assert PROVIDERS["bedrock"].answer(COUNT, JSON, b'{"inputTokens":7}') == b'{"input_tokens":7}'
    for platform in (
        "anthropic",
        "aws",
        "bedrock_mantle",
        "foundry",
        "google_cloud",
        "relay",
        "vertex",
    ):
        body = b'{"input_tokens": 7}'
        assert PROVIDERS[platform].answer(COUNT, JSON, body) is body


@pytest.mark.parametrize("platform", PROVIDERS)
@pytest.mark.parametrize(
    "change",
    [
        {"type": "error"},
        {"type": None},
        {"content": None},
        {"content": {}},
        {"stop_reason": None},
        {"usage": None},
        {"usage": []},
    ],
)
def test_a_message_that_is_none(platform: str, change: dict[str, object]) -> None:
    body = json.dumps({**MESSAGE, **change}).encode()
    got = PROVIDERS[platform].answer(WHOLE, JSON, body)
    assert isinstance(got, Failure)
    assert got.kind == "bad200"


@pytest.mark.parametrize("platform", PROVIDERS)
@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ((("content-type", "text/html"),), json.dumps(MESSAGE).encode()),
        ((), json.dumps(MESSAGE).encode()),
        (JSON, b"<html>"),
        (JSON, b""),
        (JSON, b"[]"),
        (JSON, json.dumps(MESSAGE).encode()[:-1]),
        (JSON, json.dumps(MESSAGE, ensure_ascii=False).encode().replace(b"\xc3", b"\xff")),
        (JSON, b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}'),
        (JSON, b'{"a":' + b"[" * 100_000),
    ],
)
def test_a_body_that_is_no_answer(
    platform: str, headers: tuple[tuple[str, str], ...], body: bytes
) -> None:
    got = PROVIDERS[platform].answer(WHOLE, headers, body)
    assert isinstance(got, Failure)
    assert (got.kind, got.status, got.type) == ("bad200", 502, "api_error")
    assert got.upstream_status == 200


@pytest.mark.parametrize("body", [b'{"input_tokens":null}', b'{"inputTokens":-1}', b'{"n":"7"}'])
@pytest.mark.parametrize("platform", PROVIDERS)
def test_a_count_that_is_none(platform: str, body: bytes) -> None:
    assert isinstance(PROVIDERS[platform].answer(COUNT, JSON, body), Failure)


# botocore.

VALUES = st.text(max_size=20)
HEADERS = st.dictionaries(st.text(min_size=1, max_size=10), VALUES, max_size=4)


@given(
    frames=st.lists(st.tuples(HEADERS, st.binary(max_size=50)), max_size=5),
    cut=st.integers(min_value=1, max_value=40),
)
def test_frames_are_botocores(frames: list[tuple[dict[str, str], bytes]], cut: int) -> None:
    data = b"".join(encode_frame(headers, payload) for headers, payload in frames)
    buffer, reader, got = EventStreamBuffer(), FrameReader(), []
    buffer.add_data(data)
    for at in range(0, len(data), cut):
        reader.add(data[at : at + cut])
        while (found := reader.next()) is not None:
            got.append((dict(found.headers), found.payload))
    events: list[Any] = list(buffer)
    assert got == [(dict(event.headers), event.payload) for event in events]
    assert reader.unfinished_bytes == 0


def service_model() -> Any:
    return Loader().load_service_model("bedrock-runtime", "service-2")


def exceptions() -> list[tuple[str, int]]:
    model = service_model()
    names = {
        error["shape"]
        for name in ("InvokeModel", "InvokeModelWithResponseStream", "CountTokens")
        for error in model["operations"][name]["errors"]
    }
    return sorted((name, model["shapes"][name]["error"]["httpStatusCode"]) for name in names)


@pytest.mark.parametrize(("name", "status"), exceptions())
def test_every_exception_of_the_service_is_known(name: str, status: int) -> None:
    verdict = errors.of_name("bedrock", name)
    assert verdict is not None
    assert verdict.http == status


def test_a_streams_exceptions_are_those_of_the_service() -> None:
    members = service_model()["shapes"]["ResponseStream"]["members"]
    names = [name for name in members if name != "chunk"]
    assert len(names) >= 6
    for name in names:
        verdict = errors.of_name("bedrock", members[name]["shape"])
        assert verdict is not None
        frame = encode_frame({":message-type": "exception", ":exception-type": name}, b"{}")
        decoder = PROVIDERS["bedrock"].decoder(STREAM, ())
        decoder.feed(frame)
        assert decoder.failure is not None
        assert (decoder.failure.kind, decoder.failure.type) == (verdict.kind, verdict.type)


def test_the_tiers_of_the_service_are_known() -> None:
    for tier in service_model()["shapes"]["ServiceTierType"]["enum"]:
        got = bedrock(MESSAGE, x_amzn_bedrock_service_tier=tier)
        assert got["usage"]["service_tier"]
