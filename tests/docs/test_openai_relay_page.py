"""The page on OpenAI-compatible relays: its configuration loads, and says what it says."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from gateway.config import load
from providers.contract import Kind, Operation
from providers.registry import PROVIDERS
from tests.contract.chat import MODEL, fields, place

PAGE = (Path(__file__).parents[2] / "docs" / "openai_relay.md").read_text("utf-8")
SHOWN = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)[0]


def test_the_configuration_loads(tmp_path: Path) -> None:
    (tmp_path / "environments").mkdir()
    (tmp_path / "environments" / "prod.toml").touch()
    (tmp_path / "gateway.toml").write_text(f'schema = 1\nrouting.order = ["relay"]\n{SHOWN}')
    config = load(tmp_path, {"GATEWAY_ENV": "prod", "RELAY_API_KEY": "k"})
    (relay,) = config.used
    assert relay.provider == "openai_relay"
    # What is shown with a comment is the default.
    shown = tomllib.loads(SHOWN)["upstreams"]["relay"]
    bare = {"name": "relay", **{name: shown[name] for name in ("provider", "base_url", "models")}}
    assert relay.place() == type(relay)(**bare).place()


def test_each_field_of_the_table_goes_there() -> None:
    relay = PROVIDERS["openai_relay"]
    there = relay.endpoint(place())
    values: dict[str, Any] = {
        "max_tokens": 9,
        "messages": [{"role": "user", "content": "x"}],
        "metadata": {"user_id": "u"},
        "model": MODEL,
        "output_config": {"effort": "low"},
        "stop_sequences": ["x"],
        "stream": True,
        "system": "s",
        "tool_choice": {"type": "auto"},
        "tools": [{"name": "t", "input_schema": {}}],
    }
    table = PAGE.partition("## What a request becomes")[2].partition("\n\nWhat has no place")[0]
    for name in values.keys() - {"model", "messages"}:
        assert f"`{name}" in table, name
    ask = Operation(Kind.MESSAGES, MODEL, stream=True)
    assert relay.losses(ask, fields(values), there) == ()
