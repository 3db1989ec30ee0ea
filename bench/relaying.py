"""Print CPU microseconds of chat completions: a request put into them, an event made of a chunk.

`python -m bench.relaying [--json]`. It stops with an error where one costs more than its bound
over what the Messages API costs, whose bytes are only carried.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable

import msgspec
from msgspec import Raw

from bench.deciding import cpu_us
from providers.contract import Endpoint, Fields, Kind, Operation, Place, Provider
from providers.registry import PROVIDERS

BOUNDS_US = {"a 1 KB request": 150.0, "an event": 6.0, "an event of a call": 6.0}
ROUNDS = 3000
MODEL = "claude-opus-5-5"
ASK = Operation(Kind.MESSAGES, MODEL, stream=True)
BODY = {
    "model": MODEL,
    "max_tokens": 1024,
    "stream": True,
    "system": [{"type": "text", "text": "Answer in one sentence. " * 8}],
    "messages": [
        {"role": "user", "content": "What is the tide at the harbour? " * 4},
        {
            "role": "assistant",
            "content": [
                {"type": "text", "text": "I look it up."},
                {"type": "tool_use", "id": "toolu_1", "name": "tide", "input": {"harbour": "Kiel"}},
            ],
        },
        {
            "role": "user",
            "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "high " * 20}],
        },
    ],
    "tools": [
        {
            "name": "tide",
            "description": "Tells the tide.",
            "input_schema": {"type": "object", "properties": {"harbour": {"type": "string"}}},
        }
    ],
}
START = b'data: {"id":"c","model":"m","choices":[{"index":0,"delta":{"role":"assistant"}}]}\n\n'
TEXT = (
    b'data: {"id":"c","object":"chat.completion.chunk","created":1764547200,"model":"m",'
    b'"choices":[{"index":0,"delta":{"content":"and the tide "},"logprobs":null,'
    b'"finish_reason":null}],"usage":null}\n\n'
)
CALL = TEXT.replace(
    b'"content":"and the tide "',
    b'"tool_calls":[{"index":0,"function":{"arguments":"\\"harbour\\""}}]',
)
BEGUN = CALL.replace(b'"index":0,"function":{', b'"index":0,"id":"t","function":{"name":"f",')
NATIVE_START = (
    b'event: message_start\ndata: {"type":"message_start","message":{"id":"m","content":[]}}\n\n'
)
NATIVE_TEXT = (
    b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,'
    b'"delta":{"type":"text_delta","text":"and the tide "}}\n\n'
)


def _request(provider: Provider, endpoint: Endpoint) -> Callable[[int], object]:
    raw = json.dumps(BODY, separators=(",", ":")).encode()
    fields = Fields(raw, msgspec.json.decode(raw, type=dict[str, Raw]), "2026-10-21")
    assert 900 < len(raw) < 1150, len(raw)

    def put(_: int) -> None:
        losses = provider.losses(ASK, fields, endpoint)
        provider.encode(ASK, fields, endpoint, losses)

    return put


def _events(provider: Provider, first: bytes, event: bytes, rounds: int) -> float:
    """Return what one event costs; calls have a bound, so each run has a stream of its own."""
    best = float("inf")
    for _ in range(5):
        decoder = provider.decoder(ASK, ())
        decoder.feed(first)
        assert decoder.feed(event).count(b"\n\n") >= 1
        best = min(best, cpu_us(lambda _: decoder.feed(event), rounds // 5))  # noqa: B023 - called here
        assert decoder.failure is None
    return best


def figures(rounds: int = ROUNDS) -> dict[str, dict[str, float]]:
    """Return CPU microseconds by what is done, through the relay and natively."""
    relay, native = PROVIDERS["openai_relay"], PROVIDERS["anthropic"]
    place = Place(base_url="https://relay.example/v1", models={MODEL: "anthropic/claude"})
    return {
        "a 1 KB request": {
            "relay": cpu_us(_request(relay, relay.endpoint(place)), rounds),
            "native": cpu_us(_request(native, native.endpoint(Place())), rounds),
        },
        "an event": {
            "relay": _events(relay, START, TEXT, rounds),
            "native": _events(native, NATIVE_START, NATIVE_TEXT, rounds),
        },
        "an event of a call": {
            "relay": _events(relay, START + BEGUN, CALL, rounds),
            "native": _events(native, NATIVE_START, NATIVE_TEXT, rounds),
        },
    }


def report(found: dict[str, dict[str, float]]) -> None:
    for name, spent in found.items():
        print(f"chat completions: {name:24}{spent['relay']:10.1f}{spent['native']:10.1f} native")


def check(found: dict[str, dict[str, float]]) -> None:
    """Stop where translating costs too much over carrying."""
    for name, spent in found.items():
        over = spent["relay"] - spent["native"]
        if over > BOUNDS_US[name]:
            raise SystemExit(f"{name}: {over:.1f} us more, over {BOUNDS_US[name]:.0f}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.relaying", description=__doc__)
    parser.add_argument("--json", action="store_true")
    found = figures()
    if parser.parse_args().json:
        print(json.dumps({"relaying_cpu_us": found}))
    else:
        report(found)
    check(found)


if __name__ == "__main__":
    main()
