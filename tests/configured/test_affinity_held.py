"""Conversations through both doors over emulated platforms, each with a prompt cache of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import anthropic
import pytest

import gateway
from gateway.emulator import Emulator
from gateway.engine import Engine
from tests.configured.conftest import Configured
from tests.server.serving import serving

RULES = "The rule book, page one. " * 150
SAID = "A long story about the tide. " * 60
MARK = {"cache_control": {"type": "ephemeral"}}
BOTH = ("direct", "cloud")
TRIES: dict[str, Any] = {"base_s": 0.001, "max_s": 0.002}


@contextmanager
def sdk(door: str, engine: Engine) -> Iterator[anthropic.Anthropic]:
    """Return an SDK client whose calls come in by a door."""
    if door == "client":
        with gateway.Anthropic(gateway=engine) as client:
            yield client
        return
    with (
        serving(engine) as running,
        anthropic.Anthropic(base_url=running.url, api_key="k", max_retries=0) as client,
    ):
        yield client


@pytest.fixture(params=["client", "server"])
def door(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


@dataclass
class Turn:
    """What a caller saw of one turn."""

    upstream: str
    read: int
    written: int
    plain: int


@dataclass
class Conversation:
    """A conversation as agents have it: all of it is sent each time, the newest is marked."""

    client: anthropic.Anthropic
    stream: bool
    marked: bool = True
    system: Any = ()
    more: dict[str, Any] = field(default_factory=dict)
    said: list[dict[str, Any]] = field(default_factory=list)

    def turn(self) -> Turn:
        text = f"turn {len(self.said)}: {SAID}"
        self.said.append({"role": "user", "content": [{"type": "text", "text": text}]})
        messages: list[Any] = [*self.said]
        if self.marked:
            messages[-1] = {"role": "user", "content": [{"type": "text", "text": text, **MARK}]}
        response = self.client.messages.with_raw_response.create(
            model="claude-opus-5-5",
            max_tokens=200,
            messages=messages,
            stream=self.stream,
            **({"system": self.system} if self.system else {}),
            **self.more,
        )
        answer: Any = response.parse()
        message = whole(answer) if self.stream else answer.model_dump()
        self.said.append({"role": "assistant", "content": message["content"]})
        used = message["usage"]
        return Turn(
            response.headers["x-gateway-upstream"],
            used["cache_read_input_tokens"],
            used["cache_creation_input_tokens"],
            used["input_tokens"],
        )


def whole(events: Any) -> dict[str, Any]:
    """Put a message together from its events, as far as these tests need it."""
    message: dict[str, Any] = {}
    for event in events:
        match event.type:
            case "message_start":
                message = event.message.model_dump()
            case "content_block_start":
                message["content"].append(event.content_block.model_dump(exclude_none=True))
            case "content_block_delta":
                block = message["content"][event.index]
                for name in ("text", "thinking", "signature"):
                    if (said := getattr(event.delta, name, None)) is not None:
                        block[name] += said
    return message


def system(*, marked: bool) -> list[dict[str, Any]]:
    return [{"type": "text", "text": RULES, **(MARK if marked else {})}]


def ill(emulator: Emulator, platform: str) -> None:
    """Let a platform refuse one call, its second attempt too."""
    emulator.faults.add("status", platform=platform, status=529, times=2)


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("shared", [True, False])
def test_a_conversation_stays_put_and_survives_a_failover_without_snapping_back(
    configured: Configured, emulator: Emulator, door: str, stream: bool, shared: bool
) -> None:
    with sdk(door, configured(BOTH, retries=TRIES)) as client:
        talk = Conversation(client, stream, system=system(marked=shared))
        turns = [talk.turn(), talk.turn()]
        ill(emulator, "anthropic")
        turns += [talk.turn() for _ in range(4)]
    assert [each.upstream for each in turns] == ["direct"] * 2 + ["cloud"] * 4
    for before, after in pairwise(turns):
        held = after.upstream == before.upstream
        assert after.read == (before.read + before.written if held else 0)
    late = turns[3:]
    hits = sum(each.read for each in late) / sum(each.read + each.written for each in late)
    assert hits > 0.8


def test_without_it_the_conversation_snaps_back_and_reads_less(
    configured: Configured, emulator: Emulator, door: str
) -> None:
    with sdk(door, configured(BOTH, retries=TRIES, affinity={"enabled": False})) as client:
        talk = Conversation(client, stream=False, system=system(marked=True))
        ill(emulator, "anthropic")
        turns = [talk.turn() for _ in range(3)]
    assert [each.upstream for each in turns] == ["cloud", "direct", "direct"]
    assert turns[1].read == 0


@pytest.mark.parametrize("stream", [True, False])
def test_signed_thinking_goes_back_to_the_platform_that_signed_it(
    configured: Configured, emulator: Emulator, door: str, stream: bool
) -> None:
    thinking = {"thinking": {"type": "adaptive"}}
    with sdk(door, configured(BOTH, retries=TRIES)) as client:
        talk = Conversation(client, stream, marked=False, more=thinking)
        ill(emulator, "anthropic")
        turns = [talk.turn() for _ in range(3)]
        assert talk.said[1]["content"][0]["signature"]
        unsigned = Conversation(client, stream, marked=False)
        unsigned.said = [
            {**each, "content": [b for b in each["content"] if b["type"] != "thinking"]}
            for each in talk.said
        ]
        turns.append(unsigned.turn())
    assert [each.upstream for each in turns] == ["cloud", "cloud", "cloud", "direct"]


def test_one_upstream_has_nothing_to_choose(configured: Configured) -> None:
    assert configured(("direct",))._affinity is None
    assert configured(BOTH, affinity={"enabled": False})._affinity is None
    held = configured(BOTH)._affinity
    assert held is not None
    assert held.watches
