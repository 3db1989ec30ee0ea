"""docs/ledger.md says what a row holds, and what it shows works on both databases."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from gateway.cli import app
from gateway.config.model import Ledger as Settings
from gateway.ledger import background, one_folder, schema
from gateway.ledger.costs import NO_DECISION, UNSIZED
from gateway.ledger.folding import fold_once
from gateway.ledger.row import State
from gateway.ledger.store import Ledger
from gateway.prices import shipped
from gateway.prices.adding import ASSUMED_TTL, ESTIMATED_HIGH
from gateway.prices.runs import EMPTY_REFUSAL
from tests.docs.pages import ROOT, blocks, dead_links
from tests.ledger.journals import simple

PAGE = "docs/ledger.md"
TEXT = (ROOT / PAGE).read_text("utf-8")


def named(heading: str, until: str) -> set[str]:
    """Return what stands in the first column of the tables of a part."""
    part = TEXT.partition(heading)[2].partition(until)[0]
    rows = re.findall(r"^\| (`.*?) \|", part, re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`(\w+)`", row)}


def test_every_column_and_every_state_is_named() -> None:
    columns = {column.name for column in schema.attempts.columns}
    assert named("## What a row holds", "## What is not exact") == columns | {
        state.value for state in State
    }


def test_every_flag_of_an_inexact_row_is_named() -> None:
    flags = UNSIZED | {NO_DECISION, ASSUMED_TTL, ESTIMATED_HIGH, EMPTY_REFUSAL}
    assert named("## What is not exact", "## Sums") == flags


def test_every_table_is_named() -> None:
    assert [each for each in schema.metadata.tables if f"`{each}`" not in TEXT] == []


def test_the_settings_are_those_there_are() -> None:
    (block,) = (block.text for block in blocks(PAGE) if block.language == "toml")
    shown = tomllib.loads(block)["ledger"]
    defaults = Settings().model_dump()
    assert shown.keys() == defaults.keys()
    assert {**shown, "url": None} == defaults


def test_the_numbers_are_those_of_the_code() -> None:
    assert (background.INTERVAL_S, background.BACK_OFF_S, background.BACK_OFF_CAP_S) == (1, 1, 30)
    assert "again every second at first and every 30 seconds later" in TEXT
    assert f"`{one_folder.FILE_NAME}`" in TEXT


@pytest.mark.parametrize(
    "arguments",
    [arguments for block in blocks(PAGE) for arguments in block.commands],
    ids=" ".join,
)
def test_the_commands_have_these_options(arguments: list[str]) -> None:
    shown = CliRunner().invoke(app, [*arguments[:2], "--help"], env={"COLUMNS": "200"})
    assert shown.exit_code == 0
    assert all(option in shown.output for option in arguments if option.startswith("--"))


def test_the_query_adds_up(ledger: Ledger, tmp_path: Path) -> None:
    simple(tmp_path / "journal")
    fold_once(ledger, tmp_path / "journal", shipped())
    (query,) = (block.text for block in blocks(PAGE) if block.language == "sql")
    with ledger.reading() as connection:
        (row,) = connection.execute(text(query)).all()
        net = text("SELECT SUM(net_pico) FROM attempts WHERE won AND NOT open")
        net_pico = connection.execute(net).scalar_one()
    assert row[:3] == ("2026-11-18", "search", 3)
    assert float(row.usd) == pytest.approx(float(net_pico) / 1e12)


def test_links_lead_somewhere() -> None:
    assert dead_links(PAGE) == []
