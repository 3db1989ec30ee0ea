"""The ways in: one call through the client, blocking and not, and through the server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import anthropic
import httpx2

import gateway
from gateway.config import Config
from gateway.engine import Engine
from tests.server.serving import HEADERS, serving

RETRIES = 9
"""More than the configuration's, which then are the limit."""
BODY: dict[str, Any] = {
    "model": "claude-opus-5-5",
    "max_tokens": 64,
    "messages": [{"role": "user", "content": "hello"}],
}


@dataclass(frozen=True)
class Ask:
    """One call."""

    body: Mapping[str, Any]
    headers: Mapping[str, str]
    count: bool = False
    at: str | None = None
    """Another path than that of a message or a count."""

    @property
    def path(self) -> str:
        if self.at is not None:
            return self.at
        return "/v1/messages/count_tokens" if self.count else "/v1/messages"

    @property
    def sent(self) -> dict[str, Any]:
        """The body; a count takes no `max_tokens`."""
        return {k: v for k, v in self.body.items() if not (self.count and k == "max_tokens")}


@dataclass(frozen=True)
class Told:
    """What the caller saw."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def upstream(self) -> str | None:
        return self.headers.get("x-gateway-upstream")

    @property
    def message(self) -> str:
        """The words of an error."""
        return str(json.loads(self.body)["error"]["message"])


def asked(
    data_class: str | None = None,
    *,
    count: bool = False,
    headers: Mapping[str, str] | None = None,
    **body: Any,
) -> Ask:
    """Return a call of a class; `body` changes fields of the usual one."""
    label = {} if data_class is None else {"x-gateway-class": data_class}
    return Ask(BODY | body, label | dict(headers or {}), count)


def by_client(config: Config, ask: Ask) -> Told:
    client = gateway.Anthropic(gateway=config, max_retries=RETRIES)
    try:
        answer = client.post(
            ask.path, cast_to=httpx2.Response, body=ask.sent, options={"headers": dict(ask.headers)}
        )
    except anthropic.APIStatusError as error:
        return _told(error.response)
    finally:
        client.close()
    return _told(answer)


def by_async_client(config: Config, ask: Ask) -> Told:
    async def run() -> Told:
        async with gateway.AsyncAnthropic(gateway=config, max_retries=RETRIES) as client:
            try:
                answer = await client.post(
                    ask.path,
                    cast_to=httpx2.Response,
                    body=ask.sent,
                    options={"headers": dict(ask.headers)},
                )
            except anthropic.APIStatusError as error:
                return _told(error.response)
            return _told(answer)

    return asyncio.run(run())


def by_server(config: Config, ask: Ask) -> Told:
    with serving(Engine.from_config(config), drain_s=0.1) as running:
        body = json.dumps(ask.sent).encode()
        reply = running.ask("POST", ask.path, body, HEADERS | dict(ask.headers))
    return Told(reply.status, reply.headers, reply.body)


Door = Callable[[Config, Ask], Told]
DOORS: tuple[Door, ...] = (by_client, by_async_client, by_server)


def _told(response: Any) -> Told:
    return Told(response.status_code, dict(response.headers), response.content)
