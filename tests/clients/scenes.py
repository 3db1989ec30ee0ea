"""Things a program does with the SDK, written once for each kind of client."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import anthropic
from anthropic import beta_async_tool, beta_tool
from anthropic.types.beta import BetaMessageParam

MODEL = "claude-opus-5-5"
ASK: dict[str, Any] = {
    "model": MODEL,
    "max_tokens": 64,
    "messages": [{"role": "user", "content": "hello [[words:12]]"}],
}
Sync = Callable[[anthropic.Anthropic], Any]
Async = Callable[[anthropic.AsyncAnthropic], Awaitable[Any]]
SYNC: dict[str, Sync] = {}
ASYNC: dict[str, Async] = {}


def scene(action: Sync) -> Sync:
    SYNC[action.__name__] = action
    return action


def async_scene(action: Async) -> Async:
    ASYNC[action.__name__.removeprefix("async_")] = action
    return action


def plain(value: Any) -> Any:
    """Return what stays the same when the same request is sent twice."""
    if hasattr(value, "model_dump"):
        value = value.model_dump()
    if isinstance(value, dict):
        fresh = {"id", "request_id", "created_at"}
        return {key: plain(item) for key, item in value.items() if key not in fresh}
    return [plain(item) for item in value] if isinstance(value, list) else value


@scene
def create(client: anthropic.Anthropic) -> Any:
    return plain(client.messages.create(**ASK))


@async_scene
async def async_create(client: anthropic.AsyncAnthropic) -> Any:
    return plain(await client.messages.create(**ASK))


@scene
def create_streamed(client: anthropic.Anthropic) -> Any:
    return [plain(event) for event in client.messages.create(**ASK, stream=True)]


@async_scene
async def async_create_streamed(client: anthropic.AsyncAnthropic) -> Any:
    return [plain(event) async for event in await client.messages.create(**ASK, stream=True)]


@scene
def stream_helper(client: anthropic.Anthropic) -> Any:
    with client.messages.stream(**ASK) as stream:
        text = "".join(stream.text_stream)
        return text, plain(stream.get_final_message())


@async_scene
async def async_stream_helper(client: anthropic.AsyncAnthropic) -> Any:
    async with client.messages.stream(**ASK) as stream:
        text = "".join([piece async for piece in stream.text_stream])
        return text, plain(await stream.get_final_message())


@scene
def beta(client: anthropic.Anthropic) -> Any:
    with client.beta.messages.stream(**ASK) as stream:
        final = plain(stream.get_final_message())
    return final, plain(client.beta.messages.create(**ASK))


@async_scene
async def async_beta(client: anthropic.AsyncAnthropic) -> Any:
    async with client.beta.messages.stream(**ASK) as stream:
        final = plain(await stream.get_final_message())
    return final, plain(await client.beta.messages.create(**ASK))


@scene
def tool_runner(client: anthropic.Anthropic) -> Any:
    called: list[str] = []

    @beta_tool
    def weather(city: str) -> str:
        """Tell the weather."""
        called.append(city)
        return "sunny"

    ask: list[BetaMessageParam] = [{"role": "user", "content": "[[tool:weather]]"}]
    runner = client.beta.messages.tool_runner(
        model=MODEL, max_tokens=64, tools=[weather], messages=ask, max_iterations=2
    )
    return [plain(message) for message in runner], called


@async_scene
async def async_tool_runner(client: anthropic.AsyncAnthropic) -> Any:
    called: list[str] = []

    @beta_async_tool
    async def weather(city: str) -> str:
        """Tell the weather."""
        called.append(city)
        return "sunny"

    ask: list[BetaMessageParam] = [{"role": "user", "content": "[[tool:weather]]"}]
    runner = client.beta.messages.tool_runner(
        model=MODEL, max_tokens=64, tools=[weather], messages=ask, max_iterations=2
    )
    return [plain(message) async for message in runner], called


@scene
def raw_response(client: anthropic.Anthropic) -> Any:
    raw = client.messages.with_raw_response.create(**ASK)
    assert raw.headers["request-id"].startswith("req_")
    return raw.http_response.status_code, raw.retries_taken, plain(raw.parse())


@async_scene
async def async_raw_response(client: anthropic.AsyncAnthropic) -> Any:
    raw = await client.messages.with_raw_response.create(**ASK)
    assert raw.headers["request-id"].startswith("req_")
    return raw.http_response.status_code, raw.retries_taken, plain(await raw.parse())


def _names(lines: list[str]) -> list[str]:
    return [line for line in lines if line.startswith("event:")]


@scene
def streaming_response(client: anthropic.Anthropic) -> Any:
    with client.messages.with_streaming_response.create(**ASK, stream=True) as response:
        return response.status_code, _names(list(response.iter_lines()))


@async_scene
async def async_streaming_response(client: anthropic.AsyncAnthropic) -> Any:
    async with client.messages.with_streaming_response.create(**ASK, stream=True) as response:
        return response.status_code, _names([line async for line in response.iter_lines()])


@scene
def count_tokens(client: anthropic.Anthropic) -> Any:
    return plain(client.messages.count_tokens(model=MODEL, messages=ASK["messages"]))


@async_scene
async def async_count_tokens(client: anthropic.AsyncAnthropic) -> Any:
    return plain(await client.messages.count_tokens(model=MODEL, messages=ASK["messages"]))


@scene
def middleware(client: anthropic.Anthropic) -> Any:
    seen: list[int] = []

    def note(request: Any, call_next: Any) -> Any:
        response = call_next(request)
        seen.append(response.status_code)
        return response

    return plain(client.with_middleware(note).messages.create(**ASK)), seen


@async_scene
async def async_middleware(client: anthropic.AsyncAnthropic) -> Any:
    seen: list[int] = []

    async def note(request: Any, call_next: Any) -> Any:
        response = await call_next(request)
        seen.append(response.status_code)
        return response

    return plain(await client.with_middleware(note).messages.create(**ASK)), seen


@scene
def with_options(client: anthropic.Anthropic) -> Any:
    other = client.with_options(timeout=30.0, max_retries=0).copy(default_headers={"x-app": "t"})
    return other.max_retries, other.timeout, plain(other.messages.create(**ASK))


@async_scene
async def async_with_options(client: anthropic.AsyncAnthropic) -> Any:
    other = client.with_options(timeout=30.0, max_retries=0).copy(default_headers={"x-app": "t"})
    return other.max_retries, other.timeout, plain(await other.messages.create(**ASK))


@scene
def extra_body(client: anthropic.Anthropic) -> Any:
    return plain(client.messages.create(**ASK, extra_body={"stop_sequences": ["never"]}))


@async_scene
async def async_extra_body(client: anthropic.AsyncAnthropic) -> Any:
    return plain(await client.messages.create(**ASK, extra_body={"stop_sequences": ["never"]}))
