"""A request that goes on to a relay in the same format says there what it said here."""

from __future__ import annotations

import json
import random
from typing import Any

from gateway.call import read_body
from gateway.formats import Asked
from providers.contract import Fields, Kind, Operation
from providers.registry import PROVIDERS
from tests.contract.chat import place
from tests.laws import law
from tests.openai_format.oracle.differing import plain
from tests.openai_format.telling import MARK, MODEL, TOOL, way

RELAY = PROVIDERS["openai_relay"]
WORDS = ("a", "the tide", 'quote " and \\', "é\u2028😀", "line\nbreak")
PNG = "data:image/png;base64,iVBORw0KGgo="


def read(body: dict[str, Any]) -> Asked:
    return way().read((), json.dumps(body).encode())


def relayed(asked: Asked) -> dict[str, Any]:
    """Return what an OpenAI-compatible relay with cache marks is sent."""
    ask = Operation(Kind.MESSAGES, MODEL)
    version = dict(asked.headers)["anthropic-version"]
    given = Fields(asked.raw, read_body(asked.raw), version)
    endpoint = RELAY.endpoint(place(cache_markers=True))
    losses = RELAY.losses(ask, given, endpoint)
    assert losses == ()
    body: dict[str, Any] = json.loads(RELAY.encode(ask, given, endpoint, losses).body)
    return {**body, "model": MODEL}


def a_request(rng: random.Random) -> dict[str, Any]:
    """Return some request whose every part has a place on both ways."""
    messages: list[Any] = []
    if rng.random() < 0.5:
        messages.append({"role": "system", "content": _text(rng)})
    calls = 0
    for _ in range(rng.randint(1, 3)):
        messages.append({"role": "user", "content": _text(rng, images=True)})
        kind = rng.choice(("text", "calls", "nothing"))
        if kind == "text":
            messages.append({"role": "assistant", "content": rng.choice(WORDS)})
        elif kind == "calls":
            names = [f"c{calls + number}" for number in range(rng.randint(1, 3))]
            calls += len(names)
            said = rng.choice((None, "I look."))
            made = [_call(name, rng) for name in names]
            messages.append({"role": "assistant", "content": said, "tool_calls": made})
            rng.shuffle(names)
            messages += [_answer(name, rng) for name in names]
    more = {
        "stop": ["END", "STOP"],
        "reasoning_effort": "low",
        "parallel_tool_calls": False,
        "user": "u-1",
        "tool_choice": rng.choice(("auto", "required", "none")),
        "max_completion_tokens": rng.randint(1, 99),
    }
    chosen = {name: value for name, value in more.items() if rng.random() < 0.5}
    return {"model": MODEL, "messages": messages, "tools": [TOOL], **chosen}


def _text(rng: random.Random, *, images: bool = False) -> Any:
    if rng.random() < 0.5:
        return rng.choice(WORDS)
    parts: list[Any] = [{"type": "text", "text": rng.choice(WORDS)} for _ in range(2)]
    if rng.random() < 0.3:
        parts[-1]["cache_control"] = MARK
    if images and rng.random() < 0.3:
        url = rng.choice((PNG, "https://x.example/a.png"))
        parts.append({"type": "image_url", "image_url": {"url": url}})
    return parts


def _call(name: str, rng: random.Random) -> dict[str, Any]:
    arguments = rng.choice(("{}", '{"a": 1.50}', '{"a": {"b": ["\\u00e9", null]}}'))
    function = {"name": "look_up", "arguments": arguments}
    return {"id": name, "type": "function", "function": function}


def _answer(name: str, rng: random.Random) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": name, "content": _answered(rng)}


def _answered(rng: random.Random) -> Any:
    if rng.random() < 0.5:
        return rng.choice(WORDS)
    return [{"type": "text", "text": rng.choice(WORDS)}]


@law
def test_what_comes_back_from_a_relays_format_is_what_went_in(rng: random.Random) -> None:
    request = a_request(rng)
    once = read(request)
    twice = read(relayed(once))
    assert plain(json.loads(twice.raw)) == plain(json.loads(once.raw))
