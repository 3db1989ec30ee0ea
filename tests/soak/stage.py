"""The processes of a soak: the platforms, a gateway with its configuration, and the load."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

KEY = "caller-key-of-the-soak-0123456789"
STARTS_S = 60.0
GATEWAY_TOML = """\
schema = 1
[routing]
order = ["direct", "bedrock", "vertex", "again"]
[upstreams.direct]
provider = "anthropic"
api_key = "${{SOAK_API_KEY}}"
base_url = "{anthropic}"
[upstreams.again]
provider = "anthropic"
api_key = "${{SOAK_API_KEY}}"
base_url = "{anthropic}"
[upstreams.bedrock]
provider = "bedrock"
region = "eu-central-1"
profile = "eu"
aws_access_key_id = "${{SOAK_AWS_ID}}"
aws_secret_access_key = "${{SOAK_AWS_SECRET}}"
base_url = "{bedrock}"
[upstreams.vertex]
provider = "vertex"
project = "soak-project"
region = "europe-west1"
credentials_file = "vertex.json"
base_url = "{vertex}"
[timeouts]
connect_s = 5
first_content_s = 12
idle_s = 10
call_s = 50
hold_s = 3
ping_s = 2
[retries]
base_s = 0.05
max_s = 0.5
retry_after_cap_s = 2.5
[journal]
dir = "journal"
[callers.soak]
key = "${{SOAK_KEY}}"
[server]
port = 0
"""


@dataclass
class Platforms:
    """The emulated platforms."""

    process: subprocess.Popen[str]
    told: dict[str, Any]

    def came_in(self) -> dict[str, Any]:
        """Return what they got."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return _line(self.process)


@dataclass
class Gateway:
    """A gateway that serves."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path
    directory: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    def get(self, path: str) -> tuple[int, bytes]:
        """Ask for what is beside the calls."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path, headers={"x-api-key": KEY})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def stop(self) -> int:
        """Stop it as an operator does; return its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STARTS_S)


@contextmanager
def platforms(directory: Path) -> Iterator[Platforms]:
    process = subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-m", "tests.soak.platforms", str(directory)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with _ended(process):
        yield Platforms(process, _line(process))


@contextmanager
def gateway(directory: Path, told: dict[str, Any]) -> Iterator[Gateway]:
    """Run `gateway serve` with a configuration of its own over the platforms."""
    (directory / "environments").mkdir()
    (directory / "environments" / "dev.toml").write_text("schema = 1\n")
    (directory / "gateway.toml").write_text(GATEWAY_TOML.format(**told))
    log = directory / "gateway.log"
    environ = {"GATEWAY_CONFIG": str(directory), "GATEWAY_ENV": "dev", "SOAK_KEY": KEY}
    with log.open("wb") as written:
        process = subprocess.Popen(
            [sys.executable, "-m", "gateway", "serve"],
            env={**os.environ, **told["environ"], **environ},
            stdout=written,
            stderr=written,
        )
    with _ended(process):
        yield Gateway(process, _port(process, log), log, directory)


def load(port: int, seconds: float, seed: int, first: int) -> subprocess.Popen[str]:
    """Begin the load."""
    return subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-m", "tests.soak.load", str(port), str(seconds), str(seed), str(first)],
        env={**os.environ, "SOAK_KEY": KEY},
        stdout=subprocess.PIPE,
        text=True,
    )


@contextmanager
def _ended(process: subprocess.Popen[Any]) -> Iterator[None]:
    try:
        yield
    finally:
        process.kill()
        process.communicate()


def _line(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout is not None
    found: dict[str, Any] = json.loads(process.stdout.readline())
    return found


def _port(process: subprocess.Popen[bytes], log: Path) -> int:
    until_s = time.monotonic() + STARTS_S
    while time.monotonic() < until_s and process.poll() is None:
        for line in log.read_text().splitlines():
            if "listens on" in line:
                return int(line.rstrip(".").rpartition(":")[2])
        time.sleep(0.05)
    raise AssertionError(f"the gateway does not listen: {log.read_text()}")
