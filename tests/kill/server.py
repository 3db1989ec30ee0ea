"""A gateway in a process of its own, to be killed: its configuration, its journal, its ledger."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from gateway.emulator import Emulator

STARTS_S = 60.0
GATEWAY_TOML = """\
schema = 1
[routing]
order = ["direct", "bedrock"]
[upstreams.direct]
provider = "anthropic"
api_key = "${{EMULATED_KEY}}"
base_url = "{direct}"
[upstreams.bedrock]
provider = "bedrock"
region = "eu-central-1"
profile = "eu"
api_key = "${{EMULATED_KEY}}"
base_url = "{bedrock}"
[retries]
base_s = 0.01
max_s = 0.05
[breaker]
enabled = false
[journal]
dir = "journal"
[ledger]
url = "sqlite:///ledger.sqlite3"
[server]
port = 0
"""


@dataclass
class Server:
    """Gateways one after the other, over one journal and one ledger."""

    directory: Path
    emulator: Emulator
    process: subprocess.Popen[bytes] | None = None
    port: int = 0
    starts: int = 0
    environ: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        (self.directory / "environments").mkdir()
        (self.directory / "environments" / "dev.toml").write_text("")
        text = GATEWAY_TOML.format(
            direct=self.emulator.direct.base_url, bedrock=self.emulator.bedrock.base_url
        )
        (self.directory / "gateway.toml").write_text(text)
        own = {"EMULATED_KEY": self.emulator.api_key, "GATEWAY_ENV": "dev"}
        self.environ = {**os.environ, **own, "GATEWAY_CONFIG": str(self.directory)}

    @property
    def ledger(self) -> Path:
        return self.directory / "ledger.sqlite3"

    def start(self) -> None:
        """Start the next one, and wait until it answers."""
        self.starts += 1
        log = self.directory / f"log-{self.starts}"
        with log.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "gateway", "serve"], env=self.environ, stdout=out, stderr=out
            )
        self.port = self._port(log)

    def kill(self) -> None:
        """End it as a machine does that loses its power, but for the kernel's own memory."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(STARTS_S)

    def stop(self) -> int:
        """End it as an operator does."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STARTS_S)

    def run(self, *arguments: str) -> dict[str, Any]:
        """Run a command that prints JSON."""
        done = subprocess.run(  # noqa: S603 - our own program
            [sys.executable, "-m", "gateway", *arguments, "--json"],
            env=self.environ, capture_output=True, text=True, check=False, timeout=STARTS_S,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def _port(self, log: Path) -> int:
        until_s = time.monotonic() + STARTS_S
        while time.monotonic() < until_s:
            for line in log.read_text().splitlines():
                if "http://127.0.0.1:" in line:
                    port = int(line.split("http://127.0.0.1:")[1].split()[0].rstrip("/,.;"))
                    if _answers(port):
                        return port
            assert self.process is not None
            assert self.process.poll() is None, log.read_text()
            time.sleep(0.01)
        raise AssertionError(log.read_text())


def _answers(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=1)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
