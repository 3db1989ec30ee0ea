"""The page on importing: its commands have these options, its prefixes are those that are read."""

from __future__ import annotations

import re

import pytest
from typer.testing import CliRunner

from gateway.cli import app
from gateway.config.upstreams import UPSTREAMS
from gateway.importing.settings import data
from tests.docs.pages import ROOT, blocks, dead_links

PAGE = "docs/importing.md"
TEXT = (ROOT / PAGE).read_text("utf-8")


@pytest.mark.parametrize(
    "arguments", [each for block in blocks(PAGE) for each in block.commands], ids=" ".join
)
def test_the_commands_have_these_options(arguments: list[str]) -> None:
    named = arguments[:2] if arguments[0] == "import" else arguments[:1]
    shown = CliRunner().invoke(app, [*named, "--help"], env={"COLUMNS": "200"}).output
    assert all(option in shown for option in arguments if option.startswith("--"))


def test_the_prefixes_lead_to_providers() -> None:
    prefixes = re.findall(r"`(\w+)/`", TEXT)
    assert len(prefixes) > 5
    assert set(prefixes) <= data().routes.rows.keys()
    assert "openai_relay" in UPSTREAMS


def test_the_extra_brings_yaml() -> None:
    assert 'import = ["pyyaml' in (ROOT / "pyproject.toml").read_text("utf-8")


def test_links_lead_somewhere() -> None:
    assert dead_links(PAGE) == []
