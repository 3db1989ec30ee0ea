"""Fault scripts in files: read strictly, by the command and by the pytest plugin."""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import sys
import threading
import tomllib
from pathlib import Path

import httpx2
import pytest

from gateway.emulator.faults import Action
from gateway.emulator.scripts import ScriptError, read_script

ROOT = Path(__file__).parents[3]
SCRIPT = """
[[fault]]
name = "status-429"
headers = { retry-after = "3" }
contains = "|7|"

[[fault]]
action = "cut"
at = 2
"""
TESTS = """
import httpx2
import pytest

def bodies(platforms):
    url = platforms.direct.base_url + "/v1/messages"
    return [httpx2.post(url, content="|7|").status_code for _ in range(2)]

@pytest.mark.parametrize("turn", [1, 2])
def test_each_test_begins_with_the_script(claude_platforms, turn):
    assert len(claude_platforms.faults.pending()) == 2
    assert bodies(claude_platforms) == [429, 401]
    assert len(claude_platforms.records) == 2
"""


def test_a_script_names_faults_and_says_which_requests() -> None:
    one, other = read_script(SCRIPT, "faults.toml")
    assert (one.name, one.status, one.contains) == ("status-429", 429, "|7|")
    assert one.headers == (("retry-after", "3"),)
    assert (other.name, other.action, other.at) == (None, Action.CUT, 2)
    assert read_script("", "empty.toml") == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[[fault]]\nname = "status-592"', ["f:2: fault[0].name: no fault is called status-592"]),
        ('[[fault]]\naction = "cut"\n\n# at = 1\natt = 2', ["f:5: fault[0].att: no such key"]),
        (
            '[[fault]]\naction = "cut"\n[fault.headers]\nx = "1"\n[[fault]]',
            ["f:5: fault[1].action"],
        ),
        (
            '[[fault]]\naction = "status"\n[fault.headerz]\nx = "1"\n',
            ["f:3: fault[0].headerz: no such key"],
        ),
        ("[[fault]]\nat = 1\n[[fault]]\nat = 2\naction = 3", ["f:1: fault[0].", "f:5: fault[1]."]),
        ('fault = [{ action = "cut", att = 1 }]', ["f:1: fault[0].att: no such key"]),
        ('[[fault]]\naction = "cut"\n\n[[faults]]\nname = "x"', ["f:4: faults: no such key"]),
        ('fault = "cut"', ["f:1: fault: a script has [[fault]] tables"]),
        ('[[fault]]\naction = "cut', ["f:2: is no TOML: "]),
        ('[[fault]]\naction = "cut"\naction = "end"', ["f:3: is no TOML: "]),
    ],
)
def test_a_mistake_is_named_with_its_line(text: str, words: list[str]) -> None:
    with pytest.raises(ScriptError) as caught:
        read_script(text, "f")
    lines = str(caught.value).splitlines()
    assert len(lines) == len(words)
    for line, start in zip(lines, words, strict=True):
        assert line.startswith(start)


# The command.


def command(script: Path) -> list[str]:
    return [sys.executable, "-m", "gateway", "emulate", "--port", "0", "--script", str(script)]


def environ(home: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": str(home)}


def test_the_command_begins_with_a_script(tmp_path: Path) -> None:
    script = tmp_path / "faults.toml"
    script.write_text(SCRIPT)
    running = subprocess.Popen(  # noqa: S603 - our own arguments
        command(script), env=environ(tmp_path), stdout=subprocess.PIPE, text=True
    )
    killer = threading.Timer(30, running.kill)
    killer.start()
    try:
        assert running.stdout is not None
        said = "".join(itertools.takewhile(lambda line: line != "\n", running.stdout))
        (url,) = re.findall(r"ANTHROPIC_BASE_URL=(\S+)", said)
        answers = [httpx2.post(f"{url}/v1/messages", content="|7|") for _ in range(1)]
        assert [answer.status_code for answer in answers] == [429]
        assert answers[0].headers["retry-after"] == "3"
    finally:
        killer.cancel()
        running.terminate()
        running.communicate()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b'[[fault]]\nname = "status-592"\n', "faults.toml:2: fault[0].name: "),
        (b"\xff", "cannot read "),
        (None, "cannot read "),
    ],
)
def test_the_command_names_a_scripts_mistake(
    content: bytes | None, words: str, tmp_path: Path
) -> None:
    script = tmp_path / "faults.toml"
    if content is not None:
        script.write_bytes(content)
    refused = subprocess.run(  # noqa: S603 - our own arguments
        command(script),
        env=environ(tmp_path),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert refused.returncode == 1
    assert words in refused.stderr
    assert len(refused.stderr.splitlines()) == 1


# The pytest plugin.


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run pytest in a folder, with this plugin and no other."""
    (folder / "test_users_own.py").write_text(TESTS)
    words = ["-p", "gateway.emulator.pytest_plugin", "-p", "no:cacheprovider", "-q", *arguments]
    return subprocess.run(  # noqa: S603 - our own arguments
        [sys.executable, "-m", "pytest", *words],
        cwd=folder,
        env=environ(folder) | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_a_users_tests_get_the_platforms_with_a_script(tmp_path: Path) -> None:
    (tmp_path / "faults.toml").write_text(SCRIPT)
    (tmp_path / "pytest.ini").write_text("[pytest]\nclaude_faults = faults.toml\n")
    ran = run(tmp_path)
    assert "2 passed" in ran.stdout


def test_the_option_stands_over_the_setting(tmp_path: Path) -> None:
    (tmp_path / "other.toml").write_text(SCRIPT)
    (tmp_path / "pytest.ini").write_text("[pytest]\nclaude_faults = not-there.toml\n")
    ran = run(tmp_path, "--claude-faults", "other.toml")
    assert "2 passed" in ran.stdout


def test_a_mistake_in_a_script_ends_the_run_before_it_begins(tmp_path: Path) -> None:
    (tmp_path / "faults.toml").write_text('[[fault]]\nname = "status-592"\n')
    ran = run(tmp_path, "--claude-faults", "faults.toml")
    assert ran.returncode == pytest.ExitCode.USAGE_ERROR
    assert "faults.toml:2: fault[0].name: no fault is called status-592" in ran.stderr
    assert "Traceback" not in ran.stderr
    missing = run(tmp_path, "--claude-faults", "nowhere.toml")
    assert "cannot read nowhere.toml" in missing.stderr


def test_pytest_finds_the_plugin_and_it_loads_nothing_yet() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["pytest11"] == {"tidegate": "gateway.emulator.pytest_plugin"}
    program = "import sys, gateway.emulator.pytest_plugin; print(*sys.modules)"
    ran = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", program],
        env=environ(ROOT),
        capture_output=True,
        text=True,
        check=True,
    )
    ours = {name for name in ran.stdout.split() if name.startswith("gateway")}
    assert ours == {"gateway", "gateway.emulator", "gateway.emulator.pytest_plugin"}
    assert "anthropic" not in ran.stdout.split()
