"""The ways in: the server by bytes and by the SDK, and the gateway's own clients."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import Executor
from typing import Any, Protocol

import anthropic

from tests.faults.asking import Ask, Seen
from tests.faults.bytewise import Bytewise

EVENTS = frozenset(
    {
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    }
)
"""What is on the wire; the SDK's stream helper yields more."""


class Door(Protocol):
    """A way in. What `client` returns is kept for one case, and asked again after it."""

    def client(self) -> Client:
        """Return who asks."""
        ...

    async def aclose(self) -> None:
        """Close what belongs to the running loop."""
        ...


class Client(Protocol):
    """Who asks."""

    async def ask(self, ask: Ask) -> Seen:
        """Make a call, and return what is seen of it."""
        ...

    def close(self) -> None:
        """Let go what only this client has."""
        ...


class Bytes:
    """The server, by bytes: a connection for each case."""

    def __init__(self, port: int, key: str) -> None:
        self._port = port
        self._key = key

    def client(self) -> Client:
        return Bytewise(self._port, self._key)

    async def aclose(self) -> None:
        """Nothing is left open."""


class Asynchronous:
    """An asyncio client of the SDK's kind, shared by all cases with all its connections."""

    def __init__(self, client: anthropic.AsyncAnthropic) -> None:
        self._client = client

    def client(self) -> Client:
        return self

    async def ask(self, ask: Ask) -> Seen:
        seen = Seen()
        try:
            await (self._streamed if ask.stream else self._whole)(ask, seen)
        except Exception as error:  # noqa: BLE001 - what it is, is judged
            _raised(seen, error)
        return seen

    def close(self) -> None:
        """Nothing is this case's own."""

    async def aclose(self) -> None:
        await self._client.close()

    async def _whole(self, ask: Ask, seen: Seen) -> None:
        asked = self._client.messages.with_raw_response
        raw = await asked.create(**ask.body, extra_headers=ask.headers)
        _began(seen, raw.status_code, raw.headers)
        seen.message = (await raw.parse()).model_dump(mode="json")

    async def _streamed(self, ask: Ask, seen: Seen) -> None:
        asked = self._client.messages.stream(**ask.body, extra_headers=ask.headers)
        async with asked as stream:
            _began(seen, stream.response.status_code, stream.response.headers)
            async for event in stream:
                _event(seen, event)
            seen.message = (await stream.get_final_message()).model_dump(mode="json")


class Blocking:
    """A blocking client of the SDK's kind, shared by all cases, asked from many threads."""

    def __init__(self, client: anthropic.Anthropic, threads: Executor) -> None:
        self._client = client
        self._threads = threads

    def client(self) -> Client:
        return self

    async def ask(self, ask: Ask) -> Seen:
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._ask, ask)

    def close(self) -> None:
        """Nothing is this case's own."""

    async def aclose(self) -> None:
        """It is of no loop."""

    def _ask(self, ask: Ask) -> Seen:
        seen = Seen()
        try:
            (self._streamed if ask.stream else self._whole)(ask, seen)
        except Exception as error:  # noqa: BLE001 - what it is, is judged
            _raised(seen, error)
        return seen

    def _whole(self, ask: Ask, seen: Seen) -> None:
        asked = self._client.messages.with_raw_response
        raw = asked.create(**ask.body, extra_headers=ask.headers)
        _began(seen, raw.status_code, raw.headers)
        seen.message = raw.parse().model_dump(mode="json")

    def _streamed(self, ask: Ask, seen: Seen) -> None:
        asked = self._client.messages.stream(**ask.body, extra_headers=ask.headers)
        with asked as stream:
            _began(seen, stream.response.status_code, stream.response.headers)
            for event in stream:
                _event(seen, event)
            seen.message = stream.get_final_message().model_dump(mode="json")


def _began(seen: Seen, status: int, headers: Mapping[str, str]) -> None:
    seen.status = status
    seen.headers = {name.lower(): value for name, value in headers.items()}


def _event(seen: Seen, event: Any) -> None:
    if event.type in EVENTS:
        seen.events.append(event.model_dump(mode="json"))


def _raised(seen: Seen, error: Exception) -> None:
    """Take down an exception; one of the SDK's brings an answer's status, headers and body."""
    seen.raised = error
    if isinstance(error, anthropic.APIStatusError):
        before = seen.headers
        _began(seen, error.response.status_code, error.response.headers)
        seen.headers = before | seen.headers
        seen.error = error.body if isinstance(error.body, dict) else None
