"""What type checkers see of the public names; checked by mypy and pyright, never run."""

from __future__ import annotations

from pathlib import Path
from typing import assert_type

import anthropic
from anthropic.types import Message, MessageTokensCount

import gateway
from gateway import (
    Anthropic,
    AsyncAnthropic,
    BillingAggregator,
    Config,
    CostTracker,
    Engine,
    NoUpstreamAvailable,
    PolicyDenied,
)
from gateway.billing import Place
from gateway.telemetry import CallReport, Observer, Silent


def clients(config: Config, engine: Engine) -> list[anthropic.Anthropic]:
    made = [
        Anthropic(gateway="config"),
        Anthropic(gateway=Path("config")),
        Anthropic(gateway=config),
        Anthropic(gateway=engine, timeout=3.0, max_retries=1),
        Anthropic(api_key="key", base_url="https://api.anthropic.com"),
    ]
    return [*made]


def blocking(client: Anthropic) -> None:
    ask = client.messages.create
    message = ask(model="m", max_tokens=1, messages=[{"role": "user", "content": "a"}])
    assert_type(message, Message)
    assert_type(client.with_options(timeout=1.0), Anthropic)
    assert_type(client.copy(max_retries=0), Anthropic)
    count = client.messages.count_tokens(model="m", messages=[{"role": "user", "content": "a"}])
    assert_type(count, MessageTokensCount)


async def with_asyncio(client: AsyncAnthropic) -> None:
    message = await client.messages.create(
        model="m", max_tokens=1, messages=[{"role": "user", "content": "a"}]
    )
    assert_type(message, Message)
    assert_type(client.with_options(timeout=1.0), AsyncAnthropic)
    assert_type(gateway.Usage.of(message), gateway.Usage)


def bills(message: Message) -> None:
    billing = BillingAggregator(place=Place(platform="bedrock", scope="geo"))
    billing.add(message, user="A", stream=("any", "key"))
    assert_type(billing.by("user")["A"].cost_usd, str | None)
    assert_type(CostTracker().charges[0].net_pico, int | None)


def errors(error: Exception) -> str | None:
    if isinstance(error, NoUpstreamAvailable):
        assert_type(error.attempts[0].upstream, str)
        assert_type(error.attempts[0].status, int | None)
        return error.request_id
    if isinstance(error, PolicyDenied):
        as_sdks: anthropic.PermissionDeniedError = error
        return as_sdks.request_id
    with gateway.labels(data_class="phi", team="x"):
        return gateway.__version__


class Watching(Silent):
    def ended(self, report: CallReport) -> None:
        assert_type(report.attempts[0].took_s, float)


def engines() -> Engine:
    watching: Observer = Watching()
    engine = Engine.from_config("config", observer=watching)
    engine.observe(Watching())
    return engine
