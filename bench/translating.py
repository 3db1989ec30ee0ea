"""Print CPU microseconds of what speaking the OpenAI format adds to a call.

`python -m bench.translating [--json]`. It stops with an error where a request of 1 KB costs more
than REQUEST_BOUND_US over the Messages API's own, or an event of a stream more than EVENT_BOUND_US.
"""

from __future__ import annotations

import argparse
import json

from bench.deciding import cpu_us
from bench.recording import MODEL, USAGE, event, events
from gateway.call import read_body
from gateway.formats import ways
from gateway.formats.contract import Asked, Reply

REQUEST_BOUND_US = 150.0
EVENT_BOUND_US = 6.0
REQUEST = "read a request of 1 KB"
EVENT = "tell an event of a stream"
ROUNDS = 2000
SIZE_BYTES = 1000
PATH = "/v1/chat/completions"
HEADERS = tuple((f"x-stainless-{number}", "some value") for number in range(15))
MARK = {"type": "ephemeral"}
TOOL = {
    "type": "function",
    "function": {
        "name": "look_up",
        "parameters": {"type": "object", "properties": {"word": {"type": "string"}}},
    },
}


def body() -> bytes:
    """Return a request of about 1 KB."""
    call = {"id": "c1", "type": "function", "function": {"name": "look_up", "arguments": "{}"}}
    asked = {
        "model": MODEL,
        "max_completion_tokens": 512,
        "stream": True,
        "stream_options": {"include_usage": True},
        "tools": [TOOL],
        "messages": [
            {"role": "system", "content": "You answer briefly. " * 10, "cache_control": MARK},
            {"role": "user", "content": "What is the tide? " * 4},
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c1", "content": "It turns at six."},
            {"role": "user", "content": [{"type": "text", "text": "And then? " * 8}]},
        ],
    }
    raw = json.dumps(asked, separators=(",", ":")).encode()
    assert SIZE_BYTES * 0.8 < len(raw) < SIZE_BYTES * 1.2, len(raw)
    return raw


def read(raw: bytes) -> Asked:
    """Find the way in of a request, and read it."""
    way = ways.find(PATH, HEADERS, 1.0)
    assert way is not None
    return way.read(HEADERS, raw)


def told(asked: Asked, stream: list[bytes]) -> None:
    """Tell a stream whose events come one by one."""
    made = asked.replies.events()
    for each in stream:
        made.feed(each)
    made.end()


def figures(rounds: int = ROUNDS) -> dict[str, float]:
    """Return CPU microseconds by what is done."""
    raw = body()
    asked = read(raw)
    stream = events()
    start = event("message_start", message={"id": "msg_1", "model": MODEL, "usage": USAGE})
    stream[0] = start
    usage = {**USAGE, "output_tokens": 640}
    content = [{"type": "text", "text": "some words of an answer " * 40}]
    message = {"id": "msg_1", "model": MODEL, "content": content, "usage": usage}
    whole = Reply(200, (("request-id", "r"),), json.dumps(message).encode())
    native_us = cpu_us(lambda _: read_body(asked.raw), rounds)
    return {
        REQUEST: cpu_us(lambda _: read(raw), rounds) - native_us,
        EVENT: cpu_us(lambda _: told(asked, stream), rounds) / len(stream),
        "tell an answer of 1 KB": cpu_us(lambda _: asked.replies.whole(whole), rounds),
    }


def report(found: dict[str, float]) -> None:
    for name, spent_us in found.items():
        print(f"{name:36}{spent_us:10.2f}")


def check(found: dict[str, float]) -> None:
    """Stop where it adds too much."""
    for name, bound_us in ((REQUEST, REQUEST_BOUND_US), (EVENT, EVENT_BOUND_US)):
        if found.get(name, 0.0) > bound_us:
            raise SystemExit(f"{name}: {found[name]:.1f} us, over {bound_us:.0f}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.translating", description=__doc__)
    parser.add_argument("--json", action="store_true")
    found = figures()
    if parser.parse_args().json:
        print(json.dumps({"translating_cpu_us": found}))
    else:
        report(found)
    check(found)


if __name__ == "__main__":
    main()
