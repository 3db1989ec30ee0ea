"""Hostile requests in the clouds' formats, and hostile streams told to who speaks Bedrock's."""

from __future__ import annotations

import json
import random
from base64 import b64encode
from functools import cache

from gateway.call import Call, made_call, read_body
from gateway.errors import Refused
from gateway.formats import ways
from gateway.formats.bedrock.answering import Frames
from gateway.formats.contract import Asked, Way
from providers.codecs.eventstream import FrameReader
from providers.contract import Headers
from tests.fuzz import samples
from tests.fuzz.mutating import mutated
from tests.fuzz.streams import OURS_BYTES

ROOT = "/v1/projects/p/locations"
ARN = "arn:aws:bedrock:eu-west-1:123456789012:inference-profile"
MODELS = "publishers/anthropic/models"
PATHS = (
    f"/model/eu.anthropic.{samples.MODEL}/invoke",
    f"/model/global.anthropic.{samples.MODEL}/invoke-with-response-stream",
    "/model/anthropic.claude-haiku-4-5-20251001-v1%3A0/invoke",
    f"/model/{ARN}%2Feu.anthropic.{samples.MODEL}/invoke",
    "/model/arn:aws:bedrock:eu-west-1:123456789012:application-inference-profile/x/invoke",
    f"/model/anthropic.{samples.COUNTED}/count-tokens",
    f"{ROOT}/global/{MODELS}/{samples.MODEL}:rawPredict",
    f"{ROOT}/europe-west1/{MODELS}/claude-haiku-4-5@20251001:streamRawPredict",
    f"{ROOT}/eu/{MODELS}/count-tokens:rawPredict",
)
SCOPE = "AKIDEXAMPLE/20261129/eu-west-1/bedrock/aws4_request"
HEADERS: tuple[tuple[str, str], ...] = (
    ("authorization", "Bearer key"),
    ("authorization", f"AWS4-HMAC-SHA256 Credential={SCOPE}, SignedHeaders=host, Signature=0"),
    ("anthropic-beta", "a-1,b-2"),
    ("x-amzn-bedrock-request-metadata", '{"team":"a"}'),
    ("x-amzn-bedrock-guardrailidentifier", "g"),
    ("x-amzn-bedrock-accept", "application/json"),
    ("amz-sdk-request", "attempt=2; max=3"),
)


@cache
def bodies() -> tuple[bytes, ...]:
    """Return bodies as callers of the clouds send them."""
    found = []
    for body in samples.bodies():
        fields = json.loads(body)
        streamed = fields.pop("stream", False)
        named = fields.pop("model")
        for version in ("bedrock-2023-05-31", "vertex-2023-10-16", "2026-10-21"):
            carried = {"anthropic_version": version, "anthropic_beta": ["c-3"], **fields}
            found += [json.dumps(each).encode() for each in (carried, carried | {"model": named})]
            if streamed:
                found.append(json.dumps(carried | {"stream": True}).encode())
    wrapped = [{"input": {"invokeModel": {"body": b64encode(body).decode()}}} for body in found[:9]]
    return (*found, *(json.dumps(each).encode() for each in wrapped))


def clouds(rng: random.Random) -> None:
    """A request: refused by name, or the call that its own words say."""
    # Mostly one part is damaged, or hardly any request would be read to its end.
    which = rng.choice(("path", "headers", "body", "body", "all"))
    path = rng.choice(PATHS).encode()
    if which in {"path", "all"}:
        path = mutated(rng, path, [each.encode() for each in PATHS])
    way = ways.find(path[:5000].decode("latin-1"), (), 0.0)
    if way is None or way.kind is None:
        return
    body = rng.choice(bodies())
    if which in {"body", "all"}:
        body = mutated(rng, body, bodies())
    headers = _headers(rng) if which in {"headers", "all"} else HEADERS[:1]
    read = _read(way, headers, body)
    if isinstance(read, Refused):
        assert 400 <= read.status < 600
        assert len(read.message) < 2000
        return
    asked, call = read
    assert {name: bytes(raw) for name, raw in read_body(asked.raw).items()} == {
        name: bytes(raw) for name, raw in asked.fields.items()
    }
    assert not {"anthropic_version", "anthropic_beta"} & asked.fields.keys()
    assert len(asked.raw) <= len(body) + OURS_BYTES
    assert not any(name == "authorization" for name, _ in call.fields.headers)


def _read(way: Way, headers: Headers, body: bytes) -> tuple[Asked, Call] | Refused:
    try:
        asked = way.read(headers, body)
        assert way.kind is not None
        return asked, made_call(
            way.kind, asked.headers, asked.raw, asked.fields, within=asked.within
        )
    except Refused as error:
        return error


def frames(rng: random.Random) -> None:
    """Events: whole frames, none after the last event or an exception, and always an end."""
    blocks = [b"".join(each.response.frames) for each in samples.streams("anthropic")]
    data = mutated(rng, rng.choice(blocks), blocks)
    stream, reader = Frames(), FrameReader()
    reader.add(stream.feed(data) + stream.end())
    kinds = []
    while (frame := reader.next()) is not None:
        kinds.append(frame.headers[":message-type"])
    assert reader.unfinished_bytes == 0
    assert "exception" not in kinds[:-1]
    assert kinds
    assert stream.feed(data) == b""


def _headers(rng: random.Random) -> Headers:
    names = [rng.choice(HEADERS) for _ in range(rng.randrange(4))]
    return tuple(
        (name, mutated(rng, value.encode()).decode("latin-1")[:5000])
        if rng.random() < 0.3
        else (name, value)
        for name, value in names
    )
