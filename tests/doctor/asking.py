"""The command over a configuration whose platforms are the emulated ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from gateway.cli import app
from gateway.emulator import Emulator
from gateway.emulator.organization import WORKSPACE

GATEWAY = """
schema = 1

[routing]
order = ["frankfurt", "belgium", "direct"]

[upstreams.frankfurt]
provider = "bedrock"
region = "eu-central-1"
profile = "eu"
control_url = "{bedrock}"
aws_access_key_id = "${{DOCTOR_KEY_ID}}"
aws_secret_access_key = "${{DOCTOR_SECRET}}"

[upstreams.belgium]
provider = "vertex"
region = "europe-west1"
project = "tide"
control_url = "{vertex}"
access_token = "${{DOCTOR_TOKEN}}"

[upstreams.direct]
provider = "anthropic"
api_key = "${{DOCTOR_TOKEN}}"
admin_key = "${{DOCTOR_ADMIN}}"
workspace = "{workspace}"
geo = "us"
control_url = "{direct}"
"""
ATTESTATIONS = """
schema = 1

[[attest]]
upstream = "frankfurt"
fact = "retention_days"
value = 0
assurance = "org"
evidence = "ticket 7"
"""


class Doctor:
    """A configuration whose upstreams are the emulated platforms, and the command."""

    def __init__(self, directory: Path, emulator: Emulator) -> None:
        self.directory = directory
        self.verified = directory / "verified.toml"
        self.emulator = emulator
        text = GATEWAY.format(
            bedrock=emulator.bedrock.base_url,
            vertex=emulator.vertex.base_url,
            direct=emulator.direct.base_url,
            workspace=WORKSPACE,
        )
        (directory / "environments").mkdir()
        (directory / "environments" / "prod.toml").write_text("", "utf-8")
        (directory / "gateway.toml").write_text(text, "utf-8")
        (directory / "attestations.toml").write_text(ATTESTATIONS, "utf-8")

    def edit(self, old: str, new: str) -> None:
        path = self.directory / "gateway.toml"
        text = path.read_text("utf-8")
        assert old in text
        path.write_text(text.replace(old, new), "utf-8")

    def __call__(self, *arguments: str) -> Result:
        options = ["doctor", "--config", str(self.directory), "--env", "prod", *arguments]
        return CliRunner().invoke(app, options)

    def told(self, *arguments: str) -> dict[str, Any]:
        result = self("--json", *arguments)
        assert result.exit_code in {0, 1}, result.output
        told: dict[str, Any] = json.loads(result.stdout)
        assert told["ok"] == (result.exit_code == 0)
        return told


def row(told: dict[str, Any], upstream: str, fact: str) -> dict[str, Any]:
    """Return the one finding about a fact."""
    found = [
        each for each in told["findings"] if (each["upstream"], each["fact"]) == (upstream, fact)
    ]
    assert len(found) == 1, found
    return dict(found[0])
