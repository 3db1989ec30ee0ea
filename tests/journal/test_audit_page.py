"""docs/audit.md: its script proves a real call and nothing else, its words are those in use."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import pytest
from typer.testing import CliRunner

from gateway.cli import app
from gateway.journal import Journal
from gateway.journal.chain import What
from tests.journal.journals import NOW_S, written

PAGE = (Path(__file__).parents[2] / "docs" / "audit.md").read_text(encoding="utf-8")
(SCRIPT,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture
def scene(tmp_path: Path, keys: tuple[Path, Path]) -> Path:
    """Return a directory with a proof, a checkpoint, the public key, and the script."""
    directory = tmp_path / "journal"
    written(directory, records=5)
    journal = Journal.open(directory, fsync="never", now=lambda: NOW_S)
    journal.append("verdicts", {"id": "v1", "candidates": [{"upstream": "direct"}]})
    journal.append("decision", {"decision": "dec_é", "verdicts": "v1"})
    journal.append("finished", {"decision": "dec_é", "request_id": "req_1"})
    journal.close()
    signing = ("--dir", str(directory), "--key", str(keys[0]))
    made = CliRunner().invoke(app, ["audit", "checkpoint", *signing, "--print"])
    (tmp_path / "checkpoint.json").write_text(made.stdout)
    proven = CliRunner().invoke(app, ["audit", "prove", "--request-id", "req_1", *signing])
    assert proven.exit_code == 0, proven.output
    (tmp_path / "proof.json").write_text(proven.stdout)
    (tmp_path / "check_proof.py").write_text(SCRIPT)
    return tmp_path


def checked(scene: Path, *, key: bool = True) -> subprocess.CompletedProcess[str]:
    files = ["proof.json", "checkpoint.json", *(["public.pem"] if key else [])]
    command = [sys.executable, "check_proof.py", *files]
    return subprocess.run(command, cwd=scene, capture_output=True, text=True, check=False)  # noqa: S603 - our own arguments


def test_the_script_is_short() -> None:
    assert len(SCRIPT.splitlines()) <= 40


@pytest.mark.parametrize("key", [True, False])
def test_the_script_proves_the_records_of_a_real_call(scene: Path, key: bool) -> None:
    done = checked(scene, key=key)
    assert done.returncode == 0, done.stderr
    kinds = [json.loads(line.removeprefix("PROVEN "))["kind"] for line in done.stdout.splitlines()]
    assert kinds == ["verdicts", "decision", "finished"]


def tampered(scene: Path, **changes: Any) -> subprocess.CompletedProcess[str]:
    proof = json.loads((scene / "proof.json").read_text())
    proof["records"][1] |= changes
    (scene / "proof.json").write_text(json.dumps(proof))
    return checked(scene)


def test_the_script_refuses_a_record_that_was_changed(scene: Path) -> None:
    line = json.loads((scene / "proof.json").read_text())["records"][1]["line"]
    done = tampered(scene, line=line.replace('"verdicts":"v1"', '"verdicts":"v2"'))
    assert "NOT PROVEN: record" in done.stderr
    assert done.returncode == 1


@pytest.mark.parametrize(
    "change", [{"index": 0}, {"index": 99}, {"path": []}, {"path": ["00"] * 9}]
)
def test_the_script_refuses_a_way_that_was_changed(scene: Path, change: dict[str, Any]) -> None:
    assert "NOT PROVEN" in tampered(scene, **change).stderr


def test_the_script_refuses_another_checkpoint(scene: Path) -> None:
    checkpoint = (scene / "checkpoint.json").read_text()
    (scene / "checkpoint.json").write_text(checkpoint.replace('"at":"2', '"at":"3'))
    assert "for another checkpoint" in checked(scene).stderr
    proof = (scene / "proof.json").read_text()
    (scene / "proof.json").write_text(proof.replace(r"\"at\":\"2", r"\"at\":\"3", 1))
    assert "InvalidSignature" in checked(scene).stderr
    assert checked(scene, key=False).returncode == 0


def test_every_finding_has_a_row() -> None:
    rows = set(re.findall(r"^\| `(\w+)`", PAGE, re.MULTILINE))
    assert set(get_args(What)) - {"note"} <= rows


def test_the_commands_shown_exist() -> None:
    shown = set(re.findall(r"gateway audit (\w+)", PAGE))
    help_text = CliRunner().invoke(app, ["audit", "--help"]).stdout
    assert shown == {"verify", "checkpoint", "prove", "export"}
    assert all(command in help_text for command in shown)
