"""The page on reconciliation: its commands run, and its words are those of the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.cli import app
from gateway.reconcile.reading import READERS
from gateway.reconcile.terms import Class, terms
from tests.docs.pages import ROOT, blocks, dead_links
from tests.reconcile.billing import Billed, cost_report, cur, summed, usage_report
from tests.reconcile.house import House, built, yesterday

PAGE = "docs/reconcile.md"
TEXT = (ROOT / PAGE).read_text("utf-8")
COMMANDS = [arguments for block in blocks(PAGE) for arguments in block.commands]


@pytest.fixture
def house(tmp_path: Path) -> House:
    made = built(tmp_path / "config")
    made.journal.mkdir()
    day = yesterday()
    lines = [Billed(day, "claude-opus-5-5", "input", 1000)]
    usage_report(tmp_path / "usage.json", day, summed(lines))
    cost_report(tmp_path / "cost.json", day, summed(lines))
    cur(tmp_path / "cur.csv", day, lines)
    return made


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_the_commands_run(
    arguments: list[str], house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, arguments, env=house.environ)
    # The ledger is empty, so that only the statement has anything.
    assert result.exit_code == 1, result.output
    assert "missing_here" in result.output or "only the statement has" in result.output
    assert ("adjustment written" in result.output) == ("--write" in arguments)


def test_there_are_commands() -> None:
    assert len(COMMANDS) == 4


def _rows(heading: str) -> list[list[str]]:
    part = TEXT.partition(f"## {heading}")[2].partition("\n## ")[0]
    cells = [line.strip("| ").split(" | ") for line in part.splitlines() if line.startswith("| ")]
    return [row for row in cells[1:] if not row[0].startswith("---")]


def _named(rows: list[list[str]]) -> list[str]:
    return [name for row in rows for name in re.findall(r"`([\w-]+)`", row[0])]


def test_the_formats_are_those_that_are_read() -> None:
    assert _named(_rows("Which file comes from where")) == list(READERS)


def test_the_classes_are_all_there() -> None:
    assert _named(_rows("What is compared")) == [kind.value for kind in Class]


def test_what_is_beside_is_all_there_and_booked_as_it_says() -> None:
    rows = _rows("What is beside")
    booked = {name: row[1] == "yes" for row in rows for name in _named([row])}
    assert booked == {name: each.booked for name, each in terms().residuals.items()}


def test_the_tolerances_are_those_of_the_file() -> None:
    tokens, money = terms().tolerance["tokens"], terms().tolerance["usd"]
    assert (str(tokens.we_high.absolute), str(money.we_low.absolute)) == ("0.5", "0.001")
    assert str(money.we_high.relative) == "0.0001"
    assert "half a token; a tenth of a cent or 0.01 % of an amount" in TEXT


def test_links_lead_somewhere() -> None:
    assert dead_links(PAGE) == []
