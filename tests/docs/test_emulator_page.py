"""The page on the emulator: its tables are those of the data, and what it shows runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from docs.emulator_tables import PAGE, page
from gateway.emulator import NAMED, pytest_plugin
from gateway.emulator.scripts import read_script
from tests.docs.pages import blocks, dead_links

BLOCKS = blocks("docs/emulator.md")


def test_the_tables_are_those_of_the_data() -> None:
    assert PAGE.read_text("utf-8") == page(), "run: make docs"
    assert all(f"| `{name}` |" in page() for name in NAMED)


def test_the_program_prints_what_the_page_says(capsys: pytest.CaptureFixture[str]) -> None:
    program = next(block.text for block in BLOCKS if "with Emulator()" in block.text)
    exec(compile(program, str(PAGE), "exec"), {})  # noqa: S102 - what the page shows is run
    (said,) = re.findall(r"this prints `(.*?)`", PAGE.read_text("utf-8"))
    assert capsys.readouterr().out.strip() == said


def test_the_script_is_one() -> None:
    (script,) = (block.text for block in BLOCKS if block.file == "faults.toml")
    first, second, third = read_script(script, "faults.toml")
    assert (first.name, first.platform, first.times) == ("retry-after-seconds", "vertex", 2)
    assert (second.at, second.for_s, second.streamed) == (8, 5, True)
    assert third.status == 418


def test_the_fixture_and_the_setting_are_called_so() -> None:
    (test,) = (block.text for block in BLOCKS if block.text.startswith("def test_"))
    (fixture,) = re.findall(r"^def test_\w+\((\w+)\)", test)
    assert fixture in vars(pytest_plugin)
    source = Path(pytest_plugin.__file__).read_text("utf-8")
    assert all(f'"{name}"' in source for name in ("--claude-faults", "claude_faults"))


def test_links_lead_somewhere() -> None:
    assert dead_links("docs/emulator.md") == []
