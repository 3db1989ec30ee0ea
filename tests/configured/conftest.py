"""Engines made from configuration files, as an operator's are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.compose import found
from gateway.config import Config
from gateway.emulator import Emulator
from gateway.engine import Engine

Written = Callable[..., Config]
Configured = Callable[..., Engine]

UPSTREAMS = """
[upstreams.direct]
provider = "anthropic"
api_key = "${{TEST_KEY}}"
base_url = "{direct}"
{extra}
[upstreams.cloud]
provider = "bedrock"
region = "eu-central-1"
profile = "eu"
api_key = "${{TEST_KEY}}"
base_url = "{cloud}"
"""


@pytest.fixture
def written(tmp_path: Path, emulator: Emulator) -> Written:
    """Return what makes a configuration of settings: `written(timeouts={"idle_s": 1})`."""

    def make(
        order: tuple[str, ...] = ("direct",),
        base_url: str | None = None,
        extra: str = "",
        **sections: dict[str, Any],
    ) -> Config:
        tables = {"routing": {"order": list(order)}, **sections}
        text = (
            "schema = 1\n"
            + "\n".join(map(_table, tables.items()))
            + UPSTREAMS.format(
                direct=base_url or emulator.direct.base_url,
                cloud=emulator.bedrock.base_url,
                extra=extra,
            )
        )
        (tmp_path / "environments").mkdir(exist_ok=True)
        (tmp_path / "environments" / "test.toml").touch()
        (tmp_path / "gateway.toml").write_text(text)
        environ = {"GATEWAY_ENV": "test", "TEST_KEY": emulator.api_key}
        return found(tmp_path, environ)

    return make


@pytest.fixture
def configured(written: Written) -> Configured:
    """Return what makes an engine of the same."""
    return lambda *given, **settings: Engine.from_config(written(*given, **settings))


def _table(section: tuple[str, dict[str, Any]]) -> str:
    name, settings = section
    rows = [f"{key} = {str(value).lower()}" for key, value in settings.items() if name != "routing"]
    if name == "routing":
        quoted = ", ".join(f'"{each}"' for each in settings["order"])
        rows = [f"order = [{quoted}]"]
    return "\n".join([f"[{name}]", *rows])
