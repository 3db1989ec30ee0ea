"""What a server loads at start, and what others load: nothing that only another door needs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LIGHT = """
import sys
import gateway.cli
import gateway.client
import gateway.engine
import gateway.telemetry
print(sorted({"prometheus_client", "uvicorn", "gateway.server"} & set(sys.modules)))
"""
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


@pytest.mark.parametrize("code", [CODE, LIGHT], ids=["server", "others"])
def test_neither_a_server_nor_others_load_what_the_other_needs(tmp_path: Path, code: str) -> None:
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": str(tmp_path)}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)  # noqa: S603 - our own arguments
    assert done.stdout == "[]\n"
