"""Every `yes` of the support table names a test that there is."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from gateway.cli import app
from gateway.support import cells
from providers import capabilities, data_files
from providers.registry import PROVIDERS

ROOT = Path(__file__).parents[2]
SHOWN: Mapping[str, Any] = tomllib.loads((Path(__file__).parent / "cells.toml").read_text("utf-8"))
YES = [
    (platform, column)
    for platform, row in cells.table().items()
    for column, cell in row.items()
    if cell == cells.YES
]


def named(platform: str, column: str) -> list[str]:
    """Return the tests that are said to show a cell."""
    row = SHOWN.get(column, {})
    tests: list[str] = row.get("for", {}).get(platform, row.get("tests", []))
    return [test.format(platform=platform) for test in tests]


@pytest.fixture(scope="module")
def collected() -> frozenset[str]:
    """The tests that there are in the files that are named."""
    files = {test.partition("::")[0] for cell in YES for test in named(*cell)}
    there = sorted(file for file in files if (ROOT / file).is_file())
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(  # noqa: S603 - this interpreter, on files of ours
        [*command, *there], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return frozenset(done.stdout.splitlines())


def missing(tests: list[str], collected: frozenset[str]) -> list[str]:
    """Return what is wrong with the tests of a cell: one that is not there, or none at all."""
    return [test for test in tests if test not in collected] if tests else ["no test is named"]


@pytest.mark.parametrize(("platform", "column"), YES)
def test_a_yes_names_tests_that_there_are(
    platform: str, column: str, collected: frozenset[str]
) -> None:
    assert missing(named(platform, column), collected) == []


def test_a_name_that_is_wrong_is_seen(collected: frozenset[str]) -> None:
    wrong = named("anthropic", "messages")[0].replace("text", "txt")
    assert missing([wrong], collected) == [wrong]
    assert missing([], collected)


def test_tests_are_named_for_columns_and_platforms_that_there_are() -> None:
    assert set(SHOWN) <= {column.name for column in cells.columns()}
    for row in SHOWN.values():
        assert row.keys() <= {"tests", "for"}
        assert row.get("for", {}).keys() <= PROVIDERS.keys()


def test_the_columns_are_those_of_the_data() -> None:
    assert [column.name for column in cells.columns()] == list(capabilities.SUPPORTS)


@pytest.mark.parametrize("platform", PROVIDERS)
def test_every_platform_has_every_cell(platform: str) -> None:
    row = cells.table()[platform]
    assert list(row) == list(capabilities.SUPPORTS)
    for cell in row.values():
        assert cell in {cells.YES, cells.UNKNOWN} or cell.removeprefix("no: ").strip()


def test_what_nobody_says_is_unknown_and_no_needs_a_reason(monkeypatch: Any) -> None:
    assert cells._cell(None, cells.Column(name="x", says="x")) == cells.UNKNOWN
    assert cells._cell("it is not there", cells.Column(name="x", says="x")) == "no: it is not there"
    column = cells.Column(name="x", says="x", not_carried="not yet")
    assert cells._cell(told=True, column=column) == "no: not yet"
    file = data_files.read("vertex", data_files.PlatformFile)
    assert file.supports is not None
    assert False not in [getattr(file.supports, name) for name in capabilities.SUPPORTS]


def test_the_doctor_prints_the_same_table_and_asks_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    told = CliRunner().invoke(app, ["doctor", "--support", "--json"])
    assert told.exit_code == 0
    assert json.loads(told.stdout) == cells.table()
    lines = CliRunner().invoke(app, ["doctor", "--support"]).stdout.splitlines()
    assert "vertex: files: no: uploaded files exist on the Claude API only" in lines
    assert any(line.startswith("bedrock: messages, stream, count_tokens, ") for line in lines)
