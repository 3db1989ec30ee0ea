"""The page for operators: its metrics, fields, commands and states are those there are."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from docs.operating_tables import PAGE, page
from gateway.cli import app
from gateway.dispatch.health import Standing
from gateway.logs import RequestLog
from gateway.server.metrics import FAMILIES
from gateway.telemetry import CallReport, Silent
from tests.docs.pages import blocks, dead_links

TEXT = PAGE.read_text("utf-8")
REPORT = CallReport(
    door="server", kind="messages", state="complete", took_s=31.0, request_id="req_slow"
)


def test_the_table_of_metrics_is_that_of_the_registry() -> None:
    assert page() == TEXT, "run: make docs"
    alerts = re.findall(r"tidegate_\w+", TEXT.partition("Worth an alert")[2])
    names = {name for each in FAMILIES for name in (each.name, f"{each.name}_total")}
    assert set(alerts) <= names


def test_the_fields_of_a_line_are_those_that_are_written() -> None:
    written: list[str] = []
    RequestLog("json", written.append).ended(REPORT)
    rows = re.findall(r"^\| (`.*?`) \| ", TEXT.partition("## The line of a call")[2], re.MULTILINE)
    told = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
    fields = re.findall(r'"(\w+)":', written[0])
    assert sorted(told) == sorted(fields)


def test_the_states_are_named() -> None:
    assert all(f"`{standing.value}`" in TEXT for standing in Standing)


@pytest.mark.parametrize(
    "arguments",
    [arguments for block in blocks("docs/operating.md") for arguments in block.commands],
    ids=" ".join,
)
def test_the_commands_have_these_options(arguments: list[str]) -> None:
    shown = CliRunner().invoke(app, [arguments[0], "--help"], env={"COLUMNS": "200"}).output
    assert all(option in shown for option in arguments if option.startswith("--"))


def test_the_observer_shown_hears_of_slow_calls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (program,) = (block.text for block in blocks("docs/operating.md") if block.language == "python")
    monkeypatch.chdir(tmp_path)
    assert CliRunner().invoke(app, ["init"]).exit_code == 0
    monkeypatch.setenv("GATEWAY_ENV", "dev")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "made-up")
    shown: dict[str, Any] = {}
    exec(compile(program, str(PAGE), "exec"), shown)  # noqa: S102 - what the page shows is run
    shown["client"].close()
    shown["Slow"]().ended(REPORT)
    assert capsys.readouterr().out == "req_slow complete []\n"
    words = re.findall(
        r"`(\w+)`", TEXT.partition("overrides what it wishes to")[2].partition(".")[0]
    )
    assert set(words) - {"CallReport"} == {name for name in vars(Silent) if name[0] != "_"}


def test_links_lead_somewhere() -> None:
    assert dead_links("docs/operating.md") == []
