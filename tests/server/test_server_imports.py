"""What a server loads at start: nothing that only another door or a platform needs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
CODE = """
import sys
import gateway.cli
import gateway.server
heavy = {
    "anthropic", "boto3", "botocore", "google.auth", "httpx2", "litellm", "requests",
    "rich.console", "gateway.client", "gateway.demo", "gateway.emulator",
}
print(sorted(heavy & set(sys.modules)))
"""


def test_a_server_loads_no_sdk_and_no_cloud(tmp_path: Path) -> None:
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": str(tmp_path)}
    command = [sys.executable, "-c", CODE]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)  # noqa: S603 - our own arguments
    assert done.stdout == "[]\n"
