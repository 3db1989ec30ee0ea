"""docs/prices.md shows what can be written and run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.cli import app
from gateway.prices.bounds import ADDED_TOKENS
from gateway.prices.own import read_own
from tests.docs.pages import ROOT, blocks, dead_links

PAGE = "docs/prices.md"
UPSTREAMS = {"bedrock-frankfurt": "bedrock", "vertex-belgium": "vertex"}


def test_the_file_that_is_shown_has_no_mistake() -> None:
    (shown,) = [block for block in blocks(PAGE) if block.language == "toml"]
    assert shown.file == "config/prices.toml"
    found = read_own("prices.toml", shown.text, UPSTREAMS)
    assert [str(each.multiplier) for each in found.contracts] == ["0.82"]
    assert len(found.shelves) == 1


def test_the_command_explains_a_cost_under_the_contract(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (shown,) = [block for block in blocks(PAGE) if block.language == "toml"]
    (arguments,) = [each for block in blocks(PAGE) for each in block.commands]
    monkeypatch.chdir(tmp_path)
    environ = {"GATEWAY_ENV": "dev", "ANTHROPIC_API_KEY": "made-up"}
    assert CliRunner().invoke(app, ["init"], env=environ).exit_code == 0
    (tmp_path / "config" / "prices.toml").write_text(shown.text)
    usage = {"input_tokens": 1000, "output_tokens": 100}
    (tmp_path / "answer.json").write_text(json.dumps(usage))
    told = CliRunner().invoke(app, [*arguments, "--at", "2026-11-22"], env=environ)
    assert told.exit_code == 0, told.output
    # 1000 x 4.4 and 100 x 22 millionths; 18 % off.
    assert "list: 0.0066 USD\nnet: 0.005412 USD\n" in told.stdout


def test_the_numbers_are_those_of_the_code() -> None:
    assert f"{ADDED_TOKENS:,} that a platform may add" in (ROOT / PAGE).read_text("utf-8")


def test_links_lead_somewhere() -> None:
    assert dead_links(PAGE) == []
