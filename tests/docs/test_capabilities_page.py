"""The page on capabilities: its tables are those of the data, and its commands are there."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from docs.capability_tables import PAGE, page
from gateway.cli import app
from providers.registry import PROVIDERS
from tests.docs.pages import blocks, dead_links

PAGE_NAME = "docs/capabilities.md"
BLOCKS = blocks(PAGE_NAME)


def test_the_tables_are_those_of_the_data() -> None:
    assert PAGE.read_text("utf-8") == page(), "run: make docs"


@pytest.mark.parametrize("platform", PROVIDERS)
def test_every_platform_is_told_of(platform: str) -> None:
    assert f"\n| `{platform}` | " in page()


@pytest.mark.parametrize(
    "arguments", [each for block in BLOCKS for each in block.commands], ids=" ".join
)
def test_the_commands_work_without_a_configuration(
    arguments: list[str], tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(str(tmp_path))
    for name in ("GATEWAY_CONFIG", "GATEWAY_ENV", "ANTHROPIC_API_KEY", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    told = CliRunner().invoke(app, arguments)
    assert (told.exit_code, told.exception) == (0, None)


def test_links_lead_somewhere() -> None:
    assert dead_links(PAGE_NAME) == []
