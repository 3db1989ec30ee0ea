"""The SDK's clients for the clouds with another address: through the gateway as on the cloud."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import anthropic
import pytest
from anthropic.types import Message

from gateway.emulator import Emulator
from tests.formats.conftest import KEY
from tests.server.serving import Running

ASK: dict[str, Any] = {"max_tokens": 256, "messages": [{"role": "user", "content": "hello"}]}
MODEL = "claude-opus-5-5"
TOOLS = [{"name": "tide", "input_schema": {"type": "object", "properties": {}}}]
SCENES: dict[str, dict[str, Any]] = {
    "text": {},
    "tools": {"tools": TOOLS, "messages": [{"role": "user", "content": "[[tool]]"}]},
    "thinking": {"thinking": {"type": "adaptive"}, "max_tokens": 2048},
    "refusal": {"messages": [{"role": "user", "content": "[[refusal:mid]]"}]},
}


def bedrock(cls: type[Any], url: str, key: str) -> Any:
    return cls(base_url=url, api_key=key, aws_region="eu-central-1", max_retries=0)


def vertex(cls: type[Any], url: str, key: str) -> Any:
    return cls(
        base_url=f"{url}/v1", access_token=key, region="eu", project_id="mine", max_retries=0
    )


class Cloud:
    """One cloud: its two clients, the id of the model there, and the platform itself."""

    def __init__(
        self, name: str, model: str, make: Callable[..., Any], *classes: type[Any]
    ) -> None:
        self.name = name
        self.model = model
        self._make = make
        self._blocking, self._asyncio = classes

    def here(self, gateway: Running, *, blocking: bool = True, key: str = KEY) -> Any:
        return self._make(self._blocking if blocking else self._asyncio, gateway.url, key)

    def there(self, emulator: Emulator) -> Any:
        return self._make(self._blocking, getattr(emulator, self.name).base_url, emulator.api_key)


CLOUDS = [
    Cloud(
        "bedrock",
        f"eu.anthropic.{MODEL}",
        bedrock,
        anthropic.AnthropicBedrock,
        anthropic.AsyncAnthropicBedrock,
    ),
    Cloud("vertex", MODEL, vertex, anthropic.AnthropicVertex, anthropic.AsyncAnthropicVertex),
]
EACH = pytest.mark.parametrize("cloud", CLOUDS, ids=lambda cloud: cloud.name)


def told(message: Message) -> dict[str, Any]:
    """Return what differs from one platform to the next in nothing."""
    return message.to_dict() | {"id": "", "usage": {}, "model": ""}


def asked(client: Any, **ask: Any) -> list[dict[str, Any]]:
    """Return what a client gets: whole, streamed, and of the beta API."""
    with client:
        with client.messages.stream(**ask) as stream:
            gathered = stream.get_final_message()
        return [
            told(client.messages.create(**ask)),
            told(gathered),
            told(client.beta.messages.create(**ask)),
        ]


async def asked_async(client: Any, **ask: Any) -> list[dict[str, Any]]:
    async with client:
        async with client.messages.stream(**ask) as stream:
            gathered = await stream.get_final_message()
        return [
            told(await client.messages.create(**ask)),
            told(gathered),
            told(await client.beta.messages.create(**ask)),
        ]


@EACH
@pytest.mark.parametrize("scene", SCENES)
def test_a_client_gets_what_the_cloud_gives(
    cloud: Cloud, scene: str, clouds: Running, emulator: Emulator
) -> None:
    ask = {"model": cloud.model, **ASK, **SCENES[scene]}
    expected = asked(cloud.there(emulator), **ask)
    assert asked(cloud.here(clouds), **ask) == expected
    assert asyncio.run(asked_async(cloud.here(clouds, blocking=False), **ask)) == expected


CLASSES = {
    "bedrock": {
        400: anthropic.BadRequestError,
        404: anthropic.NotFoundError,
        413: anthropic.BadRequestError,
        429: anthropic.RateLimitError,
        500: anthropic.InternalServerError,
        503: anthropic.ServiceUnavailableError,
        504: anthropic.RequestTimeoutError,
        529: anthropic.ServiceUnavailableError,
    },
    "vertex": {
        400: anthropic.BadRequestError,
        404: anthropic.NotFoundError,
        413: anthropic.ContentTooLargeError,
        429: anthropic.RateLimitError,
        500: anthropic.InternalServerError,
        504: anthropic.GatewayTimeoutError,
        529: anthropic.OverloadedError,
    },
}
"""What the SDK raises for a status of the Claude API, by the cloud that a caller thinks it asks."""


def raised(client: Any, **ask: Any) -> anthropic.APIStatusError:
    with client, pytest.raises(anthropic.APIStatusError) as caught:
        client.messages.create(**ask)
    return caught.value


@EACH
@pytest.mark.parametrize("stream", [False, True])
def test_an_error_is_of_the_clouds_class(
    cloud: Cloud, stream: bool, clouds: Running, emulator: Emulator
) -> None:
    for status, expected in CLASSES[cloud.name].items():
        emulator.reset()
        emulator.faults.add("status", status=status, message="some words", times=-1)
        error = raised(cloud.here(clouds), model=cloud.model, **ASK, stream=stream)
        assert type(error) is expected
        assert error.request_id


@EACH
def test_a_stream_that_is_cut_raises(cloud: Cloud, clouds: Running, emulator: Emulator) -> None:
    emulator.faults.add("cut", at=4, times=-1)
    with cloud.here(clouds) as client, pytest.raises(anthropic.APIStatusError) as caught:
        list(client.messages.create(model=cloud.model, **ASK, stream=True))
    assert "answer broke off" in str(caught.value)


@EACH
def test_each_upstream_is_asked_and_answers(
    cloud: Cloud, clouds: Running, emulator: Emulator
) -> None:
    anywhere = MODEL if cloud.name == "vertex" else f"global.anthropic.{MODEL}"
    with cloud.here(clouds) as client:
        asks = client.with_options(region="global") if cloud.name == "vertex" else client
        for name in ("anthropic", "bedrock", "vertex"):
            only = {"x-gateway-only": name}
            answer = asks.messages.with_raw_response.create(
                model=anywhere, **ASK, extra_headers=only
            )
            assert answer.headers["x-gateway-upstream"] == name
    assert [record.platform for record in emulator.records] == ["anthropic", "bedrock", "vertex"]


def test_vertexs_counts(clouds: Running, emulator: Emulator) -> None:
    ask = {"model": "claude-sonnet-4-6", "messages": ASK["messages"]}
    with CLOUDS[1].here(clouds) as client:
        ours = client.messages.count_tokens(**ask).input_tokens
    with CLOUDS[1].there(emulator) as client:
        assert ours == client.messages.count_tokens(**ask).input_tokens


@EACH
def test_a_key_is_asked_for(cloud: Cloud, clouds: Running, emulator: Emulator) -> None:
    error = raised(cloud.here(clouds, key="no"), model=cloud.model, **ASK)
    assert isinstance(error, anthropic.PermissionDeniedError | anthropic.AuthenticationError)
    assert error.response.headers["x-should-retry"] == "false"
    assert len(emulator.records) == 0
