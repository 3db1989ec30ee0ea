"""Commands run in a directory with a configuration whose policy is the bank's."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from gateway.cli import app

EXAMPLES = Path(__file__).parents[2] / "config" / "policies"

MAIN = """schema = 1
[routing]
order = ["frankfurt", "london", "direct"]
[upstreams.frankfurt]
provider = "bedrock"
region = "eu-central-1"
[upstreams.frankfurt.models]
claude-opus-5-5 = "anthropic.claude-opus-5-5"
claude-fable-5-1 = "anthropic.claude-fable-5-1"
[upstreams.london]
provider = "bedrock"
region = "eu-west-2"
models = { claude-opus-5-5 = "anthropic.claude-opus-5-5" }
[upstreams.direct]
provider = "anthropic"
api_key = "${KEY}"
[upstreams.spare]
provider = "bedrock"
region = "eu-west-3"
[policy]
files = ["policies/eu-bank.toml"]
[callers.teller]
key = "${KEY}"
classes = ["customer"]
[server]
keys = ["${OTHER_KEY}"]
"""
ATTESTATIONS = """schema = 1
[[attest]]
upstream = "frankfurt"
fact = "certifications"
value = ["iso27001", "c5"]
assurance = "org"
evidence = "reports of 2026"
[[attest]]
upstream = "frankfurt"
fact = "retention_days"
value = 0
assurance = "org"
evidence = "ticket 9"
[[attest]]
upstream = "frankfurt"
fact = "private_network"
value = true
assurance = "org"
evidence = "network plan 12"
[[attest]]
upstream = "frankfurt"
fact = "cmek"
value = true
assurance = "org"
evidence = "key register 4"
"""

Run = Callable[..., Result]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with `config/`, and no variables but those of the test."""
    for name in list(os.environ):
        if name.startswith(("ANTHROPIC_", "AWS_", "CLOUD_", "GATEWAY_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    config = tmp_path / "config"
    (config / "policies").mkdir(parents=True)
    (config / "environments").mkdir()
    (config / "gateway.toml").write_text(MAIN)
    (config / "attestations.toml").write_text(ATTESTATIONS)
    for name in ("dev", "staging", "prod"):
        (config / "environments" / f"{name}.toml").touch()
    bank = (EXAMPLES / "eu-bank.toml").read_text()
    (config / "policies" / "eu-bank.toml").write_text(bank)
    return tmp_path


@pytest.fixture
def run() -> Run:
    """Run `gateway` with some arguments, in production."""

    def command(*args: str, stdin: str | bytes | None = None, **environ: str) -> Result:
        env = {
            "KEY": "made-up",
            "OTHER_KEY": "other",
            "GATEWAY_ENV": "prod",
            "COLUMNS": "200",
            **environ,
        }
        return CliRunner().invoke(app, list(args), env=env, input=stdin)

    return command
