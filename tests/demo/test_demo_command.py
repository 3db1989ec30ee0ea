from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from gateway.cli import app

ROOT = Path(__file__).parents[2]
STEPS = ("platforms", "stream", "failover", "cut", "residency", "policy", "audit")
HOSTILE = {
    "ANTHROPIC_API_KEY": "sk-not-for-the-demo",
    "ANTHROPIC_AUTH_TOKEN": "not-for-the-demo",
    "ANTHROPIC_BASE_URL": "http://127.0.0.1:9",
    "AWS_PROFILE": "not-there",
    "GATEWAY_CONFIG": "/not/there",
    "GATEWAY_ENV": "prod",
    "GOOGLE_APPLICATION_CREDENTIALS": "/not/there",
    "ALL_PROXY": "http://127.0.0.1:9",
    "HTTPS_PROXY": "http://127.0.0.1:9",
    "HTTP_PROXY": "http://127.0.0.1:9",
    "http_proxy": "http://127.0.0.1:9",
}
"""What a shell may hold that must not matter."""
BROKEN = {
    "platforms": ("vertex-belgium got one request", "the prompt arrived at all three platforms"),
    "stream": ("each stream was sent to its end, and read to its end",),
    "failover": ("the direct API was asked first", "Bedrock in Frankfurt was asked next"),
    "cut": ("the direct API hung up", "the caller got all that was sent, then an error event"),
    "residency": ("Bedrock in Frankfurt got it", "with Frankfurt down, nobody else was asked"),
    "policy": (
        "customer: Bedrock in Frankfurt got it",
        "payment: no platform saw a byte",
        "each upstream that was passed over is on record",
    ),
    "audit": (
        "each call has its decision",
        "the attempts on record are the requests",
        "`gateway audit verify` finds the journal whole",
    ),
}
"""Step -> the starts of claims that must fail when it is broken."""


def environment(tmp_path: Path, **more: str) -> dict[str, str]:
    """Return an environment with an empty home and a folder of its own for temporary files."""
    for name in ("home", "tmp"):
        (tmp_path / name).mkdir()
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path / "home"),
        "TMPDIR": str(tmp_path / "tmp"),
        "PYTHONPATH": str(ROOT),
        **more,
    }


def left(tmp_path: Path) -> list[Path]:
    """Return what a run has left behind."""
    return [path for name in ("home", "tmp") for path in (tmp_path / name).rglob("*")]


def command(*args: str) -> list[str]:
    return [sys.executable, *args]


def in_process(broken: str) -> Result:
    return CliRunner().invoke(app, ["demo"], env={"GATEWAY_DEMO_BREAK": broken})


def sections(report: str) -> dict[str, str]:
    """Return the part of the report that is about each step."""
    parts = report.split("\n\n")
    return {step: part for step in STEPS for part in parts if f"[{step}]" in part.split("\n")[0]}


def test_it_shows_every_step_and_needs_nothing(tmp_path: Path) -> None:
    done = subprocess.run(  # noqa: S603 - it starts what it names
        command("-m", "gateway", "demo"),
        cwd=tmp_path,
        env=environment(tmp_path, **HOSTILE),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert "emulated on this machine" in lines[0]
    parts = sections(done.stdout)
    assert tuple(parts) == STEPS
    for part in parts.values():
        assert "  held  " in part
        assert "client " in part
        assert "server " in part
    claims = done.stdout.count("  held  ")
    assert lines[-1].startswith(f"{claims} of {claims} claims held")
    assert "FAILED" not in done.stdout
    assert "\x1b" not in done.stdout
    assert left(tmp_path) == []


def test_the_report_shows_no_credential_and_no_prompt() -> None:
    shown = in_process("residency").output
    assert "FAILED" in shown
    for secret in ("sk-ant-emulator", "AKIA", "Bearer", "ya29.", "patient", "PRIVATE KEY"):
        assert secret not in shown


@pytest.mark.parametrize("step", STEPS)
def test_a_broken_step_fails_its_claims_and_no_others(step: str) -> None:
    result = in_process(step)
    assert result.exit_code == 1, result.output
    parts = sections(result.output)
    failed = [line for line in parts[step].splitlines() if line.startswith("  FAILED")]
    for claim in BROKEN[step]:
        assert [line for line in failed if claim in line], (claim, result.output)
    for other in set(STEPS) - {step}:
        assert "FAILED" not in parts[other], result.output
    held = result.output.count("  held  ")
    total = held + len(failed)
    assert result.output.splitlines()[-1].startswith(f"{held} of {total} claims held")


def test_an_unknown_step_is_one_line() -> None:
    result = in_process("nosuch")
    assert result.exit_code == 2
    assert result.stdout == ""
    [line] = result.stderr.splitlines()
    assert "'nosuch'" in line
    assert ", ".join(STEPS) in line


def test_an_empty_break_is_none() -> None:
    assert in_process("").exit_code == 0


def test_without_the_server_extra_it_says_how_to_get_it(tmp_path: Path) -> None:
    blocked = "import sys; sys.modules['uvicorn'] = None; from gateway.cli import main; main()"
    done = subprocess.run(  # noqa: S603 - it starts what it names
        command("-c", blocked, "demo"),
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "uvicorn is not installed: pip install 'tidegate[server]'\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_it_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    process = subprocess.Popen(  # noqa: S603 - the same
        command("-m", "gateway", "demo"),
        env=environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if "[platforms]" in line:
            break
    process.send_signal(number)
    rest, errors = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert "claims held" not in rest
    assert "Traceback" not in errors
    assert left(tmp_path) == []
