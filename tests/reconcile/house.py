"""A gateway with a journal and a ledger, and a day of calls through it, yesterday."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from gateway.cli import app
from gateway.journal import Journal
from gateway.journal.read import files, records

CONFIG = """
schema = 1
[routing]
order = ["direct", "bedrock-frankfurt"]
[upstreams.direct]
provider = "anthropic"
api_key = "${{TEST_KEY}}"
base_url = "{direct}"
[upstreams.bedrock-frankfurt]
provider = "bedrock"
region = "eu-central-1"
profile = "eu"
api_key = "${{TEST_KEY}}"
base_url = "{bedrock}"
[journal]
dir = "journal"
"""
LEDGER = """
[ledger]
url = "sqlite:///ledger.sqlite3"
"""


@dataclass(frozen=True)
class House:
    """A configuration's directory, and commands in it."""

    directory: Path
    key: str = "made-up"

    @property
    def environ(self) -> dict[str, str]:
        return {
            "GATEWAY_CONFIG": str(self.directory), "GATEWAY_ENV": "test", "TEST_KEY": self.key,
        }  # fmt: skip

    @property
    def journal(self) -> Path:
        return self.directory / "journal"

    def reconcile(self, *arguments: str | Path) -> Result:
        command = ["reconcile", *map(str, arguments)]
        return CliRunner().invoke(app, command, env=self.environ)

    def held(self, *arguments: str | Path) -> tuple[int, list[dict[str, Any]]]:
        """Return the exit code and what is told of each statement."""
        result = self.reconcile(*arguments, "--json")
        assert result.exit_code in {0, 1}, result.output
        told = json.loads(result.stdout)
        assert told["ok"] == (result.exit_code == 0)
        return result.exit_code, told["statements"]


def built(directory: Path, *, key: str = "made-up", ledger: bool = True, **urls: str) -> House:
    directory.mkdir(exist_ok=True)
    (directory / "environments").mkdir()
    (directory / "environments" / "test.toml").touch()
    addresses = {"direct": "http://127.0.0.1:9", "bedrock": "http://127.0.0.1:9"} | urls
    text = CONFIG.format(**addresses) + (LEDGER if ledger else "")
    (directory / "gateway.toml").write_text(text)
    return House(directory, key)


def yesterday() -> datetime:
    """Return the beginning of yesterday."""
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)


def moved(source: Path, target: Path, back: timedelta) -> None:
    """Write the records of one journal into another, as if they had been so much earlier."""
    clock = [0.0]
    for path in files(source):
        journal = None
        for placed in records(source):
            if placed.file != path.name or placed.record.kind in {"opened", "closed"}:
                continue
            at = datetime.fromisoformat(placed.record.at) - back
            clock[0] = at.timestamp()
            journal = journal or Journal.open(target, fsync="never", now=lambda: clock[0])
            journal.append(placed.record.kind, placed.record.data)
        if journal is not None:
            journal.close()
