"""What the SDK's own client sees of faults, through the server: answers, or its own errors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import anthropic
import pytest

from gateway.dispatch.limits import Limits
from gateway.emulator import Emulator
from tests.fidelity.gateways import PLATFORMS, engine_over
from tests.server.serving import Running, serving

LIMITS = Limits(
    first_content_s=0.3, idle_s=0.3, call_s=2.0, call_unstreamed_s=0.3, base_s=0.001, max_s=0.002
)
TOOL: dict[str, Any] = {
    "name": "write",
    "input_schema": {
        "type": "object",
        "properties": {"path": {"type": "string"}, "text": {"type": "string"}},
        "required": ["path", "text"],
    },
}
ASKED: dict[str, Any] = {
    "model": "claude-opus-5-5",
    "max_tokens": 512,
    "messages": [{"role": "user", "content": "write it [[tool]]"}],
    "tools": [TOOL],
}
FAULTS: list[tuple[str, dict[str, Any]]] = [
    ("status", {"status": 400}),
    ("status", {"status": 401}),
    ("status", {"status": 404}),
    ("status", {"status": 413}),
    ("status", {"status": 429, "headers": [["retry-after", "31536000"]]}),
    ("status", {"status": 503}),
    ("status", {"status": 529}),
    ("status", {"status": 200, "body": "<html>"}),
    ("error_event", {"at": 0}),
    ("error_event", {"at": 5, "status": 429}),
    *((action, {"at": at}) for action in ("cut", "reset", "end") for at in (0, 1, 5)),
    ("stall", {"at": 1}),
    ("stall", {"at": 5}),
    *((action, {"before_head": True}) for action in ("cut", "reset", "stall")),
    ("cut", {"at": 5, "extra_bytes": 11}),
    ("ping", {"at": 5}),
]


@pytest.fixture(scope="module", params=PLATFORMS)
def gateway(request: pytest.FixtureRequest, _emulator: Emulator) -> Iterator[Running]:
    with serving(engine_over(_emulator, request.param, limits=LIMITS)) as running:
        yield running


@pytest.fixture
def client(gateway: Running) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=gateway.url, api_key="any", max_retries=0) as found:
        yield found


def streamed(client: anthropic.Anthropic) -> anthropic.types.Message:
    with client.messages.stream(**ASKED) as stream:
        return stream.get_final_message()


def unstreamed(client: anthropic.Anthropic) -> anthropic.types.Message:
    message: anthropic.types.Message = client.messages.create(**ASKED)
    return message


def outcome(
    ask: Callable[[anthropic.Anthropic], anthropic.types.Message], client: anthropic.Anthropic
) -> anthropic.types.Message | anthropic.APIStatusError:
    """Return the message or the SDK's error; whatever else is raised fails the test."""
    try:
        return ask(client)
    except anthropic.APIStatusError as error:
        return error


def test_a_good_answer(client: anthropic.Anthropic, emulator: Emulator) -> None:
    expected = unstreamed(client).content
    assert streamed(client).content == expected
    assert expected[0].type == "tool_use"


@pytest.mark.parametrize(("action", "options"), FAULTS)
def test_a_fault_is_an_error_of_the_sdk_or_a_whole_answer(
    action: str, options: dict[str, Any], client: anthropic.Anthropic, emulator: Emulator
) -> None:
    expected = unstreamed(client).content
    # A stall behind a whole JSON answer would strike the next request on its connection.
    late = action == "stall" and options.get("at")
    for ask in (streamed,) if late else (streamed, unstreamed):
        emulator.reset()
        emulator.faults.add(action, times=-1, **options)
        got = outcome(ask, client)
        if isinstance(got, anthropic.APIStatusError):
            assert isinstance(got.body, dict)
            assert got.body["type"] == "error"
            assert got.response.headers["request-id"]
        else:
            # Only an answer that was whole before its fault struck is one.
            assert ask is unstreamed
            assert got.content == expected
            assert got.stop_reason == "tool_use"
