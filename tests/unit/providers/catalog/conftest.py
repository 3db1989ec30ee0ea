from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import Raw

from providers import capabilities, catalog
from providers.capabilities import Capabilities
from providers.contract import Fields, Kind, Operation, Place, PlatformModel

SAMPLES = Path(__file__).parents[3] / "data" / "claude-code"
PLACES = {
    "bedrock": Place(region="eu-central-1", profile="global"),
    "vertex": Place(region="europe-west1"),
    "anthropic": Place(),
}

Ask = Callable[..., tuple[Operation, Fields, Capabilities, PlatformModel]]


def fields_of(body: dict[str, Any], version: str, betas: tuple[str, ...]) -> Fields:
    raw = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    return Fields(raw, msgspec.json.decode(raw, type=dict[str, Raw]), version, betas)


@pytest.fixture
def sample() -> Callable[[str], Fields]:
    """A Claude Code request by the middle of its file name."""

    def load(name: str) -> Fields:
        (path,) = SAMPLES.glob(f"*{name}*.json")
        recorded = json.loads(path.read_text("utf-8"))
        headers = recorded["headers"]
        betas = tuple(headers["anthropic-beta"].split(","))
        return fields_of(recorded["body"], headers["anthropic-version"], betas)

    return load


@pytest.fixture
def request_fields() -> Callable[..., Fields]:
    """A small request with the given fields over it."""

    def build(*, betas: tuple[str, ...] = (), **over: Any) -> Fields:
        body = {
            "model": "claude-opus-5-5",
            "max_tokens": 64,
            "messages": [{"role": "user", "content": "hi"}],
        }
        return fields_of(body | over, "2023-06-01", betas)

    return build


@pytest.fixture
def ask() -> Ask:
    """What `losses` takes, for a request to a platform."""

    def build(
        platform: str, fields: Fields
    ) -> tuple[Operation, Fields, Capabilities, PlatformModel]:
        caps = capabilities.load(platform)
        asked = msgspec.json.decode(fields.body["model"], type=str)
        name = catalog.resolve(asked).canonical
        model = capabilities.platform_models(caps, PLACES[platform])[name]
        return Operation(Kind.MESSAGES, name, stream=True), fields, caps, model

    return build
