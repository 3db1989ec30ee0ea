from __future__ import annotations

import json
import os
import pty
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from gateway.cli import app
from gateway.cli.setting import explained
from gateway.config import ConfigError, Mistake

ROOT = Path(__file__).parents[3]
SECRETS = {"ANTHROPIC_API_KEY": "sk-made-up", "TIDEGATE_KEY": "key-made-up"}


@pytest.fixture(autouse=True)
def no_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("ANTHROPIC_", "AWS_", "CLOUD_", "GATEWAY_", "TIDEGATE_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)


def run(*args: str, **environ: str) -> Result:
    return CliRunner().invoke(app, list(args), env=environ)


def test_init_then_check_is_a_working_start(tmp_path: Path) -> None:
    made = run("init")
    assert made.exit_code == 0
    assert "gateway check --env dev" in made.output
    checked = run("check", "--env", "prod", **SECRETS)
    assert checked.exit_code == 0, checked.output
    lines = checked.output.splitlines()
    assert lines[:3] == ["configuration: config", "environment: prod", "policy: none"]
    assert lines[3].startswith("upstream: 1, bedrock-frankfurt, bedrock, eu-central-1/eu, https://")
    assert "set from ANTHROPIC_API_KEY" in lines[5]
    assert lines[6] == "server: 0.0.0.0:8787, keys: set from TIDEGATE_KEY"
    assert "made-up" not in checked.output


def test_init_overwrites_nothing(tmp_path: Path) -> None:
    file = tmp_path / "there" / "environments" / "prod.toml"
    file.parent.mkdir(parents=True)
    file.write_text("mine")
    again = run("init", "there")
    assert again.exit_code == 1
    assert "already has environments/prod.toml" in again.stderr
    assert [path.name for path in (tmp_path / "there").rglob("*.toml")] == ["prod.toml"]
    assert file.read_text() == "mine"


def test_init_where_nothing_can_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    refused = run("init", "file")
    assert refused.exit_code == 1
    assert refused.stderr.startswith("cannot write ")
    assert len(refused.stderr.splitlines()) == 1


def test_check_says_what_it_would_do_as_json() -> None:
    run("init", "here")
    report = json.loads(
        run("check", "--config", "here", "--env", "dev", "--json", **SECRETS).stdout
    )
    assert report["ok"]
    assert (report["environment"], report["policy"]) == ("dev", "none")
    rows = [(found["order"], found["name"]) for found in report["upstreams"]]
    assert rows == [(1, "direct"), (None, "bedrock-frankfurt"), (None, "vertex-belgium")]
    assert report["upstreams"][0]["credential"] == "set from ANTHROPIC_API_KEY"
    assert report["upstreams"][0]["base_url"] == "https://api.anthropic.com"
    assert report["mistakes"] == []


def test_check_exits_1_with_every_mistake() -> None:
    run("init")
    plain = run("check", "--env", "prod")
    assert plain.exit_code == 1
    head, *lines = plain.stderr.splitlines()
    assert head == "2 mistakes in the configuration:"
    assert [line.partition(": ")[0] for line in lines] == [
        "config/environments/prod.toml:10",
        "config/gateway.toml:13",
    ]
    assert lines[1].endswith("ANTHROPIC_API_KEY is not set (set ANTHROPIC_API_KEY)")
    machine = run("check", "--env", "prod", "--json")
    assert machine.exit_code == 1
    found = json.loads(machine.stdout)
    assert not found["ok"]
    assert [mistake["line"] for mistake in found["mistakes"]] == [10, 13]


def test_check_asks_the_provider() -> None:
    run("init")
    Path("config/environments/dev.toml").write_text("upstreams.bedrock-frankfurt.region = 'eu'\n")
    refused = run("check", "--env", "dev", **SECRETS)
    assert refused.exit_code == 1
    assert "config/environments/dev.toml:1: upstreams.bedrock-frankfurt.region:" in refused.stderr


def test_check_without_a_file_warns() -> None:
    checked = run("check", **SECRETS)
    assert checked.exit_code == 0
    assert "note: no configuration found" in checked.output
    assert "policy: none" in checked.output


def test_check_notes_an_upstream_that_serves_nothing() -> None:
    environ = {"AWS_REGION": "ca-central-1", "AWS_BEARER_TOKEN_BEDROCK": "made-up"}
    report = json.loads(run("check", "--json", **environ, **SECRETS).stdout)
    idle = [found["name"] for found in report["upstreams"] if not found["models"]]
    noted = [note.partition(" ")[0] for note in report["notes"] if "serves no model" in note]
    assert noted == idle == ["bedrock"]


@pytest.mark.parametrize("command", ["check", "serve"])
def test_a_mistake_is_no_traceback(command: str) -> None:
    refused = run(command, "--config", "nowhere")
    assert refused.exit_code == 1
    assert refused.stderr == "there is no nowhere/gateway.toml (`gateway init` writes one)\n"


def test_a_missing_extra_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Exception, match="1") as raised, explained():
        raise ModuleNotFoundError("No module named 'uvicorn'", name="uvicorn.config")
    assert type(raised.value).__name__ == "Exit"
    assert "pip install 'tidegate[server]'" in capsys.readouterr().err


def test_a_taken_port_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken, socket.socket() as second:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(Exception, match="1"), explained():
            second.bind(taken.getsockname())
    assert capsys.readouterr().err == "cannot listen: Address already in use\n"


def test_a_module_of_ours_that_is_missing_is_a_bug_and_shows() -> None:
    with pytest.raises(ModuleNotFoundError), explained():
        raise ModuleNotFoundError("No module named 'gateway.x'", name="gateway.x")


def test_a_mistake_in_a_command_goes_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Exception, match="1"), explained():
        raise ConfigError([Mistake(None, None, "K", "is not set")])
    assert capsys.readouterr().err == "K: is not set\n"


def test_version_and_help() -> None:
    assert run("version").output.startswith("tidegate ")
    for command in ("init", "check", "serve", "demo", "emulate"):
        assert run(command, "--help").exit_code == 0


def python(*args: str, **environ: str) -> subprocess.CompletedProcess[str]:
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **environ}
    command = [sys.executable, *args]
    return subprocess.run(command, env=environ, capture_output=True, text=True, check=False)  # noqa: S603 - our own arguments


def test_the_module_runs_as_the_command_does() -> None:
    refused = python("-m", "gateway", "check", GATEWAY_ENV="prod")
    assert refused.returncode == 1
    assert refused.stderr.startswith("GATEWAY_ENV: is set, but there is no configuration")


def test_a_terminal_gets_a_table() -> None:
    ours, theirs = pty.openpty()
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "COLUMNS": "160", **SECRETS}
    command = [sys.executable, "-m", "gateway", "check"]
    subprocess.run(command, env=environ, stdout=theirs, check=True)  # noqa: S603 - our own arguments
    os.close(theirs)
    shown = os.read(ours, 65_536).decode()
    os.close(ours)
    assert "┃" in shown
    assert "direct" in shown
    assert "made-up" not in shown


def test_the_command_line_loads_nothing_heavy() -> None:
    code = (
        "import sys, gateway.cli\n"
        "heavy = {'boto3', 'botocore', 'google.auth', 'uvicorn', 'starlette', 'gateway.config'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    assert python("-c", code).stdout == "[]\n"
