"""`gateway emulate` says all that a client needs: where each platform is, and what it takes."""

from __future__ import annotations

import itertools
import json
import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import anthropic
import boto3
import pytest
from google.oauth2 import service_account

ROOT = Path(__file__).parents[3]
COMMAND = [sys.executable, "-m", "gateway", "emulate"]


def environ(home: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": str(home)}


def test_what_it_prints_is_enough_for_every_client(tmp_path: Path) -> None:
    file = tmp_path / "vertex.json"
    running = subprocess.Popen(  # noqa: S603 - our own arguments
        [*COMMAND, "--port", "0", "--service-account", str(file)],
        env=environ(tmp_path),
        stdout=subprocess.PIPE,
        text=True,
    )
    killer = threading.Timer(30, running.kill)
    killer.start()
    try:
        assert running.stdout is not None
        said = "".join(itertools.takewhile(lambda line: line != "\n", running.stdout))
        found = dict(re.findall(r"(\w+)=(\S+)", said))
        assert Path(found["GOOGLE_APPLICATION_CREDENTIALS"]) == file
        ask(found)
    finally:
        killer.cancel()
        running.send_signal(signal.SIGTERM)
        running.communicate()
    assert running.returncode == 0


def ask(found: dict[str, str]) -> None:
    model, messages = "claude-opus-5-5", [{"role": "user", "content": "hello"}]
    direct = anthropic.Anthropic(
        base_url=found["ANTHROPIC_BASE_URL"], api_key=found["ANTHROPIC_API_KEY"]
    )
    bedrock = anthropic.AnthropicBedrock(
        base_url=found["ANTHROPIC_BEDROCK_BASE_URL"],
        aws_region=found["AWS_REGION"],
        aws_access_key=found["AWS_ACCESS_KEY_ID"],
        aws_secret_key=found["AWS_SECRET_ACCESS_KEY"],
    )
    vertex = anthropic.AnthropicVertex(
        base_url=found["ANTHROPIC_VERTEX_BASE_URL"],
        project_id=found["ANTHROPIC_VERTEX_PROJECT_ID"],
        region=found["CLOUD_ML_REGION"],
        credentials=service_account.Credentials.from_service_account_file(  # type: ignore[no-untyped-call]
            found["GOOGLE_APPLICATION_CREDENTIALS"],
            scopes=["https://www.googleapis.com/auth/cloud-platform"],
        ),
    )
    for client, name in ((direct, model), (bedrock, f"eu.anthropic.{model}"), (vertex, model)):
        with client:
            made = client.messages.create(model=name, max_tokens=16, messages=messages)  # type: ignore[arg-type]
            assert made.content
    aws = boto3.client(
        "bedrock-runtime",
        endpoint_url=found["ANTHROPIC_BEDROCK_BASE_URL"],
        region_name=found["AWS_REGION"],
        aws_access_key_id=found["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=found["AWS_SECRET_ACCESS_KEY"],
    )
    body = json.dumps({"anthropic_version": "2026-10-21", "max_tokens": 16, "messages": messages})
    assert aws.invoke_model(modelId=f"eu.anthropic.{model}", body=body)["body"].read()
    aws.close()


@pytest.mark.parametrize("port", ["65534", "99999", "-1"])
def test_a_port_that_leaves_no_room_is_refused_without_a_traceback(
    port: str, tmp_path: Path
) -> None:
    refused = subprocess.run(  # noqa: S603 - our own arguments
        [*COMMAND, "--port", port],
        env=environ(tmp_path),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert refused.returncode == 2
    assert "Traceback" not in refused.stderr
    assert "'--port'" in refused.stderr


def test_a_file_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    refused = subprocess.run(  # noqa: S603 - our own arguments
        [*COMMAND, "--port", "0", "--service-account", str(tmp_path / "no" / "file.json")],
        env=environ(tmp_path),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert refused.returncode == 1
    assert refused.stderr.startswith("cannot write ")
    assert len(refused.stderr.splitlines()) == 1
