"""`gateway ledger`: each command on both databases, and what it says when something is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update
from typer.testing import CliRunner, Result

from gateway.cli import app
from gateway.ledger import schema
from gateway.ledger.store import Ledger
from tests.ledger.journals import NOW_S, simple

TOML = """
schema = 1
[routing]
order = ["direct"]
[upstreams.direct]
provider = "anthropic"
api_key = "${ANTHROPIC_API_KEY}"
[journal]
dir = "journal"
[ledger]
url = "${LEDGER_URL}"
"""


@pytest.fixture
def configuration(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration with a journal and the address of a ledger that is not there yet."""
    (tmp_path / "environments").mkdir()
    (tmp_path / "environments" / "dev.toml").touch()
    (tmp_path / "gateway.toml").write_text(TOML)
    for name, value in {
        "GATEWAY_CONFIG": str(tmp_path),
        "GATEWAY_ENV": "dev",
        "ANTHROPIC_API_KEY": "k",
        "LEDGER_URL": url,
        "COLUMNS": "200",
    }.items():
        monkeypatch.setenv(name, value)
    simple(tmp_path / "journal")
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["ledger", *arguments])


def ran(*arguments: str) -> list[str]:
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    return result.output.splitlines()


def as_json(*arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run(*arguments, "--json").stdout)
    return found


def test_fold_folds_what_is_new(configuration: Path) -> None:
    assert ran("fold") == ["records: 30", "attempts: 8", "ok"]
    assert as_json("fold") == {"ok": True, "records": 0, "attempts": 0, "troubles": []}


def test_fold_names_what_cannot_be_folded(configuration: Path) -> None:
    path = simple(configuration / "journal", first=10)
    path.write_bytes(path.read_bytes() + b"{}\n")
    result = run("fold")
    assert result.exit_code == 1
    assert f"trouble: {path.name} line 31 (record 30): appended" in result.output
    assert result.output.endswith("\nNOT OK\n")


def test_other_journals_can_be_named(configuration: Path, tmp_path: Path) -> None:
    simple(tmp_path / "other", first=10)
    both = ("--dir", str(tmp_path / "other"), "--dir", str(tmp_path / "journal"))
    assert as_json("fold", *both)["attempts"] == 16
    assert as_json("verify", *both)["attempts"] == 16
    assert as_json("verify")["attempts"] == 8


def test_verify_names_differences_and_rebuild_removes_them(configuration: Path, url: str) -> None:
    ran("fold")
    assert ran("verify") == ["attempts: 8", "ok"]
    ledger = Ledger.open(url, Path())
    with ledger.writing() as writing:
        change = update(schema.attempts).where(schema.attempts.c.number == 2)
        writing.connection.execute(change.values(outcome="better"))
    ledger.close()
    result = run("verify")
    assert result.exit_code == 1
    assert result.output.splitlines() == [
        "attempts: 8",
        "different: attempts 1",
        f"difference: attempts dec_{1:024x}.2: outcome is 'better', not 'complete'",
        "NOT OK",
    ]
    found = as_json("verify")
    assert (found["ok"], found["different"]) == (False, {"attempts": 1})
    assert found["differences"][0]["key"] == f"dec_{1:024x}.2"
    assert ran("rebuild") == ["records: 30", "attempts: 8", "kept: 0", "ok"]
    assert as_json("rebuild")["kept_from"] is None
    assert ran("verify")[-1] == "ok"


def test_prune_goes_by_the_configuration(configuration: Path) -> None:
    days = "keep_attempts_days = 30\nkeep_rollups_days = 36500\n"
    (configuration / "gateway.toml").write_text(TOML + days)
    simple(configuration / "journal", first=10, now_s=NOW_S - 90 * 86_400)
    ran("fold")
    found = as_json("prune")
    assert found["attempts_gone"] >= 8
    assert found["rollups_gone"] == 0
    assert found["attempts_kept_from"] > "2026-08-20"
    (note,) = as_json("verify")["notes"]
    assert "were pruned" in note


@pytest.mark.parametrize("command", ["verify", "prune"])
def test_a_ledger_that_is_not_there_is_not_made(
    configuration: Path, url: str, command: str
) -> None:
    result = run(command)
    assert result.exit_code == 1
    assert "it is not there: `gateway ledger fold` makes it" in result.output
    if url.startswith("sqlite"):
        assert not Path(url.removeprefix("sqlite:///")).exists()


@pytest.mark.parametrize("command", ["fold", "rebuild", "verify", "prune"])
def test_an_address_to_nowhere_is_shown_without_its_password(
    configuration: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setenv(
        "LEDGER_URL", "postgresql://user:secret-word@127.0.0.1:1/tide?sslmode=disable"
    )
    result = run(command)
    assert result.exit_code == 1
    assert result.output == (
        "the ledger postgresql://user:***@127.0.0.1:1/tide cannot be used:"
        " the database cannot be reached\n"
    )


def test_a_configuration_without_a_ledger_is_told(configuration: Path) -> None:
    (configuration / "gateway.toml").write_text(TOML.partition("[ledger]")[0])
    result = run("fold")
    assert result.exit_code == 1
    assert result.output == "the configuration names no ledger: write its `url` in [ledger]\n"


def test_a_journal_that_is_not_there_is_told(configuration: Path) -> None:
    result = run("rebuild", "--dir", "/nowhere")
    assert (result.exit_code, "/nowhere is no directory" in result.output) == (1, True)
