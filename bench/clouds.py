"""Print CPU microseconds of what the clouds' formats add: to an event of a stream, to a request.

`python -m bench.clouds [--json]`. It stops with an error where an event costs more than
its bound. From Bedrock to Bedrock a frame is opened and made again: base64 and CRC, no JSON.
"""

from __future__ import annotations

import argparse
import json

from bench.deciding import claude_code, cpu_us
from bench.recording import events
from gateway.call import Call, made_call, read_call
from gateway.formats import ways
from gateway.formats.bedrock import frames
from gateway.formats.bedrock.answering import Frames
from providers.codecs.eventstream import EventStreamDecoder
from providers.codecs.sse import iter_events
from providers.contract import Kind

OUT = "Bedrock's frame, an event of a stream"
IN_AND_OUT = "Bedrock to Bedrock, an event of a stream"
BOUNDS_US = {OUT: 6.0, IN_AND_OUT: 12.0}
"""The second has the opening in it, which every caller of a Bedrock upstream pays."""
ROUNDS = 1000
INVOKE = "/model/global.anthropic.claude-opus-5-5/invoke-with-response-stream"
HEADERS = (("authorization", "Bearer key"), ("content-type", "application/json"))
VERSION = ("anthropic-version", "2023-06-01")


def framed(stream: list[bytes]) -> None:
    """Make a frame of each event, as it comes."""
    told = Frames()
    for each in stream:
        told.feed(each)


def through(chunks: list[bytes]) -> None:
    """Take each frame of one Bedrock, and make the one for the caller of another."""
    decoder, told = EventStreamDecoder(), Frames()
    for each in chunks:
        told.feed(decoder.feed(each))


def invoked(body: bytes) -> Call:
    """Read a request to Bedrock's runtime."""
    way = ways.find(INVOKE, (), 0.0)
    if way is None or way.kind is None:
        raise LookupError(INVOKE)
    asked = way.read(HEADERS, body)
    return made_call(way.kind, asked.headers, asked.raw, asked.fields, within=asked.within)


def over_native_us(body: dict[str, object]) -> float:
    """Return what reading a request costs more in Bedrock's format than in the Messages API's."""
    rest = {key: value for key, value in body.items() if key not in {"model", "stream"}}
    carried = json.dumps({"anthropic_version": "bedrock-2023-05-31", **rest}).encode()
    native = json.dumps({"model": "claude-opus-5-5", "stream": True, **rest}).encode()
    kind = Kind(invoked(carried).kind)
    theirs = cpu_us(lambda _: read_call(kind, (*HEADERS, VERSION), native), ROUNDS)
    return cpu_us(lambda _: invoked(carried), ROUNDS) - theirs


def figures() -> dict[str, float]:
    """Return CPU microseconds by what is done."""
    stream = events()
    chunks = [frames.chunk(data) for each in stream for _, data in iter_events(each)]
    small: dict[str, object] = {
        "max_tokens": 1024,
        "messages": [{"role": "user", "content": "hello " * 150}],
    }
    return {
        OUT: cpu_us(lambda _: framed(stream), ROUNDS) / len(stream),
        IN_AND_OUT: cpu_us(lambda _: through(chunks), ROUNDS) / len(chunks),
        "Bedrock's 1 KB request, over native": over_native_us(small),
        "Bedrock's 48 KB request, over native": over_native_us(
            json.loads(bytes(claude_code().fields.raw))
        ),
    }


def report(found: dict[str, float]) -> None:
    for name, spent_us in found.items():
        print(f"{name:44}{spent_us:10.1f}")


def check(found: dict[str, float]) -> None:
    """Stop where an event costs too much."""
    for name, bound_us in BOUNDS_US.items():
        if found.get(name, 0.0) > bound_us:
            raise SystemExit(f"{name}: {found[name]:.1f} us, over {bound_us:.0f}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.clouds", description=__doc__)
    parser.add_argument("--json", action="store_true")
    found = figures()
    if parser.parse_args().json:
        print(json.dumps({"clouds_cpu_us": found}))
    else:
        report(found)
    check(found)


if __name__ == "__main__":
    main()
